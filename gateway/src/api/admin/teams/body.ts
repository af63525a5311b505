import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { namesOf, objectOf, omit, pick, textOf, withChanges } from '../body-changes.ts'
import { putBudget } from '../budgets/store.ts'
import { checkDuration } from '../duration-words.ts'
import { checkLimits, checkSoftBudget } from '../limit-checks.ts'
import { resetAnchor } from '../money-fields.ts'
import { allMemberPermissions } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { wrapped } from '../refusals.ts'
import { withoutMasks } from '../secret-places.ts'
import { memberBudgetNames, metadataNames } from './fields.ts'
import { clearedTeam, emptyTeam } from './row.ts'

const notStored = [
  ...metadataNames,
  ...Object.keys(memberBudgetNames),
  'metadata',
  'members_with_roles',
  'spend',
  'team_id',
]

/**
 * Writes a team: a new one, or one with what was sent laid over it. The roster is not touched.
 * @throws GatewayError (400, 404)
 */
export async function putTeam(
  ports: Pick<RecordPorts, 'newId' | 'timezone'>,
  transaction: Transaction,
  id: string,
  before: StoredRecord | undefined,
  sent: JsonObject,
): Promise<StoredRecord> {
  checkLimits(sent)
  const said = before === undefined ? sent : withoutMasks(sent, before.body)
  checkDuration(textOf(sent.team_member_key_duration), 'team_member_key_duration')
  const unknown = namesOf(sent.team_member_permissions).find((name) => !allMemberPermissions.includes(name))
  if (unknown !== undefined) throw wrapped(400, `Invalid team_member_permissions: ${unknown}`)
  const merged = withChanges(before?.body ?? emptyTeam, omit(said, notStored), clearedTeam)
  checkSoftBudget(merged)
  await checkOrganization(transaction, merged)
  if (sent.access_group_ids !== undefined)
    await moveAccessGroups(transaction, id, before, namesOf(sent.access_group_ids))
  const metadata =
    said.metadata === undefined
      ? objectOf(before?.body.metadata)
      : // Whoever named a budget here would be shown it, and change it, whosever it is.
        omit(objectOf(said.metadata), ['team_member_budget_id'])
  const shared = textOf(objectOf(before?.body.metadata).team_member_budget_id)
  return transaction.putRecord('team', id, {
    ...merged,
    team_id: id,
    metadata: await withMemberBudget(ports, transaction, withFields(metadata, sent), shared, sent),
    ...(sent.budget_duration === undefined ? {} : resetAnchor(ports, sent.budget_duration, transaction.now)),
  })
}

function withFields(metadata: JsonObject, sent: JsonObject): JsonObject {
  const fields = pick(sent, metadataNames)
  const merged = { ...metadata, ...fields }
  return Object.fromEntries(Object.entries(merged).filter(([name, value]) => value !== null || !(name in fields)))
}

/** @param shared id of the budget that the team's members have */
async function withMemberBudget(
  ports: Pick<RecordPorts, 'newId' | 'timezone'>,
  transaction: Transaction,
  metadata: JsonObject,
  shared: string | undefined,
  sent: JsonObject,
): Promise<JsonObject> {
  const limits: Record<string, JsonObject[string]> = {}
  for (const [name, field] of Object.entries(memberBudgetNames)) {
    if (sent[name] !== undefined) limits[field] = sent[name]
  }
  // A metadata that was replaced does not take the members' budget away.
  if (Object.keys(limits).length === 0)
    return shared === undefined ? metadata : { ...metadata, team_member_budget_id: shared }
  const before = shared === undefined ? undefined : await transaction.record('budget', shared)
  const budget = await putBudget(ports, transaction, before?.id ?? ports.newId(), before, limits)
  return { ...metadata, team_member_budget_id: budget.id }
}

/** A team gets no more than its organization has (contract 3.9). @throws GatewayError (400, 404) */
async function checkOrganization(transaction: Transaction, team: JsonObject): Promise<void> {
  const id = textOf(team.organization_id)
  if (id === undefined) return
  const organization = await transaction.record('organization', id)
  if (organization === undefined) throw wrapped(404, `Organization not found, passed organization_id=${id}`)
  const budgetId = textOf(organization.body.budget_id)
  const budget = budgetId === undefined ? undefined : await transaction.record('budget', budgetId)
  for (const name of ['max_budget', 'tpm_limit', 'rpm_limit'] as const) {
    const most = budget?.body[name]
    const wanted = team[name]
    if (typeof most === 'number' && typeof wanted === 'number' && wanted > most) {
      throw wrapped(400, `Team ${name} (${wanted}) exceeds the organization's ${name} (${most}). organization_id=${id}`)
    }
  }
  const allowed = namesOf(organization.body.models)
  if (allowed.length === 0 || allowed.includes('all-proxy-models') || allowed.includes('*')) return
  const other = namesOf(team.models).find((model) => !allowed.includes(model) && !ofTeam.includes(model))
  if (other !== undefined) {
    throw wrapped(400, `Team model ${other} is not among the organization's models. organization_id=${id}`)
  }
}

/** Words of a model list that name no model; what they stand for is cut down to the organization's when a call is checked. */
const ofTeam = ['all-proxy-models', 'all-team-models', 'no-default-models', '*']

/** Groups list the teams that have them. @throws GatewayError (404) for a group that is not there */
async function moveAccessGroups(
  transaction: Transaction,
  team: string,
  before: StoredRecord | undefined,
  wanted: readonly string[],
): Promise<void> {
  const had = namesOf(before?.body.access_group_ids)
  for (const id of new Set([...had, ...wanted])) {
    if (had.includes(id) && wanted.includes(id)) continue
    const group = await transaction.record('access-group', id)
    if (group === undefined) {
      if (had.includes(id)) continue
      throw wrapped(404, `Access group not found, passed access_group_id=${id}`)
    }
    const others = namesOf(group.body.assigned_team_ids).filter((other) => other !== team)
    const assigned = wanted.includes(id) ? [...others, team] : others
    await transaction.putRecord('access-group', id, { ...group.body, assigned_team_ids: assigned })
  }
}
