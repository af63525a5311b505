import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../../lib/reason.ts'
import { DatabaseFailure, type SqlDriver } from '../driver.ts'
import { longestRestMs, runOnSession } from '../session-time.ts'
import { type SqlRow, type SqlSession, type SqlValue, type TransactionMode, topics } from '../sql.ts'
import { Turns } from '../turns.ts'
import { Locked, SqliteThread } from './thread.ts'

export interface SqliteOptions {
  /** Created, with its folder, when it is missing; readable by its owner only. */
  readonly file: string
  /** `false`: nobody is told of commits. */
  readonly hints?: boolean
}

/** How long to wait for another process that writes. */
const longestLockMs = 5_000
const longestMigrationMs = 600_000
const begin = { text: 'BEGIN IMMEDIATE', parameters: [] }
const view = { text: 'BEGIN', parameters: [] }
const commit = { text: 'COMMIT', parameters: [] }
const rollback = { text: 'ROLLBACK', parameters: [] }
/** Of the connection that writes, between transactions: what is committed is synced, or what is committed next sees to that. */
const unsynced = { text: 'PRAGMA synchronous = NORMAL', parameters: [] }
const synced = { text: 'PRAGMA synchronous = FULL', parameters: [] }

/**
 * SQLite in a thread of its own, so that neither `fsync` nor a large read holds up calls. Safe with several processes on one file:
 * SQLite's locks decide, and each notices the others' commits by itself.
 */
export function createSqliteDriver({ file, hints = true }: SqliteOptions): SqlDriver {
  const writers = new Turns(10_000)
  const views = new Turns(10_000)
  let thread: SqliteThread | undefined
  /** Started by the first large read, so that others do not wait behind it. */
  let reader: SqliteThread | undefined
  let onChange: (() => void) | undefined

  function opened(): SqliteThread {
    if (thread === undefined) throw new DatabaseFailure('away', 'it is not open')
    return thread
  }

  async function readLarge(text: string, parameters: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    opened()
    reader ??= new SqliteThread({ file, writes: false })
    const used = reader
    try {
      await used.ready()
      return await used.run([{ text, parameters }], { lane: 'read' })
    } catch (error) {
      // A thread that has ended, or hangs, is replaced by the next large read; all else goes on without it.
      if (error instanceof DatabaseFailure && error.kind === 'away') {
        used.end()
        if (reader === used) reader = undefined
        throw new DatabaseFailure('busy', error.message, { cause: error })
      }
      throw error
    }
  }

  async function whenUnlocked<Answer>(waitMs: number, ask: () => Promise<Answer>): Promise<Answer> {
    const until = performance.now() + waitMs
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof Locked)) throw error
        if (performance.now() > until) {
          throw new DatabaseFailure('busy', `another process has been writing for ${waitMs} ms`, { cause: error })
        }
        await sleep(2 + Math.random() * 8)
      }
    }
  }

  async function write<Result>(mode: TransactionMode, work: (session: SqlSession) => Promise<Result>): Promise<Result> {
    const patient = mode === 'migration'
    const used = opened()
    const run = { lane: 'write', ...(patient ? { timeoutMs: longestMigrationMs } : {}) } as const
    await whenUnlocked(patient ? longestMigrationMs : longestLockMs, () => used.run([begin], run))
    try {
      const result = await runOnSession(sessionOf(used, run), patient ? longestMigrationMs : longestRestMs, work)
      await used.run([commit], run).catch((error: unknown) => {
        if (!(error instanceof DatabaseFailure) || error.kind !== 'away') throw error
        throw new DatabaseFailure('away', error.message, { cause: error, uncertain: true })
      })
      return result
    } catch (error) {
      // It may be over already: a failed COMMIT, or a thread that has ended. Then there is nothing to undo.
      await used.run([rollback], run).catch(() => undefined)
      throw error
    }
  }

  /** Has the writers' turn, so nobody else writes unsynced. */
  async function writeUnsynced<Result>(work: (session: SqlSession) => Promise<Result>): Promise<Result> {
    const used = opened()
    await used.run([unsynced], { lane: 'write' })
    try {
      return await write('fleeting', work)
    } finally {
      await used.run([synced], { lane: 'write' })
    }
  }

  async function read<Result>(work: (session: SqlSession) => Promise<Result>): Promise<Result> {
    const used = opened()
    await used.run([view], { lane: 'view' })
    try {
      return await runOnSession(sessionOf(used, { lane: 'view' }), longestRestMs, work)
    } finally {
      await used.run([rollback], { lane: 'view' }).catch(() => undefined)
    }
  }

  return {
    dialect: 'sqlite',
    label: file,
    async connect() {
      if (thread !== undefined) return
      await createPrivate(file)
      const started = new SqliteThread({ file, writes: true })
      await started.ready()
      thread = started
      started.onChange = () => onChange?.()
      if (onChange !== undefined) started.watch(true)
    },
    disconnect() {
      for (const each of [thread, reader]) each?.end()
      thread = undefined
      reader = undefined
    },
    async close() {
      const closing = [reader, thread]
      thread = undefined
      reader = undefined
      for (const each of closing) await each?.close()
    },
    async query(text, parameters = [], weight) {
      if (weight === 'large' && isRead(text)) return whenUnlocked(longestLockMs, () => readLarge(text, parameters))
      if (isRead(text)) return whenUnlocked(longestLockMs, () => opened().run([{ text, parameters }], { lane: 'read' }))
      const statements = [begin, { text, parameters }, commit]
      return writers.take(() =>
        whenUnlocked(longestLockMs, () => opened().run(statements, { lane: 'write', answer: 1, undo: true })),
      )
    },
    async notify() {},
    transaction(mode, work) {
      if (mode === 'read') return views.take(() => read(work))
      return writers.take(() => (mode === 'fleeting' ? writeUnsynced(work) : write(mode, work)))
    },
    listen(onHint) {
      if (!hints) return () => undefined
      onChange = () => {
        for (const topic of topics) onHint(topic)
      }
      thread?.watch(true)
      return () => {
        onChange = undefined
        thread?.watch(false)
      }
    },
  }
}

function sessionOf(thread: SqliteThread, run: Parameters<SqliteThread['run']>[1]): SqlSession {
  return {
    dialect: 'sqlite',
    query: (text, parameters = []) => thread.run([{ text, parameters }], run),
    notify: async () => undefined,
  }
}

function isRead(text: string): boolean {
  return /^\s*SELECT\b/i.test(text) || (/^\s*WITH\b/i.test(text) && !/\b(?:INSERT|UPDATE|DELETE)\b/i.test(text))
}

/** SQLite gives the log and the index beside the file the file's own mode. */
async function createPrivate(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await (await open(file, 'a', 0o600)).close()
  } catch (error) {
    throw new DatabaseFailure('away', reasonOf(error), { cause: error })
  }
}
