import { hash } from 'node:crypto'
import type { App } from '../src/app.ts'
import type { RecordKind } from '../src/core/record.ts'
import type { Role } from '../src/core/role.ts'
import type { Transaction } from '../src/core/store.ts'
import type { JsonObject } from '../src/lib/json.ts'

/** Records as a test needs them, put into the store without the routes that make them. */

const actor = { id: 'default_user_id', role: 'proxy_admin', via: 'test' } as const

/** A record as it shall be; without a body it is deleted. */
export type RecordWrite = readonly [kind: RecordKind, id: string, body: JsonObject | undefined]

export async function putRecords(app: App, ...records: readonly RecordWrite[]): Promise<void> {
  await app.changes.records({ actor }, (transaction) => writeRecords(transaction, ...records))
}

export async function writeRecords(transaction: Transaction, ...records: readonly RecordWrite[]): Promise<void> {
  for (const [kind, id, body] of records) {
    if (body === undefined) await transaction.deleteRecord(kind, id)
    else await transaction.putRecord(kind, id, body)
  }
}

export function putRecord(app: App, kind: RecordKind, id: string, body: JsonObject): Promise<void> {
  return putRecords(app, [kind, id, body])
}

/** The body of a record as it is stored; `undefined`: there is none. */
export async function recordOf(app: App, kind: RecordKind, id: string): Promise<JsonObject | undefined> {
  return (await app.store.record(kind, id))?.body
}

/** A virtual key with these fields. @returns the key itself */
export async function putKey(app: App, name: string, body: JsonObject = {}): Promise<string> {
  const key = `sk-test-${name}`
  await putRecord(app, 'key', hash('sha256', key), { key_name: `sk-...${name.slice(-4)}`, models: [], ...body })
  return key
}

/** A key of a user with that role. */
export async function putCaller(app: App, role: Role, body: JsonObject = {}): Promise<string> {
  const id = `user-${role}`
  await putRecord(app, 'user', id, { user_id: id, user_role: role, models: [] })
  return putKey(app, role, { user_id: id, ...body })
}

export function keyId(key: string): string {
  return hash('sha256', key)
}
