import type { LedgerBlock } from '../../core/ledger/block.ts'
import type { SqlSession } from '../sql.ts'
import { compress } from './compression.ts'
import { callIdsOf, holdersOf } from './digest.ts'

/** A block as its table has it. */
export interface StoredBlock {
  readonly id: string
  /** Unix ms; starts of its first and its last call. */
  readonly firstAt: number
  readonly lastAt: number
  readonly calls: number
  /** `holdersOf` */
  readonly holders: Uint8Array
  /** `callIdsOf` */
  readonly callIds: Uint8Array
  /** Compressed lines. */
  readonly body: Uint8Array
}

export async function packed(id: string, { lines, tally }: Pick<LedgerBlock, 'lines' | 'tally'>): Promise<StoredBlock> {
  const { firstAt, lastAt, calls, cells, callIds } = tally
  return {
    id,
    firstAt,
    lastAt,
    calls,
    holders: holdersOf(cells),
    callIds: callIdsOf(callIds),
    body: await compress(lines),
  }
}

export async function putBlock(session: SqlSession, block: StoredBlock): Promise<void> {
  const { id, firstAt, lastAt, calls, holders, callIds, body } = block
  await session.query(
    `INSERT INTO midflight_ledger_block (id, first_at, last_at, calls, holders, call_ids, body)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [id, firstAt, lastAt, calls, holders, callIds, body],
  )
}
