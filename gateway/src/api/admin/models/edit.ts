import type { Snapshot } from '../../../config/snapshot.ts'
import type { Edited, ResourceDraft } from '../../../core/changes.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { StoredResource, Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { shownInfo } from './info.ts'
import { idTaken } from './refusals.ts'
import { type Rename, renameInRecords, renameInResources } from './rename.ts'
import { objectOf, textOf } from './row.ts'
import { editedSpec, newSpec } from './spec.ts'
import { innerName, joinTeam, leaveTeam, publicNameOf, teamOf } from './teams.ts'

/** What the model routes do to the draft; each may run more than once. The results are rows as they will be. */

type Alongside = (transaction: Transaction) => Promise<void>

/** @throws GatewayError with status 409 where a deployment of that id is declared anywhere */
export function create(
  draft: ResourceDraft,
  id: string,
  sent: JsonObject,
  newId: () => string,
): Edited<StoredResource> {
  if (draft.declared('deployment', id) !== undefined || storedModel(draft, id) !== undefined) throw idTaken(id)
  const info = objectOf(sent.model_info)
  const team = textOf(info.team_id) || undefined
  const asked = textOf(sent.model_name)
  if (team === undefined) {
    draft.put('deployment', id, newSpec(id, asked, sent, info))
    return { result: rowOf(draft, id) }
  }
  const publicName = textOf(info.team_public_model_name) || asked
  const inner = innerName(draft.storedOf('deployment'), team, publicName, newId)
  draft.put('deployment', id, newSpec(id, inner, sent, { ...info, team_public_model_name: publicName }))
  return { result: rowOf(draft, id), alongside: (transaction) => joinTeam(transaction, team, publicName, inner) }
}

/**
 * @param stored   the deployment as it is in the draft
 * @param snapshot what the request started with
 */
export function edit(
  draft: ResourceDraft,
  stored: StoredResource,
  sent: JsonObject,
  snapshot: Snapshot,
): Edited<StoredResource> {
  const { name: id, spec: before } = stored
  if (objectOf(sent.litellm_params).litellm_credential_name === '') {
    throw new GatewayError(
      'config_owned',
      'litellm_credential_name must not be empty; send null to detach the credential.',
      { param: 'litellm_credential_name' },
    )
  }
  const shown = shownInfo(snapshot, id)
  const team = teamOf(before)
  if (team !== undefined) return editOfTeam(draft, id, team, before, sent, shown)
  const after = editedSpec(before, sent, shown)
  const joins = teamOf(after)
  if (joins !== undefined) {
    throw new GatewayError(
      'config_owned',
      'A model cannot be given to a team later; create it with model_info.team_id.',
      {
        param: 'model_info.team_id',
      },
    )
  }
  draft.put('deployment', id, after)
  const from = textOf(before.model_name)
  const to = textOf(after.model_name)
  if (from === to) return { result: rowOf(draft, id) }
  const rename: Rename = { from, to, shared: isNamed(draft, snapshot, from, id) }
  renameInResources(draft, rename)
  return { result: rowOf(draft, id), alongside: (transaction) => renameInRecords(transaction, rename) }
}

/** The name that a team's model is called by is the team's alias; the deployment's own name stays. */
function editOfTeam(
  draft: ResourceDraft,
  id: string,
  team: string,
  before: JsonObject,
  sent: JsonObject,
  shown: JsonObject,
): Edited<StoredResource> {
  const from = publicNameOf(before)
  const inner = textOf(before.model_name)
  const asked = textOf(sent.model_name)
  const to =
    textOf(objectOf(sent.model_info).team_public_model_name) || (asked === '' || asked === inner ? from : asked)
  const { model_name: _public, ...rest } = sent
  const after = editedSpec(before, rest, shown)
  const info = { ...objectOf(after.model_info), team_id: team, team_public_model_name: to }
  if (from === to) {
    draft.put('deployment', id, { ...after, model_info: info })
    return { result: rowOf(draft, id) }
  }
  const target = innerName(draft.storedOf('deployment'), team, to, () => id)
  draft.put('deployment', id, { ...after, model_name: target, model_info: info })
  const last = !hasSibling(draft, team, from, id)
  const alongside: Alongside = async (transaction) => {
    await joinTeam(transaction, team, to, target)
    if (last) await leaveTeam(transaction, team, from)
  }
  return { result: rowOf(draft, id), alongside }
}

export function remove(draft: ResourceDraft, stored: StoredResource): Edited<StoredResource> {
  const { name: id, spec } = stored
  draft.delete('deployment', id)
  const team = teamOf(spec)
  if (team === undefined) return { result: stored }
  const name = publicNameOf(spec)
  if (hasSibling(draft, team, name, id)) return { result: stored }
  return { result: stored, alongside: (transaction) => leaveTeam(transaction, team, name) }
}

export function storedModel(draft: ResourceDraft, id: string): StoredResource | undefined {
  const stored = draft.stored('deployment', id)
  return stored === undefined || stored.deleted ? undefined : stored
}

function hasSibling(draft: ResourceDraft, team: string, publicName: string, id: string): boolean {
  return draft
    .storedOf('deployment')
    .some(
      (other) =>
        !other.deleted && other.name !== id && teamOf(other.spec) === team && publicNameOf(other.spec) === publicName,
    )
}

/** Whether a deployment other than this one has the public name, wherever it is declared. */
function isNamed(draft: ResourceDraft, snapshot: Snapshot, name: string, id: string): boolean {
  const others = draft.storedOf('deployment').filter((other) => other.name !== id)
  if (others.some((other) => !other.deleted && other.spec.model_name === name)) return true
  const kept = new Set(others.map((other) => other.name))
  for (const deployment of snapshot.deployments.values()) {
    if (deployment.modelName === name && deployment.id !== id && !kept.has(deployment.id)) return true
  }
  return false
}

function rowOf(draft: ResourceDraft, id: string): StoredResource {
  const stored = storedModel(draft, id)
  if (stored === undefined) throw new GatewayError('internal', `the deployment ${id} was put and is not in the draft`)
  return stored
}
