import type { LedgerBlock } from '../../core/ledger/block.ts'
import type { Ledger } from '../../core/ledger/ledger.ts'
import { dialects } from '../dialect.ts'
import type { SqlDatabase } from '../sql.ts'
import { type AddSpends, append } from './append.ts'
import { callsOf } from './calls.ts'
import { dailyStatement, dailySumOf } from './daily.ts'
import { mergeSmall } from './merge.ts'
import { SelectThread } from './select-thread.ts'

/** Blocks removed in one transaction: a bigger one would hold up the appends. */
const pruneStep = 100

export interface LedgerStore extends Ledger {
  /** Keeps a block, once, and in the same transaction what is to be added with it. */
  append(block: LedgerBlock, add?: AddSpends): Promise<void>
  /** Removes blocks whose calls all started before; sums stay. In bounded steps. @returns how many calls are gone */
  prune(before: number): Promise<number>
  /** Makes large blocks of small ones. @param now Unix ms @returns how many blocks are gone */
  merge(now: number): Promise<number>
}

/** The ledger in the gateway's own database. */
export function createLedger(database: SqlDatabase): LedgerStore {
  const thread = new SelectThread()
  return {
    append: (block, add) => append(database, block, add),
    calls: (query) => callsOf(database, thread, query),
    async daily(query) {
      const { text, values } = dailyStatement(query, dialects[database.dialect])
      return (await database.query(text, values, 'large')).map((row) => dailySumOf(row, query.by))
    },
    merge: (now) => mergeSmall(database, now),
    async prune(before) {
      let removed = 0
      for (;;) {
        const gone = await database.query(
          `DELETE FROM midflight_ledger_block WHERE id IN
            (SELECT id FROM midflight_ledger_block WHERE last_at < $1 LIMIT $2) RETURNING calls`,
          [before, pruneStep],
        )
        removed += gone.reduce((sum, { calls }) => sum + Number(calls), 0)
        if (gone.length < pruneStep) return removed
      }
    },
  }
}
