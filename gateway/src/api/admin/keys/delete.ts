import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { isoTime, textOf } from '../body-changes.ts'
import { changers } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal, wrapped } from '../refusals.ts'
import { deleteBody, oneKeyBody } from './fields.ts'
import { findKey, keyOfAlias } from './find.ts'
import { keyRows } from './row.ts'
import { isKeyOrHash } from './token.ts'
import { moveAccessGroups } from './update.ts'
import { permitKey } from './who.ts'

const tag = 'key management'

/** Everything that makes a key not count any more; each is answered when no replica accepts it (issue: a revocation has a bound). */
export function revocationRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/key/delete',
      summary: 'Deletes keys; answered when no replica accepts them any more',
      tag,
      roles: changers,
      body: deleteBody,
      async handle(call) {
        const { keys, key_aliases: aliases } = call.body
        const named = keys ?? aliases ?? []
        if (named.length === 0) throw wrapped(400, 'Specify keys or key_aliases to delete.')
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          const found: { readonly name: string; readonly key: StoredRecord }[] = []
          for (const name of new Set(named)) {
            const key = keys ? await findKey(transaction, name) : await keyOfAlias(transaction, name)
            if (key !== undefined) found.push({ name, key })
          }
          if (found.length === 0) throw refusal(404, 'No keys found', 'not_found_error', 'keys')
          // Nothing is deleted unless all may be.
          for (const { key } of found) await permitKey(transaction, call.principal, 'key.delete', key, '/key/delete')
          await deleteKeys(
            transaction,
            call.principal,
            found.map(({ key }) => key),
          )
          return found.map(({ name }) => name)
        })
        return changeReply(call.change, outcome, { deleted_keys: outcome.result })
      },
    }),
    blockRoute(ports, '/key/block', true),
    blockRoute(ports, '/key/unblock', false),
  ]
}

function blockRoute(ports: RecordPorts, path: string, blocked: boolean): DeclaredRoute {
  return adminRoute({
    method: 'POST',
    path,
    summary: blocked ? 'Blocks a key; answered when no replica accepts it any more' : 'Lets a blocked key call again',
    tag,
    roles: changers,
    body: oneKeyBody,
    async handle(call) {
      const { key: named } = call.body
      if (!isKeyOrHash(named)) throw refusal(400, 'Invalid key format.', 'bad_request_error', 'key')
      const outcome = await ports.changes.records({ ...call.change, revocation: blocked }, async (transaction) => {
        const key = await findKey(transaction, named)
        if (key === undefined) throw refusal(404, `Key not found. Passed key=${shown(named)}`, 'not_found_error', 'key')
        await permitKey(transaction, call.principal, 'key.block', key, path)
        return transaction.putRecord('key', key.id, { ...key.body, blocked })
      })
      const [row] = await keyRows(ports, ports.store, [outcome.result])
      return changeReply(call.change, outcome, { ...row?.row, token: outcome.result.id })
    },
  })
}

/** Deletes keys with everything that leads to them, and keeps a copy of each for `/key/info`; what they spent is still counted. */
export async function deleteKeys(
  transaction: Transaction,
  principal: Principal,
  keys: readonly StoredRecord[],
): Promise<void> {
  if (keys.length === 0) return
  const tokens = keys.map((key) => key.id)
  const { records: retired } = await transaction.records({ kind: 'retired-key', where: { alias: tokens } })
  for (const old of retired) await transaction.deleteRecord('retired-key', old.id)
  for (const key of keys) {
    await moveAccessGroups(transaction, key, [])
    await transaction.deleteRecord('key', key.id)
    await transaction.putRecord('deleted-key', key.id, {
      ...key.body,
      created_at: textOf(key.body.created_at) ?? isoTime(key.createdAt),
      created_by: textOf(key.body.created_by) ?? key.createdBy,
      deleted_at: isoTime(transaction.now),
      deleted_by: principal.userId || null,
      deleted_by_api_key: principal.key?.id ?? null,
    })
  }
}

function shown(named: string): string {
  return named.startsWith('sk-') ? `sk-...${named.slice(-4)}` : named
}
