import { countedUpTo, type Ledger } from '../../core/ledger.ts'
import type { SqlDatabase, SqlSession } from '../sql.ts'
import { appendStatements } from './append.ts'
import { staging } from './columns.ts'
import { callStatements, dailyStatement, dailySumOf, type Statement } from './query.ts'
import { callOf } from './row.ts'

/** Rows removed in one transaction: a bigger one would hold up the appends. */
const pruneStep = 5_000
/** Number of the advisory lock under which batches follow one another; any that nobody else takes. */
const appendLock = 7_164_001

/** The ledger in the gateway's own database. */
export function createLedger(database: SqlDatabase): Ledger {
  const { dialect } = database
  const append = appendStatements(dialect)
  const run = ({ text, values }: Statement, session: SqlSession = database) => session.query(text, values, 'large')

  return {
    append: (rows) =>
      database.transaction('write', async (session) => {
        if (dialect === 'sqlite') {
          await session.query(staging.create)
          await session.query(staging.fill, [rows])
        } else {
          // Two replicas that adopt the same orphan must not both find its rows new.
          await session.query('SELECT pg_advisory_xact_lock($1)', [appendLock])
        }
        for (const text of append) await session.query(text, dialect === 'sqlite' ? [] : [rows])
        if (dialect === 'sqlite') await session.query(staging.clear)
      }),

    async calls(query) {
      const { page, count } = callStatements(query, countedUpTo)
      const [rows, [counted]] = await Promise.all([run(page), run(count)])
      return {
        // The statement selects every column by name.
        calls: rows.map((row) => callOf(row as Parameters<typeof callOf>[0])),
        total: Math.max(Number(counted?.total ?? 0), (query.offset ?? 0) + rows.length),
      }
    },

    daily: async (query) => (await run(dailyStatement(query))).map((row) => dailySumOf(row, query.by)),

    async prune(before) {
      let removed = 0
      for (;;) {
        const gone = await database.query(
          'DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE started_at < $1 LIMIT $2) RETURNING id',
          [before, pruneStep],
        )
        removed += gone.length
        if (gone.length < pruneStep) return removed
      }
    },
  }
}
