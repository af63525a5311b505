import { flushCompileCache } from 'node:module'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { reasonOf } from '../../lib/reason.ts'
import { Recent } from '../../lib/recent.ts'
import type { SqlValue } from '../sql.ts'
import { CommitWatch } from './commit-watch.ts'
import type { Lane, Reply, Request, Statement, Table, ThreadOptions } from './messages.ts'
import { toPositional } from './placeholders.ts'

/** SQLite's thread: statements in, rows out, in order. `driver.ts` is its other end. */

interface Prepared {
  readonly statement: StatementSync
  /** Of its rows; none where it answers nothing. */
  readonly columns: readonly string[]
  readonly order: readonly number[]
}

interface Connection {
  readonly database: DatabaseSync
  readonly prepared: Recent<string, Prepared>
}

/** At most so many statements are kept prepared per connection: all of the program's and some with lists of varying length. */
const keptStatements = 200
const openTries = 50

/** SQLite's primary result codes after which the file is opened anew. */
const awayCodes: readonly number[] = [10 /* IOERR */, 11 /* CORRUPT */, 14 /* CANTOPEN */, 26 /* NOTADB */]
const busyCodes: readonly number[] = [3 /* PERM */, 7 /* NOMEM */, 8 /* READONLY */, 13 /* FULL */]
const lockedCodes: readonly number[] = [5 /* BUSY */, 6 /* LOCKED */]

function open(file: string, lane: Lane): Connection {
  const database = new DatabaseSync(file, { readOnly: lane !== 'write' })
  // Whoever waits for the lock of another process waits outside: inside, reads would wait too.
  database.exec(`PRAGMA busy_timeout = ${lane === 'write' ? 5 : 1_000}`)
  if (lane === 'write') {
    useLog(database)
    // An answered change survives a power cut. The log is cut back after a large import.
    database.exec('PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8000')
  } else {
    database.exec('PRAGMA cache_size = -16000')
  }
  database.exec('PRAGMA temp_store = MEMORY')
  return { database, prepared: new Recent(keptStatements / 2) }
}

/** Two processes that create the file at once: SQLite tells one of them `busy` without waiting. */
function useLog(database: DatabaseSync): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      database.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (attempt === openTries || !lockedCodes.includes(resultCode(error))) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

function prepare({ database, prepared }: Connection, text: string): Prepared {
  const known = prepared.get(text)
  if (known !== undefined) return known
  const positional = toPositional(text)
  const statement = database.prepare(positional.text)
  statement.setReturnArrays(true)
  const columns = statement.columns().map(({ name }) => name)
  const entry = { statement, columns, order: positional.order }
  prepared.set(text, entry)
  return entry
}

function run(connection: Connection, { text, parameters }: Statement): Table {
  const { statement, columns, order } = prepare(connection, text)
  const values = order.map((index) => bindable(parameters[index]))
  // Every column is text, a whole number, bytes or null: the schema has no others.
  const rows = statement.all(...values) as unknown as readonly SqlValue[][]
  return { columns, values: rows.flat() }
}

/** A JavaScript number would be bound as a float, and `5.0` is what a text column would then hold. */
function bindable(value: SqlValue | undefined): string | bigint | number | null | Uint8Array {
  if (value === undefined) throw new Error('a parameter is missing')
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
}

function resultCode(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  // The extended code's low byte is the primary code.
  return typeof code === 'number' ? code & 0xff : 0
}

function kindOf(error: unknown): 'away' | 'busy' | 'locked' | 'bug' {
  const code = resultCode(error)
  if (lockedCodes.includes(code)) return 'locked'
  if (busyCodes.includes(code)) return 'busy'
  return awayCodes.includes(code) ? 'away' : 'bug'
}

function reply(message: Reply): void {
  parentPort?.postMessage(message)
}

function serve(file: string, lanes: Readonly<Partial<Record<Lane, Connection>> & Record<'read', Connection>>): void {
  let watching: CommitWatch | undefined

  function answer(request: Extract<Request, { type: 'run' }>): void {
    const connection = lanes[request.lane] ?? lanes.read
    try {
      let table: Table = { columns: [], values: [] }
      for (const [index, statement] of request.statements.entries()) {
        const answered = run(connection, statement)
        if (index === request.answer) table = answered
      }
      reply({ type: 'rows', id: request.id, table })
    } catch (error) {
      if (request.undo && connection.database.isTransaction) connection.database.exec('ROLLBACK')
      const message = reasonOf(error)
      reply({ type: 'error', id: request.id, kind: kindOf(error), message })
    }
  }

  /** Changes with every commit of any other connection, the writing one of this thread included. Read from memory: 3 µs. */
  function version(): unknown {
    return run(lanes.read, { text: 'PRAGMA data_version', parameters: [] }).values[0]
  }

  function watch(on: boolean): void {
    watching?.stop()
    watching = on ? new CommitWatch(`${file}-wal`, version, () => reply({ type: 'changed' })) : undefined
  }

  parentPort?.on('message', (request: Request) => {
    switch (request.type) {
      case 'run':
        return answer(request)
      case 'watch':
        return watch(request.on)
      case 'close':
        watching?.stop()
        for (const lane of [lanes.read, lanes.view, lanes.write]) lane?.database.close()
        return parentPort?.close()
      default:
        return request satisfies never
    }
  })
  reply({ type: 'ready' })
}

try {
  // `driver.ts` starts this thread with exactly these.
  const { file, writes } = workerData as ThreadOptions
  // The writing connection first: it creates the file.
  const write = writes ? open(file, 'write') : undefined
  const read = open(file, 'read')
  serve(file, write === undefined ? { read } : { write, read, view: open(file, 'view') })
  // As the program does: a killed process leaves nothing behind, and without it a thread takes 17 MB more.
  flushCompileCache()
} catch (error) {
  reply({ type: 'failed', message: reasonOf(error) })
  parentPort?.close()
}
