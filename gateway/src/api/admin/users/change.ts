import { z } from 'zod'
import { GatewayError } from '../../../core/errors.ts'
import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { objectOf, omit, present, textOf, withChanges } from '../body-changes.ts'
import { deleteKeys } from '../keys/delete.ts'
import { checkLimits } from '../limit-checks.ts'
import { resetAnchor, setSpend } from '../money-fields.ts'
import { changers } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal, wrapped } from '../refusals.ts'
import { withoutMasks } from '../secret-places.ts'
import { leaveTeams } from '../teams/membership.ts'
import { warned } from '../without-effect.ts'
import { withLimitsByModel } from './body.ts'
import { userFields } from './fields.ts'
import { findUser, normalEmail, unknownUser, userOfEmail } from './find.ts'
import { clearedUser, userRows } from './row.ts'

const tag = 'user management'
const updateBody = z.object(userFields)

/** What users may say of themselves; everything else says what they may do, or who they are to teams that know an address. */
const ownFields = ['user_id', 'user_alias']

const notStored = ['user_id', 'spend', 'model_rpm_limit', 'model_tpm_limit', 'guardrails', 'prompts', 'metadata']

export function changeUserRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/user/update',
      summary: 'Changes a user, named by id or address',
      tag,
      roles: changers,
      body: updateBody,
      async handle(call) {
        const { outcome, row } = await updateUser(ports, call, present(call.body))
        return warned(changeReply(call.change, outcome, { user_id: row.user_id, data: row }), present(call.body))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/user/bulk_update',
      summary: 'Changes many users, each on its own',
      tag,
      roles: ['proxy_admin'],
      body: z.object({
        users: z.array(updateBody).max(500).nullish(),
        all_users: z.boolean().nullish(),
        user_updates: updateBody.omit({ user_id: true, user_email: true }).nullish(),
      }),
      handle: async (call) => ({ body: await updateEach(ports, call, await chosen(ports, call.body)) }),
    }),
    adminRoute({
      method: 'POST',
      path: '/user/delete',
      summary: 'Deletes users with their keys and memberships; answers how many',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ user_ids: z.array(z.string()) }),
      async handle(call) {
        const ids = [...new Set(call.body.user_ids)]
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          for (const id of ids) await deleteUser(transaction, call.principal, id)
        })
        return changeReply(call.change, outcome, ids.length)
      },
    }),
  ]
}

type Call = AdminCall<unknown, unknown>

async function updateUser(ports: RecordPorts, call: Call, request: JsonObject) {
  const outcome = await ports.changes.records(
    // A role or a block that is taken away must not work on any replica.
    { ...call.change, revocation: request.user_role !== undefined || request.blocked === true },
    async (transaction) => {
      const id = textOf(request.user_id)
      const email = textOf(request.user_email)
      if (id === undefined && email === undefined) throw wrapped(400, 'Either user_id or user_email must be provided')
      const user = await findUser(transaction, id, email)
      if (user === undefined) throw unknownUser(id ?? email ?? '')
      permitUser(call.principal, user, request)
      return changeUser(ports, transaction, user, withoutMasks(request, user.body))
    },
  )
  const { spend } = request
  if (typeof spend === 'number' && call.change.dryRun !== true) await setSpend(ports, 'user', outcome.result.id, spend)
  const [row] = await userRows(ports, ports.store, [outcome.result])
  return { outcome, row: row ?? {} }
}

/** @throws GatewayError (403) */
function permitUser(principal: Principal, user: StoredRecord, request: JsonObject): void {
  if (principal.role === 'proxy_admin') return
  const email = textOf(request.user_email)
  const named = email !== undefined && normalEmail(email) === user.body.user_email
  const other = Object.keys(request).find((name) => !ownFields.includes(name) && !(name === 'user_email' && named))
  if (principal.userId === user.id && other === undefined) return
  const message = other === undefined ? 'You may change only yourself.' : `Only proxy admins can change ${other}.`
  throw refusal(403, message, 'auth_error', other ?? 'user_id')
}

/** @throws GatewayError (400, 409) */
async function changeUser(
  ports: RecordPorts,
  transaction: Transaction,
  user: StoredRecord,
  request: JsonObject,
): Promise<StoredRecord> {
  checkLimits(request)
  const email = textOf(request.user_email)
  const holder = email === undefined ? undefined : await userOfEmail(transaction, email)
  if (holder !== undefined && holder.id !== user.id) throw wrapped(409, `User with email ${email} already exists`)
  const { metadata } = user.body
  return transaction.putRecord('user', user.id, {
    ...withChanges(user.body, omit(request, notStored), clearedUser),
    metadata: withLimitsByModel(request, objectOf(metadata)),
    ...(request.budget_duration === undefined ? {} : resetAnchor(ports, request.budget_duration, transaction.now)),
    ...(email === undefined ? {} : { user_email: normalEmail(email) }),
  })
}

/** @throws GatewayError (404) */
async function deleteUser(transaction: Transaction, principal: Principal, id: string): Promise<void> {
  if ((await transaction.deleteRecord('user', id)) === undefined) throw unknownUser(id)
  const { records: keys } = await transaction.records({ kind: 'key', where: { user_id: id } })
  await deleteKeys(transaction, principal, keys)
  await leaveTeams(transaction, id)
  const { records: memberships } = await transaction.records({ kind: 'organization-member', where: { user_id: id } })
  for (const membership of memberships) await transaction.deleteRecord('organization-member', membership.id)
}

async function chosen(
  ports: RecordPorts,
  body: {
    readonly users?: readonly object[] | null | undefined
    readonly all_users?: boolean | null | undefined
    readonly user_updates?: object | null | undefined
  },
): Promise<readonly JsonObject[]> {
  if (body.all_users !== true) return (body.users ?? []).map((user) => present({ ...user }))
  if (!body.user_updates) throw wrapped(400, 'user_updates is required when all_users is true')
  const { records } = await ports.store.records({ kind: 'user', limit: 500 })
  return records.map((user) => ({ ...present({ ...body.user_updates }), user_id: user.id }))
}

async function updateEach(ports: RecordPorts, call: Call, updates: readonly JsonObject[]) {
  const results: JsonObject[] = []
  for (const update of updates) {
    const named = { user_id: update.user_id ?? null, user_email: update.user_email ?? null }
    try {
      const { row } = await updateUser(ports, call, update)
      results.push({ ...named, success: true, error: null, updated_user: row })
    } catch (error) {
      if (!(error instanceof GatewayError) || error.status >= 500) throw error
      results.push({ ...named, success: false, error: error.message, updated_user: null })
    }
  }
  const successful = results.filter((result) => result.success === true).length
  return {
    results,
    total_requested: updates.length,
    successful_updates: successful,
    failed_updates: updates.length - successful,
  }
}
