import type { SqlSession } from '../sql.ts'

/**
 * One numbered step of the schema. It may be run by the newer of two programs while the older still serves, so it expands:
 * new tables, new columns that are null or have a default, new indexes. What nobody uses any more is removed by a later
 * migration, in the first release whose predecessor already worked without it (expand, then contract).
 *
 * To add one: a file `00000N-what-it-adds.ts` and its line in `index.ts`.
 */
export interface Migration {
  /** In steps of one, from 1. */
  readonly number: number
  readonly name: string
  /**
   * The lowest last migration a program must know to work on the schema from now on: unchanged by what expands. A program that knows
   * less refuses the database.
   */
  readonly minimumReader: number
  /**
   * Runs in a transaction of its own, under a lock, again and again until it answers `done`. `more`: what it did is committed, so it
   * fills large tables in bounded pieces and goes on there after a crash.
   */
  step(session: SqlSession): Promise<'done' | 'more'>
}
