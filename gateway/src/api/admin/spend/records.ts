import { z } from 'zod'
import type { Principal } from '../../../core/principal.ts'
import type { RecordKind, StoredRecord } from '../../../core/record.ts'
import { spenderName } from '../../../core/spend.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { keyRows } from '../keys/row.ts'
import { setSpend } from '../money-fields.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal } from '../refusals.ts'
import { userRows } from '../users/row.ts'
import { seesAll, spendReaders } from './visible.ts'

type Tools = Pick<RecordPorts, 'store' | 'spending' | 'timezone' | 'clock'>

const tag = 'spend'
/** Who spent most is known when all were looked at; more than this have to be paged. */
const mostShown = 10_000
const resetStep = 500

/** `GET /spend/keys`, `GET /spend/users`: the records, who spent most first; and `POST /global/spend/reset`. */
export function spendRecordRoutes(ports: Tools): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/spend/keys',
      summary: 'The keys, who spent most first; others than administrators see their own',
      tag,
      roles: spendReaders,
      async handle({ principal }) {
        const records = await visible(ports, 'key', principal, undefined, '/key/list')
        const rows = await keyRows(ports, ports.store, records)
        return { body: bySpend(rows.map(({ token, row }) => ({ ...row, token }))) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/spend/users',
      summary: 'The users, who spent most first; others than administrators see themselves',
      tag,
      roles: spendReaders,
      query: z.object({ user_id: z.string().optional() }),
      async handle({ principal, query }) {
        const records = await visible(ports, 'user', principal, query.user_id, '/user/list')
        return { body: bySpend(await userRows(ports, ports.store, records)) }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/global/spend/reset',
      summary: 'What all keys and teams have spent starts again from 0; the ledger stays. For the master key only',
      tag,
      roles: ['proxy_admin'],
      async handle({ principal }) {
        if (principal.key !== undefined) {
          const message = 'Tried to access route=/global/spend/reset, which is only for MASTER KEY'
          throw refusal(401, `Authentication Error, ${message}`, 'auth_error', 'None')
        }
        await resetAll(ports, 'key', 'api_key')
        await resetAll(ports, 'team', 'team')
        return { body: { message: 'Spend for all API Keys and Teams reset successfully', status: 'success' } }
      },
    }),
  ]
}

/** @throws GatewayError 403 for somebody else's, 400 when there are too many to be shown at once */
async function visible(
  { store }: Tools,
  kind: 'key' | 'user',
  principal: Principal,
  asked: string | undefined,
  pagedRoute: string,
): Promise<readonly StoredRecord[]> {
  const everybody = seesAll(principal)
  if (!everybody && asked !== undefined && asked !== principal.userId) {
    throw refusal(
      403,
      'Only your own spend is yours to see; leave out user_id or ask an admin.',
      'auth_error',
      'user_id',
    )
  }
  // A key that acts for nobody has no records of its own.
  if (!everybody && principal.userId === '') return []
  const user = everybody ? asked : principal.userId
  const where = user === undefined ? {} : kind === 'user' ? { id: user } : { user_id: user }
  const { records, total } = await store.records({ kind, where, limit: mostShown })
  if (total <= records.length) return records
  const message = `There are more than ${mostShown} ${kind}s; use ${pagedRoute}, which pages.`
  throw refusal(400, message, 'bad_request_error', 'None')
}

function bySpend(rows: readonly JsonObject[]): readonly JsonObject[] {
  return rows.toSorted((one, other) => Number(other.spend) - Number(one.spend))
}

/** Page by page, and only those who have spent anything: a reset of a million keys must not write a million times. */
async function resetAll(ports: Tools, kind: RecordKind, spender: 'api_key' | 'team'): Promise<void> {
  for (let offset = 0; ; offset += resetStep) {
    const { records } = await ports.store.records({ kind, sort: { by: 'id' }, offset, limit: resetStep })
    if (records.length === 0) return
    const spent = await ports.spending.of(records.map(({ id }) => ({ kind: spender, value: id })))
    for (const { id } of records) {
      if ((spent.get(spenderName({ kind: spender, value: id }))?.amount ?? 0) > 0) await setSpend(ports, spender, id, 0)
    }
    if (records.length < resetStep) return
  }
}
