import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../core/errors.ts'
import { dialects } from './dialect.ts'
import { DatabaseFailure } from './driver.ts'
import type { Migration } from './migrations/migration.ts'
import { number } from './row.ts'
import type { SqlAccess, SqlSession } from './sql.ts'

/** `mid` in hex and the schema's first version: any number that nobody else locks. */
const lockNumber = 0x6d_69_64_01
const longestLockWaitMs = 60_000

/**
 * Brings the schema to the last of the migrations. Programs that start at once take turns; one that dies half-way leaves the rest to
 * the next. The lock is held per step, not in between.
 * @throws GatewayError `store_unavailable` when the schema is newer than this program can read
 */
export async function migrate(access: SqlAccess, migrations: readonly Migration[]): Promise<void> {
  const known = migrations.at(-1)?.number ?? 0
  const until = performance.now() + longestLockWaitMs
  for (;;) {
    try {
      if ((await access.transaction('migration', (session) => next(session, migrations, known))) === 'done') return
    } catch (error) {
      if (!(error instanceof DatabaseFailure) || error.kind === 'away' || performance.now() > until) throw error
      await sleep(100)
    }
  }
}

async function next(session: SqlSession, migrations: readonly Migration[], known: number): Promise<'done' | 'more'> {
  if (session.dialect === 'postgres') await session.query('SELECT pg_advisory_xact_lock($1)', [lockNumber])
  const { text, now } = dialects[session.dialect]
  await session.query(`CREATE TABLE IF NOT EXISTS midflight_migration (
    number INTEGER PRIMARY KEY,
    name ${text} NOT NULL,
    minimum_reader INTEGER NOT NULL,
    applied_at BIGINT NOT NULL
  )`)
  const applied = await session.query('SELECT number, minimum_reader FROM midflight_migration')
  const needed = Math.max(0, ...applied.map((row) => number(row, 'minimum_reader')))
  if (needed > known) {
    throw new GatewayError(
      'store_unavailable',
      `The database was migrated by a newer version: its schema needs migration ${needed}, this program knows ${known}. Run the newer version.`,
    )
  }
  const done = new Set(applied.map((row) => number(row, 'number')))
  const migration = migrations.find((each) => !done.has(each.number))
  if (migration === undefined) return 'done'
  if ((await migration.step(session)) === 'done') {
    await session.query(`INSERT INTO midflight_migration VALUES ($1, $2, $3, ${now})`, [
      migration.number,
      migration.name,
      migration.minimumReader,
    ])
  }
  return 'more'
}
