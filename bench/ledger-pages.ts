import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { DailyQuery } from '../gateway/src/core/ledger.ts'
import { systemClock } from '../gateway/src/lib/clock.ts'
import { Secret } from '../gateway/src/lib/secret.ts'
import { columnList } from '../gateway/src/stores/ledger/columns.ts'
import { grainsOf, storedScope } from '../gateway/src/stores/ledger/grains.ts'
import { createLedger } from '../gateway/src/stores/ledger/ledger.ts'
import { openStore } from '../gateway/src/stores/open.ts'
import type { SqlDatabase } from '../gateway/src/stores/sql.ts'
import { startPostgres } from '../gateway/test/databases.ts'

/**
 * How long the pages of the ledger take over many rows (issue #4): `node bench/ledger-pages.ts --rows 10000000 --store sqlite`.
 * Rows are spread over 30 days, 1,000 keys, 50 teams, 200 users and 20 models.
 */
const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, store: { type: 'string', default: 'sqlite' } },
})
const rows = Number(values.rows)
const step = 50_000
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
  await timed('newest 50 calls', () => ledger.calls({ limit: 50 }))
  await timed('newest 50 calls of a key', () => ledger.calls({ key: 'key-7', limit: 50 }))
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

/** By the database itself, because this is about reading. */
async function fill(target: SqlDatabase): Promise<void> {
  const start = Date.UTC(2026, 10, 1)
  const days =
    target.dialect === 'sqlite'
      ? `'2026-11-' || substr('0' || (n % 30 + 1), -2)`
      : `'2026-11-' || lpad((n % 30 + 1)::text, 2, '0')`
  for (let from = 0; from < rows; from += step) {
    const text = `INSERT INTO midflight_ledger (${columnList})
       WITH RECURSIVE numbers(n) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < CAST($2 AS BIGINT))
       SELECT 'row-' || n, 'call-' || n, ${days}, ${start} + (n % 30) * 86400000 + n % 86400000, ${start} + (n % 30) * 86400000 + n % 86400000 + 900,
         120, 'key-' || (n / 30 % 1000), '', 'user-' || (n / 30 % 1000 / 5), 'team-' || (n / 30 % 1000 / 20), '', '', 'model-' || (n / 30000 % 20), 'model-' || (n / 30000 % 20),
         'deployment-' || (n / 30000 % 20), 'openai', 'model-' || (n / 30000 % 20), 'https://api.example.com/v1', 'acompletion', n % 2, CASE WHEN n % 50 = 0 THEN 500 ELSE 200 END,
         '', 1, 0, 7, 'map', n % 4000, n % 900, 0, 0, 0, NULL, NULL, 0, n % 100000, NULL, NULL, 0, ''
       FROM numbers`
    // As a migration, which may take its time.
    const last = Math.min(from + step, rows) - 1
    await target.transaction('migration', (session) => session.query(text, [from, last]))
  }
  await target.transaction('migration', async (session) => {
    await session.query(
      `INSERT INTO midflight_ledger_daily SELECT 'key', key_hash, day, key_hash, model_group, provider, provider_model, COUNT(*),
         SUM(CASE WHEN status >= 400 THEN 1 ELSE 0 END), SUM(input_tokens), SUM(output_tokens), 0, 0, SUM(cost), 0
       FROM midflight_ledger GROUP BY 1, 2, 3, 4, 5, 6, 7`,
    )
    // All other sums from those by key, of which there are fewer than rows: who a key belongs to follows from its number.
    const number = 'CAST(SUBSTR(key_hash, 5) AS INTEGER)'
    const holders = {
      all: `''`,
      key: 'key_hash',
      user: `'user-' || (${number} / 5)`,
      team: `'team-' || (${number} / 20)`,
    }
    for (const scope of ['all', 'key', 'user', 'team'] as const) {
      for (const grain of grainsOf(scope)) {
        const stored = storedScope(scope, grain)
        if (stored === 'key') continue
        const key = grain === 'key' ? 'key_hash' : `''`
        const model = grain === 'day' ? `'', '', ''` : 'model_group, provider, provider_model'
        await session.query(
          `INSERT INTO midflight_ledger_daily SELECT '${stored}', ${holders[scope]}, day, ${key}, ${model}, SUM(calls),
             SUM(failed), SUM(input_tokens), SUM(output_tokens), 0, 0, SUM(cost), 0
           FROM midflight_ledger_daily WHERE scope = 'key' GROUP BY 1, 2, 3, 4, 5, 6, 7`,
        )
      }
    }
  })
}
