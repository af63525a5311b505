import { randomUUID } from 'node:crypto'
import type { Actor, Alteration } from '../core/change.ts'
import type { Head, Transaction } from '../core/store.ts'
import { headOnly, lockHead } from './head.ts'
import type { Seal } from './seal.ts'
import type { SqlDatabase } from './sql.ts'
import { beginChange } from './transaction.ts'
import { isUncertain, wasCommitted } from './uncertain.ts'

interface Made<Result> {
  readonly result: Result
  readonly head: Head
  readonly alterations: readonly Alteration[]
}

/** Ends a transaction without keeping what it did. */
class Rollback<Result> extends Error {
  readonly made: Made<Result>

  constructor(made: Made<Result>) {
    super('rolled back as asked')
    this.made = made
  }
}

/** `Store.change`. When the answer to the commit is lost, it finds out what came of it. */
export async function makeChange<Result>(
  database: SqlDatabase,
  seal: Seal,
  { actor, dryRun = false, above = 0 }: { readonly actor: Actor; readonly dryRun?: boolean; readonly above?: number },
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Made<Result>> {
  const token = randomUUID()
  let committing: Made<Result> | undefined
  try {
    return await database.transaction('write', async (session) => {
      committing = undefined
      const locked = await lockHead(session, above)
      const change = beginChange(session, seal, locked, actor)
      const result = await work(change)
      const { alterations } = change
      const head = dryRun ? undefined : await change.finish(token)
      if (head === undefined) throw new Rollback({ result, head: headOnly(locked.head), alterations })
      committing = { result, head, alterations }
      return committing
    })
  } catch (error) {
    // Thrown only just above, with this call's own type of result.
    if (error instanceof Rollback) return error.made
    if (committing === undefined || !isUncertain(error)) throw error
    if (await wasCommitted(database, committing.head.revision, token)) return committing
    throw error
  }
}
