import type { Principal } from '../../../core/principal.ts'
import type { StoredResource, Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { namesOf } from '../body-changes.ts'
import { type Reader, teamStandings } from '../permissions.ts'
import { notYourModel, unknownTeam } from './refusals.ts'
import { objectOf, textOf } from './row.ts'

/**
 * A team's own models. Such a deployment has a public name of its own (`model_name_<team>_<uuid>`), which nobody but the team's
 * aliases lead to; the team's callers ask for `team_public_model_name`.
 */

/** The team that a deployment's spec names; `undefined`: it is for everybody. */
export function teamOf(spec: JsonObject): string | undefined {
  return textOf(objectOf(spec.model_info).team_id) || undefined
}

/** @throws GatewayError `permission_denied` unless the caller is a proxy admin, or an admin of the team (contract 3.9) */
export async function permitModel(reader: Reader, principal: Principal, team: string | undefined): Promise<void> {
  if (principal.role === 'proxy_admin') return
  if (team === undefined) throw notYourModel(principal.role)
  const record = await reader.record('team', team)
  if (record === undefined) throw unknownTeam(team)
  const standings = await teamStandings(reader, principal, record)
  if (!standings.has('team_admin') && !standings.has('org_admin')) throw notYourModel(principal.role)
}

/**
 * The inner name for a team's model: the one that its other deployments of that public name have, so that they share calls.
 * @param fresh a name that nobody has
 */
export function innerName(
  stored: readonly StoredResource[],
  team: string,
  publicName: string,
  fresh: () => string,
): string {
  const sibling = stored.find(
    (other) => !other.deleted && teamOf(other.spec) === team && publicNameOf(other.spec) === publicName,
  )
  return sibling === undefined ? `model_name_${team}_${fresh()}` : textOf(sibling.spec.model_name)
}

export function publicNameOf(spec: JsonObject): string {
  return publicNameIn(objectOf(spec.model_info))
}

/** @param info `model_info` */
export function publicNameIn(info: JsonObject): string {
  return textOf(info.team_public_model_name)
}

/** Gives the team the alias, and the public name where its list of models is not open anyway. @throws GatewayError for an unknown team */
export async function joinTeam(
  transaction: Transaction,
  team: string,
  publicName: string,
  inner: string,
): Promise<void> {
  const record = await transaction.record('team', team)
  if (record === undefined) throw unknownTeam(team)
  const models = namesOf(record.body.models)
  const open =
    models.length === 0 || models.includes(publicName) || models.includes('all-proxy-models') || models.includes('*')
  await transaction.putRecord('team', team, {
    ...record.body,
    model_aliases: { ...aliasesOf(record.body), [publicName]: inner },
    models: open ? [...models] : [...models, publicName],
  })
}

/** Rows of LiteLLM's own database keep them in a table beside. */
function aliasesOf(team: JsonObject): JsonObject {
  return objectOf(team.model_aliases ?? objectOf(team.litellm_model_table).model_aliases)
}

/** For the last deployment of that public name. A team that is gone has nothing to take back. */
export async function leaveTeam(transaction: Transaction, team: string, publicName: string): Promise<void> {
  const record = await transaction.record('team', team)
  if (record === undefined) return
  const { [publicName]: _gone, ...aliases } = aliasesOf(record.body)
  const models = namesOf(record.body.models)
  const left = models.filter((name) => name !== publicName)
  await transaction.putRecord('team', team, {
    ...record.body,
    model_aliases: aliases,
    // An empty list would allow everything.
    models: models.length > 0 && left.length === 0 ? ['no-default-models'] : left,
  })
}
