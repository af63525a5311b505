import type { Head } from '../core/store.ts'
import { dialects } from './dialect.ts'
import { number, optionalNumber } from './row.ts'
import type { SqlRow, SqlSession } from './sql.ts'

export interface StoredHead extends Head {
  /** Up to this revision the feed of changed records was pruned. */
  readonly recordFloor: number
  /** Up to this revision tombstones were pruned. */
  readonly resourceFloor: number
}

export async function readHead(session: SqlSession): Promise<StoredHead> {
  const { now } = dialects[session.dialect]
  const [row] = await session.query(
    `SELECT revision, resource_revision, record_floor, resource_floor, ${now} - changed_at AS age
     FROM midflight_head WHERE id = 1`,
  )
  return headOf(row)
}

/** Without what only the store needs. */
export function headOnly({ revision, resourceRevision, ageMs }: StoredHead): Head {
  return { revision, resourceRevision, ...(ageMs === undefined ? {} : { ageMs }) }
}

export interface LockedHead {
  /** As it was. */
  readonly head: StoredHead
  /** What the change will be. */
  readonly revision: number
  /** Number of its journal entry. */
  readonly entry: number
  /** Unix ms by the store's clock. */
  readonly now: number
}

/**
 * Locks the head for the rest of the transaction, so that changes follow one another in the order of their revisions.
 * @param above the revision will be greater than this too
 */
export async function lockHead(session: SqlSession, above: number): Promise<LockedHead> {
  const { now } = dialects[session.dialect]
  const before = await session.query(
    `UPDATE midflight_head SET revision = revision WHERE id = 1
     RETURNING revision, resource_revision, record_floor, resource_floor, journal, ${now} - changed_at AS age, ${now} AS now`,
  )
  const head = headOf(before[0])
  const row = before[0] ?? {}
  return {
    head,
    revision: Math.max(head.revision, above) + 1,
    entry: number(row, 'journal') + 1,
    now: number(row, 'now'),
  }
}

export async function writeHead(session: SqlSession, entry: number, now: number, head: StoredHead): Promise<void> {
  await session.query(
    `UPDATE midflight_head SET revision = $1, resource_revision = $2, record_floor = $3, resource_floor = $4,
       journal = $5, changed_at = $6 WHERE id = 1`,
    [head.revision, head.resourceRevision, head.recordFloor, head.resourceFloor, entry, now],
  )
}

/** Takes the number of a journal entry without making a revision. */
export async function takeEntry(session: SqlSession): Promise<{ readonly entry: number; readonly now: number }> {
  const [row = {}] = await session.query(
    `UPDATE midflight_head SET journal = journal + 1 WHERE id = 1
     RETURNING journal, ${dialects[session.dialect].now} AS now`,
  )
  return { entry: number(row, 'journal'), now: number(row, 'now') }
}

function headOf(row: SqlRow | undefined): StoredHead {
  if (row === undefined) throw new Error('the head is missing: the database was emptied by somebody')
  const ageMs = optionalNumber(row, 'age')
  return {
    revision: number(row, 'revision'),
    resourceRevision: number(row, 'resource_revision'),
    recordFloor: number(row, 'record_floor'),
    resourceFloor: number(row, 'resource_floor'),
    ...(ageMs === undefined ? {} : { ageMs: Math.max(0, ageMs) }),
  }
}
