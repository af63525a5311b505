import type { SqlAccess, Topic } from './sql.ts'

/** The connections to one database. `database.ts` makes a `SqlDatabase` of it: what is away is asked again there. */
export interface SqlDriver extends SqlAccess {
  /** For messages: `host:port/name`, or the file. Never holds a password. */
  readonly label: string
  /** Opens what the last failure closed and proves that the database answers. @throws DatabaseFailure */
  connect(): Promise<void>
  /** Lets go of every connection at once: they may hang. `connect` comes next. */
  disconnect(): void
  /** Ends for good. */
  close(): Promise<void>
  /**
   * Watches for commits of others, until it is called off.
   * @param onDoubt the database may be away: somebody should ask it something
   */
  listen(onHint: (topic: Topic) => void, onDoubt: () => void): () => void
}

/**
 * A statement that failed for a reason outside of it. `away`: no answer, or not from a database that can serve. `busy`: it answered, and
 * cannot do it now (a lock, a full disk). `conflict`: of two transactions one had to give way; the same again may succeed.
 */
export class DatabaseFailure extends Error {
  override readonly name = 'DatabaseFailure'
  readonly kind: 'away' | 'busy' | 'conflict'
  /** The commit was asked for and not answered: it may have happened. */
  readonly uncertain: boolean

  constructor(
    kind: DatabaseFailure['kind'],
    message: string,
    { cause, uncertain = false }: { readonly cause?: unknown; readonly uncertain?: boolean } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.uncertain = uncertain
  }
}
