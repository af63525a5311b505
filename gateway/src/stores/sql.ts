/**
 * The port to a SQL database: SQLite or PostgreSQL. Every part that keeps something writes its SQL once, in what both speak
 * (SQLite 3.45+, PostgreSQL 14+): `INSERT … ON CONFLICT`, `RETURNING`, `BIGINT`, `TEXT` (JSON is kept as text), `$1` placeholders.
 * What they do not share is in `dialect.ts`.
 *
 * To add a part: add a migration (`migrations/migration.ts`) and write a file that is given the `SqlDatabase` of `openStore`.
 */
export type DialectName = 'sqlite' | 'postgres'

/** Whole numbers must be safe integers; sums that may be larger are read with `CAST(… AS TEXT)`. */
export type SqlValue = string | number | null | Uint8Array

export type SqlRow = Readonly<Record<string, SqlValue>>

export type Weight = 'large'

export interface SqlSession {
  readonly dialect: DialectName
  /**
   * Runs one statement; values are parameters, never part of the text. Write the same text each time: statements are kept prepared.
   * @param weight `large`: may read much, e.g. a list or a sum over a large table; outside of transactions nobody waits for it
   * @returns the rows of SELECT or RETURNING
   */
  query(text: string, parameters?: readonly SqlValue[], weight?: Weight): Promise<readonly SqlRow[]>
  /** Tells all replicas that something changed; inside a transaction, when it commits. Nothing on SQLite, which notices by itself. */
  notify(topic: Topic, number: number): Promise<void>
}

/** What replicas tell each other about. */
export const topics = ['head', 'replica'] as const

export type Topic = (typeof topics)[number]

/**
 * `read`: one consistent view of everything, for several queries. `write`: on SQLite one after the other, on PostgreSQL READ
 * COMMITTED, so rows that decide something must be locked by an UPDATE first. `fleeting`: as `write`, and not waiting for the disk: a power
 * cut may undo it, but nothing that was written before. `migration`: as `write`, with minutes of time.
 */
export type TransactionMode = 'read' | 'write' | 'fleeting' | 'migration'

/** What runs statements, whether or not the schema is there yet. */
export interface SqlAccess extends SqlSession {
  /**
   * Commits when the work resolves, else rolls back and rejects with the work's error. It may run more than once (deadlocks), and must
   * not wait for anything but the session: a transaction that rests for 3 s is rolled back.
   */
  transaction<Result>(mode: TransactionMode, work: (session: SqlSession) => Promise<Result>): Promise<Result>
}

/** Whether the last word from the database was an answer, and since when (Unix ms). */
export interface SqlHealth {
  readonly up: boolean
  readonly since: number
  /** Why it is not up. */
  readonly reason: string | undefined
}

/**
 * The opened database. Statements reject with GatewayError `store_unavailable` within 2 s when the database does not answer,
 * at once while it is known to be away; it comes back by itself.
 */
export interface SqlDatabase extends SqlAccess {
  readonly health: SqlHealth
  /** Connects and migrates. Rejects with `store_unavailable` when it cannot, and goes on trying until `close`. */
  open(): Promise<void>
  close(): Promise<void>
  /** Calls back when something may have changed, and after each reconnect. A hint: it may come late, twice or never. */
  watch(onHint: (topic: Topic) => void): () => void
}
