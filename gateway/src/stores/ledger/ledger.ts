import { countedUpTo, type Ledger } from '../../core/ledger.ts'
import type { SqlDatabase, SqlSession } from '../sql.ts'
import { appendOnPostgres, appendOnSqlite } from './append.ts'
import { type AddCharges, chargedCalls } from './charges.ts'
import { callStatements, dailyStatement, dailySumOf, type Statement } from './query.ts'
import { callOf } from './row.ts'

/** Rows removed in one transaction: a bigger one would hold up the appends. */
const pruneStep = 5_000
/** Number of the advisory lock under which batches follow one another; any that nobody else takes. */
const appendLock = 7_164_001
const appendStatement = appendOnPostgres()

export interface LedgerStore extends Ledger {
  /** @param add in the same transaction; it may be asked again, when the transaction is */
  append(rows: string, add?: AddCharges): Promise<void>
}

/** The ledger in the gateway's own database. */
export function createLedger(database: SqlDatabase): LedgerStore {
  const { dialect } = database
  const run = ({ text, values }: Statement, session: SqlSession = database) => session.query(text, values, 'large')

  return {
    append: (rows, add) =>
      database.transaction('write', async (session) => {
        if (dialect === 'postgres') {
          // Two replicas that adopt the same orphan would else wait for each other's sums in different orders.
          await session.query('SELECT pg_advisory_xact_lock($1)', [appendLock])
          if (add !== undefined) await add(session, await chargedCalls(session, rows))
          await session.query(appendStatement, [rows])
          return
        }
        if (add !== undefined) await add(session, await chargedCalls(session, rows))
        const [before] = await session.query(appendOnSqlite.last)
        await session.query(appendOnSqlite.row, [rows], 'each')
        for (const text of appendOnSqlite.sums) await session.query(text, [before?.last ?? 0])
      }),

    async calls(query) {
      const { page, count } = callStatements(query, countedUpTo)
      const [rows, [counted]] = await Promise.all([run(page), run(count)])
      return {
        // The statement selects every column by name.
        calls: rows.map((row) => callOf(row as Parameters<typeof callOf>[0])),
        // Counting stops; a page beyond the end says nothing.
        total: Math.max(Number(counted?.total ?? 0), rows.length === 0 ? 0 : (query.offset ?? 0) + rows.length),
      }
    },

    daily: async (query) => (await run(dailyStatement(query))).map((row) => dailySumOf(row, query.by)),

    async prune(before) {
      let removed = 0
      for (;;) {
        const gone = await database.query(
          'DELETE FROM midflight_ledger WHERE (started_at, id) IN (SELECT started_at, id FROM midflight_ledger WHERE started_at < $1 LIMIT $2) RETURNING 1 AS gone',
          [before, pruneStep],
        )
        removed += gone.length
        if (gone.length < pruneStep) return removed
      }
    },
  }
}
