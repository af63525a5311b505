import { nanoToUsd } from '../../../core/money.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { isoTime, namesOf, present, textOf } from '../body-changes.ts'
import { afterDuration } from '../duration-words.ts'
import { managementSettings } from '../management-settings.ts'
import { setSpend, spentBy } from '../money-fields.ts'
import { changers } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal, wrapped } from '../refusals.ts'
import { warned } from '../without-effect.ts'
import { checkCeilings } from './body.ts'
import { regenerateBody, resetSpendBody } from './fields.ts'
import { findKey, knownKey } from './find.ts'
import { changeBoundedByTeam } from './member-duration.ts'
import { generatedKey, keyRows } from './row.ts'
import { checkCustomKey, newKey, shownKey, tokenOf } from './token.ts'
import { changeKey, moveAccessGroups } from './update.ts'
import { permitKey, permitUpdate, refuseHigherRole, routesTold } from './who.ts'

const tag = 'key management'

export function regenerateRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/key/regenerate',
      summary: 'Gives a key a new value; the old one stops at once, or after grace_period',
      tag,
      roles: changers,
      body: regenerateBody,
      handle: (call) => regenerate(ports, call, call.body.key ?? ''),
    }),
    adminRoute({
      method: 'POST',
      path: '/key/{key}/regenerate',
      summary: 'The same, with the key in the path',
      tag,
      roles: changers,
      body: regenerateBody,
      handle: (call) => regenerate(ports, call, call.pathParameter),
    }),
    adminRoute({
      method: 'POST',
      path: '/key/{key}/reset_spend',
      summary: 'Sets what a key has spent in the running window',
      tag,
      roles: changers,
      body: resetSpendBody,
      handle: (call) => resetSpend(ports, call),
    }),
  ]
}

type RegenerateCall = AdminCall<ReturnType<typeof regenerateBody.parse>, unknown>

async function regenerate(ports: RecordPorts, call: RegenerateCall, named: string): Promise<AdminReply> {
  const { new_key: custom, new_master_key: master, grace_period: grace, key: _named, ...changes } = call.body
  if (master) {
    throw wrapped(
      400,
      'The master key is declared in the configuration; change it there, it is read again while running.',
    )
  }
  if (named === '') throw wrapped(400, 'No key was named; pass key.')
  const period = grace ?? ports.gracePeriod
  if (custom) checkCustomKey(custom)
  const { upperbound_key_generate_params: ceilings } = managementSettings(call.exchange.snapshot)
  checkCeilings(present(changes), ceilings, call.principal.role === 'proxy_admin')
  const drawn = custom || newKey(ports.randomBytes, ports.keyBytes)
  const token = tokenOf(drawn)
  const revokesAt = (now: number) => (period === '' ? undefined : afterDuration(now, period, 'grace_period'))
  revokesAt(0)
  const outcome = await ports.changes.records({ ...call.change, revocation: period === '' }, async (transaction) => {
    const old = await findKey(transaction, named)
    if (old === undefined) throw refusal(404, `Key ${shown(named)} not found.`, 'not_found_error', 'key')
    await permitKey(transaction, call.principal, 'key.regenerate', old, '/key/regenerate')
    await refuseHigherRole(transaction, call.principal, textOf(old.body.user_id))
    if (Object.keys(present(changes)).length > 0) {
      await permitUpdate(transaction, call.principal, old, present(changes), [], '/key/regenerate')
    }
    if (token === old.id) throw wrapped(400, 'new_key is the key itself.')
    if ((await transaction.record('key', token)) !== undefined || (await transaction.record('retired-key', token))) {
      throw wrapped(400, `Key with this value already exists. Key=${shownKey(drawn)}`)
    }
    const bounded = await changeBoundedByTeam(transaction, call.principal, old, changes)
    const changed = await changeKey(ports, transaction, old, { ...bounded, key: old.id })
    const routes = routesTold(call.principal, textOf(changed.body.user_id))
    const made = routes === undefined ? changed : { ...changed, body: { ...changed.body, allowed_routes: routes } }
    const replaced = await replaceKey(transaction, made, token, shownKey(drawn), revokesAt(transaction.now))
    return { ...replaced, key: drawn }
  })
  const { old, made, key } = outcome.result
  if (call.change.dryRun !== true) {
    await ports.spending.move({ kind: 'api_key', value: old }, { kind: 'api_key', value: made.id })
    const { spend } = call.body
    if (typeof spend === 'number') await setSpend(ports, 'api_key', made.id, spend)
  }
  const [row] = await keyRows(ports, ports.store, [made])
  if (row === undefined) throw new Error('one record has one row')
  const plain = call.change.dryRun === true ? shownKey(key) : key
  return warned(changeReply(call.change, outcome, generatedKey(row, plain, call.body.duration)), present(changes))
}

/** The same key under a new hash; keys that were retired for it lead to the new one. */
async function replaceKey(
  transaction: Transaction,
  key: StoredRecord,
  token: string,
  name: string,
  revokesAt: number | undefined,
) {
  const { rotation_count: count } = key.body
  await moveAccessGroups(transaction, key, namesOf(key.body.access_group_ids), token)
  await transaction.deleteRecord('key', key.id)
  const made = await transaction.putRecord('key', token, {
    ...key.body,
    key_name: name,
    rotation_count: (typeof count === 'number' ? count : 0) + 1,
    last_rotation_at: isoTime(transaction.now),
    created_at: textOf(key.body.created_at) ?? isoTime(key.createdAt),
    created_by: textOf(key.body.created_by) ?? key.createdBy,
  })
  const { records: retired } = await transaction.records({ kind: 'retired-key', where: { alias: key.id } })
  for (const older of retired) {
    await transaction.putRecord('retired-key', older.id, { ...older.body, active_token_id: token })
  }
  if (revokesAt !== undefined) {
    await transaction.putRecord('retired-key', key.id, {
      token: key.id,
      active_token_id: token,
      revoke_at: isoTime(revokesAt),
    })
  }
  return { old: key.id, made }
}

async function resetSpend(
  ports: RecordPorts,
  call: AdminCall<ReturnType<typeof resetSpendBody.parse>, unknown>,
): Promise<AdminReply> {
  const { reset_to: amount } = call.body
  const key = await knownKey(ports.store, call.pathParameter)
  await permitKey(ports.store, call.principal, 'key.reset-spend', key, '/key/reset_spend')
  const before = nanoToUsd((await spentBy(ports, 'api_key', [key.id]))(key.id).amount)
  if (amount < 0) throw wrapped(400, `reset_to must be >= 0. Received: ${amount}`)
  if (amount > before) throw wrapped(400, `reset_to (${amount}) must be <= current spend (${before})`)
  if (call.change.dryRun !== true) await setSpend(ports, 'api_key', key.id, amount)
  const [shown] = await keyRows(ports, ports.store, [key])
  return {
    body: { ...shown?.row, token: key.id, key_hash: key.id, previous_spend: before },
  }
}

function shown(named: string): string {
  return named.startsWith('sk-') ? shownKey(named) : named
}
