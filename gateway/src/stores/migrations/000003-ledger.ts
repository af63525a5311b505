import { ledgerTables } from '../ledger/columns.ts'
import type { Migration } from './migration.ts'

/** One row for each call, and sums by day. */
export const ledger: Migration = {
  number: 3,
  name: 'ledger',
  minimumReader: 1,
  async step(session) {
    for (const statement of ledgerTables(session.dialect)) await session.query(statement)
    return 'done'
  },
}
