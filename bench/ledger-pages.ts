import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { CallQuery, DailyQuery } from '../gateway/src/core/ledger/ledger.ts'
import { lineOf } from '../gateway/src/core/ledger/row.ts'
import type { SettledCall } from '../gateway/src/core/ledger/settled-call.ts'
import { Tally } from '../gateway/src/core/ledger/tally.ts'
import { usdToNano } from '../gateway/src/core/money.ts'
import { systemClock } from '../gateway/src/lib/clock.ts'
import { Secret } from '../gateway/src/lib/secret.ts'
import { packed, putBlock } from '../gateway/src/stores/ledger/blocks.ts'
import { addDailyRows, dailyRows } from '../gateway/src/stores/ledger/daily-rows.ts'
import { createLedger } from '../gateway/src/stores/ledger/ledger.ts'
import { openStore } from '../gateway/src/stores/open.ts'
import type { SqlDatabase } from '../gateway/src/stores/sql.ts'
import { startPostgres } from '../gateway/test/databases.ts'
import { settledCall } from '../gateway/test/settled-calls.ts'

/**
 * How long the pages of the ledger take over many rows (issue #4): `node bench/ledger-pages.ts --rows 10000000 --store sqlite`.
 * Rows are spread over 30 days, 1,000 keys, 50 teams, 200 users and 20 models; every key calls every model every day.
 */
const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, store: { type: 'string', default: 'sqlite' } },
})
const rows = Number(values.rows)
const blockRows = 3_600
const days = 30
const dayMs = 86_400_000
const start = Date.UTC(2026, 10, 1)
const log = { debug() {}, info() {}, warn() {}, error() {} }

const server = values.store === 'postgres' ? await startPostgres() : undefined
const dataDirectory = await mkdtemp(join(tmpdir(), 'midflight-bench-'))
const { store, database } = openStore({
  databaseUrl: server?.url,
  dataDirectory,
  saltKey: new Secret('sk-salt'),
  clock: systemClock,
  log,
})
try {
  await store.start()
  await timed(`${rows} rows written`, () => fill(database))
  const ledger = createLedger(database)
  const month = { from: '2026-11-01', to: '2026-11-30' }
  const pages: Record<string, DailyQuery> = {
    'spend by day': { scope: 'all', ...month, by: ['day'] },
    'spend by model': { scope: 'all', ...month, by: ['model'] },
    'spend by team and day': { scope: 'team', ...month, by: ['holder', 'day'] },
    'report by team, model and day': { scope: 'team', ...month, by: ['day', 'holder', 'model'] },
    'activity of one user': {
      scope: 'user',
      holders: ['user-7'],
      ...month,
      by: ['day', 'holder', 'modelGroup', 'model', 'provider', 'key'],
    },
    'activity of one team': {
      scope: 'team',
      holders: ['team-7'],
      ...month,
      by: ['day', 'holder', 'modelGroup', 'model', 'provider', 'key'],
    },
    'activity of one key': { scope: 'key', holders: ['key-7'], ...month, by: ['day', 'model'] },
    'spend of one team by day': { scope: 'team', holders: ['team-7'], ...month, by: ['day'] },
    'top keys': { scope: 'key', ...month, by: ['holder'] },
  }
  for (const [name, query] of Object.entries(pages)) {
    await timed(name, () => ledger.daily(query))
    await timed(`${name}, again`, () => ledger.daily(query))
  }
  const dayTen = { from: start + 9 * dayMs, to: start + 10 * dayMs }
  const lists: Record<string, CallQuery> = {
    'newest 50 calls': { limit: 50 },
    'newest 50 calls of a key': { key: 'key-7', limit: 50 },
    'newest 50 calls of a team, failed': { team: 'team-7', failed: true, limit: 50 },
    'one call by its id': { callId: `call-${Math.floor(rows / 2)}`, limit: 50 },
    'a key on one day, page 5': { ...dayTen, key: 'key-7', limit: 50, offset: 200 },
    'dearest 50 calls of one day': { ...dayTen, sort: 'cost', limit: 50 },
  }
  for (const [name, query] of Object.entries(lists)) {
    await timed(name, () => ledger.calls(query))
    await timed(`${name}, again`, () => ledger.calls(query))
  }
} finally {
  await store.stop()
  await server?.stop()
  await rm(dataDirectory, { recursive: true, force: true })
}

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  await work()
  process.stdout.write(`${(performance.now() - startedAt).toFixed(1).padStart(10)} ms  ${name}\n`)
}

/** Blocks and sums as the gateway keeps them, but sums once a day, because this is about reading. */
async function fill(target: SqlDatabase): Promise<void> {
  const perDay = Math.ceil(rows / days)
  for (let day = 0; day < days; day += 1) {
    const ofDay = new Tally()
    for (let from = day * perDay; from < (day + 1) * perDay; from += blockRows) {
      const last = Math.min(from + blockRows, (day + 1) * perDay, rows)
      if (from < last) await fillBlock(target, ofDay, from, last, perDay)
    }
    const sums = await dailyRows(ofDay.cells)
    // As a migration, which may take its time.
    await target.transaction('migration', async (session) => {
      for (const list of sums) await session.query(addDailyRows[target.dialect], [list])
    })
  }
}

async function fillBlock(target: SqlDatabase, ofDay: Tally, from: number, to: number, perDay: number): Promise<void> {
  const tally = new Tally()
  let lines = ''
  for (let n = from; n < to; n += 1) {
    const row = { call: callNumber(n, perDay), charges: [] }
    tally.add(row)
    ofDay.add(row)
    lines += `${lineOf(row)}\n`
  }
  await putBlock(target, await packed(`bench/${from}`, { lines: Buffer.from(lines), tally }))
}

function callNumber(n: number, perDay: number): SettledCall {
  const key = (n * 7_919) % 1_000
  const model = `model-${Math.floor(n / 1_000) % 20}`
  const startedAt = Math.floor(start + (n / perDay) * dayMs)
  return settledCall({
    id: `row-${n}`,
    callId: `call-${n}`,
    startedAt,
    endedAt: startedAt + 900,
    firstContentMs: 120,
    holders: {
      key: `key-${key}`,
      keyAlias: '',
      user: `user-${Math.floor(key / 5)}`,
      team: `team-${Math.floor(key / 20)}`,
      organization: '',
      endUser: '',
    },
    modelGroup: model,
    providerModel: model,
    status: n % 50 === 0 ? 500 : 200,
    usage: { inputTokens: n % 4_000, outputTokens: n % 900 },
    cost: usdToNano((n % 100_000) / 1e9),
  })
}
