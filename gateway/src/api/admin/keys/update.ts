import { GatewayError } from '../../../core/errors.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { namesOf, present, textOf } from '../body-changes.ts'
import { managementSettings } from '../management-settings.ts'
import { resetAnchor, setSpend } from '../money-fields.ts'
import { changers, permit, teamStandings } from '../permissions.ts'
import { callerOf, type RecordPorts } from '../record-ports.ts'
import { wrapped } from '../refusals.ts'
import { warned } from '../without-effect.ts'
import { checkCeilings, updatedKeyBody } from './body.ts'
import { bulkUpdateBody, teamBulkUpdateBody, type UpdateBody, updateBody } from './fields.ts'
import { checkReferences, claimAlias, knownKey, knownTeam } from './find.ts'
import { changeBoundedByTeam } from './member-duration.ts'
import { keyRows } from './row.ts'
import { permitTeamUpdate, permitUpdate } from './who.ts'

const tag = 'key management'

export function updateRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/key/update',
      summary: 'Changes a key; only what is sent counts, and null clears',
      tag,
      roles: changers,
      body: updateBody,
      async handle(call) {
        const { outcome, row } = await updateKey(ports, call, call.body, '/key/update')
        return warned(changeReply(call.change, outcome, { key: call.body.key, ...row }), present(call.body))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/key/bulk_update',
      summary: 'Changes many keys, each on its own',
      tag,
      roles: ['proxy_admin'],
      body: bulkUpdateBody,
      handle: async (call) => ({ body: await updateEach(ports, call, call.body.keys, '/key/bulk_update') }),
    }),
    adminRoute({
      method: 'POST',
      path: '/team/key/bulk_update',
      summary: "Makes one change to a team's keys, each on its own",
      tag,
      roles: changers,
      body: teamBulkUpdateBody,
      async handle(call) {
        const { team_id: teamId, key_ids: ids, all_keys_in_team: all, update_fields: fields } = call.body
        const team = await knownTeam(ports.store, teamId)
        const standings = await teamStandings(ports.store, call.principal, team)
        const route = '/team/key/bulk_update'
        permit('key.bulk-update-team', standings, { route, teamId, caller: callerOf(call.principal) })
        const { records } = await ports.store.records({ kind: 'key', where: { team_id: teamId } })
        const tokens = records.map((key) => key.id)
        const chosen = all === true ? tokens : (ids ?? []).filter((id) => tokens.includes(id))
        if (all !== true && chosen.length === 0) throw wrapped(400, 'No keys of this team were named.')
        const updates = chosen.map((key) => ({ ...fields, key }))
        return { body: await updateEach(ports, call, updates, route, teamId) }
      },
    }),
  ]
}

interface BulkResult {
  total_requested: number
  successful_updates: JsonObject[]
  failed_updates: JsonObject[]
}

/** Each in a change of its own, so that one that is refused stops no other. */
async function updateEach(
  ports: RecordPorts,
  call: AdminCall<unknown, unknown>,
  updates: readonly UpdateBody[],
  route: string,
  administered?: string,
): Promise<BulkResult> {
  const result: BulkResult = { total_requested: updates.length, successful_updates: [], failed_updates: [] }
  for (const update of updates) {
    try {
      const { row } = await updateKey(ports, call, update, route, administered)
      result.successful_updates.push({ key: update.key, key_info: row })
    } catch (error) {
      // What is no refusal (a store that is away, a mistake of ours) is not this key's failure.
      if (!(error instanceof GatewayError) || error.status >= 500) throw error
      result.failed_updates.push({ key: update.key, key_info: null, failed_reason: error.message })
    }
  }
  return result
}

/** @param administered the team whose admin the caller is to be: of that one's keys he changes the limits of members' too */
async function updateKey(
  ports: RecordPorts,
  call: AdminCall<unknown, unknown>,
  sent: UpdateBody,
  route: string,
  administered?: string,
) {
  const request = present(sent)
  const settings = managementSettings(call.exchange.snapshot)
  const fields = settings.team_admin_editable_team_fields
  checkCeilings(request, settings.upperbound_key_generate_params, call.principal.role === 'proxy_admin')
  const revocation = sent.blocked === true
  const outcome = await ports.changes.records(
    { ...call.change, ...(revocation ? { revocation } : {}) },
    async (transaction) => {
      const key = await knownKey(transaction, sent.key)
      if (administered === undefined) {
        await permitUpdate(transaction, call.principal, key, request, fields, route)
      } else await permitTeamUpdate(transaction, call.principal, key, request, administered, route)
      return changeKey(ports, transaction, key, await changeBoundedByTeam(transaction, call.principal, key, sent))
    },
  )
  const { spend } = sent
  if (typeof spend === 'number' && call.change.dryRun !== true) {
    await setSpend(ports, 'api_key', outcome.result.id, spend)
  }
  const [shown] = await keyRows(ports, ports.store, [outcome.result])
  return { outcome, row: { ...shown?.row, token: outcome.result.id } }
}

/** @throws GatewayError (400, 404) */
export async function changeKey(
  ports: RecordPorts,
  transaction: Transaction,
  key: StoredRecord,
  sent: UpdateBody,
): Promise<StoredRecord> {
  const request = present(sent)
  const team = textOf(request.team_id)
  if (team !== undefined && team !== key.body.team_id) await knownTeam(transaction, team)
  const { project_id: project } = request
  // A key may leave its project and enter none other (contract 3.3).
  if (project !== undefined && project !== null && project !== key.body.project_id) {
    throw wrapped(400, 'project_id can only be cleared with null; it cannot be changed to another project.')
  }
  await claimAlias(transaction, request.key_alias, key.id)
  await checkReferences(transaction, request)
  if (request.access_group_ids !== undefined) {
    await moveAccessGroups(transaction, key, namesOf(request.access_group_ids))
  }
  return transaction.putRecord('key', key.id, {
    ...updatedKeyBody(key.body, sent, transaction.now),
    ...(request.budget_duration === undefined ? {} : resetAnchor(ports, request.budget_duration, transaction.now)),
  })
}

/** Groups list the keys that have them; a key that leaves or changes its name is followed there. */
export async function moveAccessGroups(
  transaction: Transaction,
  key: StoredRecord,
  wanted: readonly string[],
  token: string | undefined = key.id,
): Promise<void> {
  const before = namesOf(key.body.access_group_ids)
  for (const id of new Set([...before, ...wanted])) {
    const group = await transaction.record('access-group', id)
    if (group === undefined) {
      if (before.includes(id)) continue
      throw wrapped(404, `Access group not found, passed access_group_id=${id}`)
    }
    const others = namesOf(group.body.assigned_key_ids).filter((other) => other !== key.id)
    const assigned = wanted.includes(id) && token !== undefined ? [...others, token] : others
    await transaction.putRecord('access-group', id, { ...group.body, assigned_key_ids: assigned })
  }
}
