import type { RecordQuery, StoredRecord } from '../../core/record.ts'
import type { Reader } from './permissions.ts'
import { refusal } from './refusals.ts'

export interface Paged {
  readonly records: readonly StoredRecord[]
  readonly total: number
}

/** How many records of one query are put together with those of another; beyond it a list is cut, and the total says so. */
const mostMerged = 10_000

/**
 * One page of what any of some queries finds, each record once. One query is paged by the store; several, which are the keys of
 * one person and of teams, are put together here.
 */
export async function pageOf(
  reader: Reader,
  queries: readonly Omit<RecordQuery, 'offset' | 'limit'>[],
  page: number,
  size: number,
): Promise<Paged> {
  const offset = (page - 1) * size
  const [only] = queries
  if (only === undefined) return { records: [], total: 0 }
  if (queries.length === 1) return reader.records({ ...only, offset, limit: size })
  const found = new Map<string, StoredRecord>()
  for (const query of queries) {
    const { records } = await reader.records({ ...query, limit: mostMerged })
    for (const record of records) found.set(record.id, record)
  }
  const sorted = [...found.values()].sort(inOrder(only.sort))
  return { records: sorted.slice(offset, offset + size), total: sorted.length }
}

/** As the store sorts: by the value, those without one last, then by id. */
function inOrder(sort: RecordQuery['sort']) {
  const value = (record: StoredRecord): string | number | undefined => {
    switch (sort?.by) {
      case undefined:
      case 'created_at':
        return record.createdAt
      case 'updated_at':
        return record.updatedAt
      case 'id':
        return record.id
      case 'alias':
        return textIn(record, 'key_alias')
      case 'email':
        return textIn(record, 'user_email')
      default:
        return textIn(record, sort?.by ?? '')
    }
  }
  const direction = sort?.descending === true ? -1 : 1
  return (one: StoredRecord, other: StoredRecord): number => {
    const [a, b] = [value(one), value(other)]
    if (a === b) return one.id < other.id ? -1 : 1
    if (a === undefined) return 1
    if (b === undefined) return -1
    return (a < b ? -1 : 1) * direction
  }
}

function textIn(record: StoredRecord, name: string): string | undefined {
  const value = record.body[name]
  return typeof value === 'string' ? value : undefined
}

export function pagesOf(total: number, size: number): number {
  return Math.ceil(total / size)
}

/** @throws GatewayError (400) for a column that nothing is sorted by */
export function sortOf(
  by: string | undefined,
  order: string | undefined,
  columns: Readonly<Record<string, NonNullable<RecordQuery['sort']>['by']>>,
): NonNullable<RecordQuery['sort']> {
  const column = by === undefined || by === '' ? 'created_at' : Object.hasOwn(columns, by) ? columns[by] : undefined
  if (column === undefined) {
    throw refusal(
      400,
      `Invalid sort column. Must be one of: ${Object.keys(columns).join(', ')}`,
      'bad_request_error',
      'sort_by',
    )
  }
  return { by: column, descending: (order ?? 'desc').toLowerCase() !== 'asc' }
}
