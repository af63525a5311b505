/**
 * `node bench/micro/ledger.ts`: CPU of this process, all threads, for each row that is brought into SQLite, in batches of the size that
 * the gateway makes under load. What a call costs before that, in the outbox, is not in it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { usdToNano } from '../../gateway/src/core/money.ts'
import type { SettledCall } from '../../gateway/src/core/settled-call.ts'
import type { Charge } from '../../gateway/src/core/spend.ts'
import { systemClock } from '../../gateway/src/lib/clock.ts'
import { createIds } from '../../gateway/src/lib/ids.ts'
import { Secret } from '../../gateway/src/lib/secret.ts'
import { addCalls } from '../../gateway/src/state/limits/spend-rows.ts'
import { createLedger } from '../../gateway/src/stores/ledger/ledger.ts'
import { rowOf } from '../../gateway/src/stores/ledger/row.ts'
import { openStore } from '../../gateway/src/stores/open.ts'

const batchRows = 500
const batches = 100

const directory = await mkdtemp(join(tmpdir(), 'midflight-bench-'))
const { store, database } = openStore({
  databaseUrl: undefined,
  dataDirectory: directory,
  saltKey: new Secret('sk-salt'),
  clock: systemClock,
  log: { debug() {}, info() {}, warn() {}, error() {} },
})
const newId = createIds()
const newCallId = createIds()
try {
  await store.start()
  const ledger = createLedger(database)
  for (const [name, keys] of [
    ['one key', 1],
    ['1,000 keys of 50 teams', 1_000],
  ] as const) {
    const prepared = Array.from({ length: 2 * batches }, () => batchOf(keys))
    // The first half warms up: compilers, and pages of the table.
    for (const rows of prepared.slice(batches)) await ledger.append(rows, addCharges)
    const before = process.cpuUsage()
    for (const rows of prepared.slice(0, batches)) await ledger.append(rows, addCharges)
    const { user, system } = process.cpuUsage(before)
    process.stdout.write(`${((user + system) / batches / batchRows).toFixed(2).padStart(9)} µs a row  ${name}\n`)
  }
} finally {
  await store.stop()
  await rm(directory, { recursive: true, force: true })
}

function batchOf(keys: number): string {
  return `[${Array.from({ length: batchRows }, () => lineOf(Math.floor(Math.random() * keys), keys)).join(',')}]`
}

async function addCharges(...[session, calls]: Parameters<typeof addCalls>): Promise<void> {
  await addCalls(session, calls)
}

function lineOf(key: number, keys: number): string {
  const call = callOf(key, keys)
  const { holders, deployment, modelGroup, provider } = call
  const names = [`api_key:${holders.key}`, `user:${holders.user}`, 'proxy:', `model:${modelGroup}`]
  names.push(`provider:${provider}`, `deployment:${deployment}`)
  if (holders.team !== '') names.push(`team:${holders.team}`)
  return rowOf(
    call,
    names.map((spender): Charge => ({ spender, window: undefined })),
  )
}

function callOf(key: number, keys: number): SettledCall {
  const endedAt = Date.now()
  return {
    id: newId(),
    callId: newCallId(),
    startedAt: endedAt - 900,
    endedAt,
    firstContentMs: undefined,
    holders: {
      key: keys === 1 ? 'litellm_proxy_master_key' : `${key}`.padStart(64, '0'),
      keyAlias: '',
      user: 'default_user_id',
      team: keys === 1 ? '' : `team-${key % 50}`,
      organization: '',
      endUser: '',
    },
    requestedModel: 'gpt-4o',
    modelGroup: 'gpt-4o',
    deployment: `deployment-${key % 4}`,
    provider: 'openai',
    providerModel: 'gpt-4o',
    apiBase: 'https://api.example.com/v1',
    callType: 'acompletion',
    stream: false,
    status: 200,
    errorCode: undefined,
    attempts: 1,
    fallbacks: 0,
    revision: 3,
    priceMap: '0123456789abcdef',
    usage: { inputTokens: 24, outputTokens: 18 },
    estimated: false,
    cost: usdToNano(0.00024),
    breakdown: { input: 100_000, output: 140_000 },
    tags: [],
    cacheHit: false,
    clientAddress: '',
  }
}
