import { ledgerTables } from '../ledger/tables.ts'
import type { Migration } from './migration.ts'

/** Rows of all calls, in blocks, and sums by day. */
export const ledger: Migration = {
  number: 3,
  name: 'ledger',
  minimumReader: 1,
  async step(session) {
    for (const statement of ledgerTables(session.dialect)) await session.query(statement)
    return 'done'
  },
}
