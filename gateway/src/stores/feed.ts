import type { RecordId } from '../core/record.ts'
import type { StoredHead } from './head.ts'
import { knownKind } from './records.ts'
import { number, text } from './row.ts'
import type { SqlSession } from './sql.ts'

/** Beyond so many changed records a replica forgets all it knows: that is cheaper than to name them. */
const longestAnswer = 5_000
const keptChanges = 20_000
const keptTombstones = 10_000
const pruneEvery = 64
const rowsPerStatement = 200

/** @returns `undefined`: too many to tell, or too long ago */
export async function readChanges(
  session: SqlSession,
  head: StoredHead,
  after: number,
): Promise<readonly RecordId[] | undefined> {
  if (after === head.revision) return []
  if (after < head.recordFloor || after > head.revision) return undefined
  const rows = await session.query(
    'SELECT DISTINCT kind, id FROM midflight_record_change WHERE revision > $1 LIMIT $2',
    [after, longestAnswer + 1],
  )
  if (rows.length > longestAnswer) return undefined
  // A newer program may have written kinds that nobody remembers here.
  return rows.flatMap((row) => {
    const kind = knownKind(text(row, 'kind'))
    return kind === undefined ? [] : [{ kind, id: text(row, 'id') }]
  })
}

/** Writes which records a revision changed. @returns the floor from then on */
export async function writeChanges(
  session: SqlSession,
  revision: number,
  changed: readonly RecordId[],
  floor: number,
): Promise<number> {
  if (changed.length > longestAnswer) return revision
  for (let start = 0; start < changed.length; start += rowsPerStatement) {
    const part = changed.slice(start, start + rowsPerStatement)
    const rows = part.map((_, index) => `($1, $${2 * index + 2}, $${2 * index + 3})`)
    await session.query(`INSERT INTO midflight_record_change (revision, kind, id) VALUES ${rows.join(', ')}`, [
      revision,
      ...part.flatMap(({ kind, id }) => [kind, id]),
    ])
  }
  return floor
}

/** Now and then drops what only a replica that was away for long could ask for. @returns the floors from then on */
export async function prune(session: SqlSession, head: StoredHead): Promise<StoredHead> {
  if (head.revision % pruneEvery !== 0) return head
  const recordFloor = Math.max(
    head.recordFloor,
    await floorAt(
      session,
      'SELECT revision FROM midflight_record_change ORDER BY revision DESC LIMIT 1 OFFSET $1',
      keptChanges,
    ),
  )
  const resourceFloor = Math.max(
    head.resourceFloor,
    await floorAt(
      session,
      'SELECT revision FROM midflight_resource WHERE deleted = 1 ORDER BY revision DESC LIMIT 1 OFFSET $1',
      keptTombstones,
    ),
  )
  await session.query('DELETE FROM midflight_record_change WHERE revision <= $1', [recordFloor])
  await session.query('DELETE FROM midflight_resource WHERE deleted = 1 AND revision <= $1', [resourceFloor])
  return { ...head, recordFloor, resourceFloor }
}

async function floorAt(session: SqlSession, text: string, offset: number): Promise<number> {
  const [row] = await session.query(text, [offset])
  return row === undefined ? 0 : number(row, 'revision')
}
