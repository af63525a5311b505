/**
 * `node --expose-gc bench/micro/callers.ts`: what it costs to know who calls, on a warm replica, and what a known key takes in
 * memory. The store is a map: what is measured is the directory, not a database.
 */
import { hash } from 'node:crypto'
import { Authenticator } from '../../gateway/src/api/authenticate.ts'
import type { Route } from '../../gateway/src/api/route.ts'
import type { RecordKind, StoredRecord } from '../../gateway/src/core/record.ts'
import type { Store } from '../../gateway/src/core/store.ts'
import { Directory } from '../../gateway/src/directory/directory.ts'
import { systemClock } from '../../gateway/src/lib/clock.ts'
import type { JsonObject } from '../../gateway/src/lib/json.ts'
import { Secret } from '../../gateway/src/lib/secret.ts'
import { headWithKey } from '../../gateway/test/request-head.ts'
import { measure } from './measure.ts'

const keys = 200_000
const teams = 1_000

/** A row as `/key/generate` writes it for a member of a team. */
function keyBody(index: number): JsonObject {
  return {
    key_alias: `service-${index}`,
    key_name: `sk-...${String(index).padStart(4, '0').slice(-4)}`,
    expires: null,
    models: ['gpt-4o', 'claude-sonnet'],
    aliases: {},
    config: {},
    router_settings: {},
    user_id: null,
    team_id: `team-${index % teams}`,
    organization_id: null,
    permissions: {},
    metadata: { tags: ['production'], service: `service-${index}` },
    blocked: null,
    max_parallel_requests: null,
    tpm_limit: 100_000,
    rpm_limit: 1_000,
    max_budget: 100,
    budget_duration: '30d',
    model_max_budget: {},
    allowed_routes: [],
    access_group_ids: [],
    auto_rotate: false,
    rotation_count: 0,
  }
}

const numberOf = new Map<string, number>()

function recordOf(kind: RecordKind, id: string): StoredRecord | undefined {
  const row = { kind, id, revision: 1, createdAt: 0, updatedAt: 0, createdBy: '', updatedBy: '' }
  const index = numberOf.get(id)
  // Through JSON, as a database gives it.
  if (kind === 'key' && index !== undefined) return { ...row, body: JSON.parse(JSON.stringify(keyBody(index))) }
  if (kind === 'team')
    return { ...row, body: { team_alias: id, models: [], max_budget: 1_000, budget_duration: '30d' } }
  return undefined
}

const store: Pick<Store, 'record' | 'records'> = {
  record: async (kind, id) => recordOf(kind, id),
  async records({ kind, where }) {
    const ids = Array.isArray(where?.id) ? where.id : []
    const records = ids.map((id) => recordOf(kind, id)).filter((record) => record !== undefined)
    return { records, total: records.length }
  },
}

const directory = new Directory({
  store,
  clock: systemClock,
  reachable: () => true,
  report: () => undefined,
  capacity: 2 * keys,
})
const authenticator = new Authenticator({
  bootKey: new Secret('sk-boot'),
  clock: systemClock,
  directory,
  freshness: { leaseValid: () => true, reachable: () => true, confirm: async () => undefined },
})
const route: Route = { method: 'POST', path: '/v1/chat/completions', access: 'caller', handle() {} }
const settings = { masterKey: undefined, keyHeader: undefined }

const heads = Array.from({ length: keys }, (_, index) => {
  const key = `sk-${String(index).padStart(22, 'x')}`
  numberOf.set(hash('sha256', key), index)
  return headWithKey(key)
})
const ids = [...numberOf.keys()]

const before = heap()
for (let from = 0; from < ids.length; from += 1_000) {
  await Promise.all(ids.slice(from, from + 1_000).map((id) => directory.principalOf(id)))
}
const bytes = (heap() - before) / ids.length
process.stdout.write(
  `${ids.length} keys in memory: ${Math.round(bytes)} bytes each, ${Math.round((heap() - before) / 1e6)} MB\n`,
)

/** All requests come on one, as from a proxy that mixes its callers. */
const connection = {}
let at = 0
const next = <Value>(list: readonly Value[], among: number): Value => {
  at = (at + 7_919) % among
  return list[at] as Value
}
for (const among of [1, 1_000, keys]) {
  measure(`principal of a hash, among ${among} keys`, () => directory.principalOf(next(ids, among)))
  measure(`authenticate a request, among ${among} keys`, () =>
    authenticator.authenticate(next(heads, among), route, settings, connection),
  )
}
const master = headWithKey('sk-boot')
measure('authenticate the master key', () => authenticator.authenticate(master, route, settings, connection))

function heap(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
