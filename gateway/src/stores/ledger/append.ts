import type { LedgerBlock } from '../../core/ledger/block.ts'
import { dialects } from '../dialect.ts'
import type { SqlDatabase, SqlSession } from '../sql.ts'
import { packed, putBlock } from './blocks.ts'
import { addDailyRows, dailyRows } from './daily-rows.ts'

/** Adds to sums what the calls of a new block cost, in the transaction that keeps it; so a sum has exactly the calls that the ledger has. */
export type AddSpends = (session: SqlSession) => Promise<void>

/** Number of the advisory lock under which blocks follow one another; any that nobody else takes. */
const appendLock = 7_164_001

/**
 * Keeps a block, once: of a writer's blocks, which come in order, those up to the greatest number that is kept are known.
 * @param add in the same transaction, unless the block is known; it may be asked again, when the transaction is
 */
export async function append(database: SqlDatabase, block: LedgerBlock, add?: AddSpends): Promise<void> {
  const { writer, number } = block
  const { dialect } = database
  const stored = await packed(`${writer}/${number}`, block)
  const daily = await dailyRows(block.tally.cells)
  await database.transaction('write', async (session) => {
    // Two replicas that adopt the same orphan would else wait for each other's sums in different orders.
    if (dialect === 'postgres') await session.query('SELECT pg_advisory_xact_lock($1)', [appendLock])
    if (!(await isNew(session, writer, number))) return
    await putBlock(session, stored)
    for (const rows of daily) await session.query(addDailyRows[dialect], [rows])
    await add?.(session)
  })
}

async function isNew(session: SqlSession, writer: string, number: number): Promise<boolean> {
  const raised = await session.query(
    `INSERT INTO midflight_ledger_writer (writer, number, updated_at) VALUES ($1, $2, ${dialects[session.dialect].now})
      ON CONFLICT (writer) DO UPDATE SET number = excluded.number, updated_at = excluded.updated_at
        WHERE midflight_ledger_writer.number < excluded.number
      RETURNING number`,
    [writer, number],
  )
  return raised.length > 0
}
