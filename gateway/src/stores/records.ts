import { GatewayError } from '../core/errors.ts'
import {
  aliasFields,
  type RecordField,
  type RecordId,
  type RecordKind,
  type RecordQuery,
  recordFields,
  recordKinds,
  type StoredRecord,
} from '../core/record.ts'
import type { JsonObject } from '../lib/json.ts'
import { dialects } from './dialect.ts'
import { number, object, text } from './row.ts'
import type { Seal } from './seal.ts'
import { openFields, sealFields } from './sealed-fields.ts'
import type { DialectName, SqlRow, SqlSession, SqlValue } from './sql.ts'

const columns = 'kind, id, body, revision, created_at, created_by, updated_at, updated_by'

export interface RecordPage {
  readonly records: readonly StoredRecord[]
  readonly total: number
}

export async function readRecord(
  session: SqlSession,
  seal: Seal,
  kind: RecordKind,
  id: string,
): Promise<StoredRecord | undefined> {
  if (!isStorable(id)) return undefined
  const rows = await session.query(`SELECT ${columns} FROM midflight_record WHERE kind = $1 AND id = $2`, [kind, id])
  return rows[0] === undefined ? undefined : recordOf(rows[0], seal)
}

export async function findRecords(session: SqlSession, seal: Seal, query: RecordQuery): Promise<RecordPage> {
  const { from, where, values } = conditionsOf(session.dialect, query)
  const offset = query.offset ?? 0
  const limit = query.limit === undefined ? '' : ` LIMIT $${values.length + 1} OFFSET $${values.length + 2}`
  const skip = query.limit === undefined && offset > 0 ? offset : 0
  const rows = await session.query(
    `SELECT ${columns} FROM ${from} WHERE ${where} ORDER BY ${orderOf(query)}${limit}`,
    query.limit === undefined ? values : [...values, query.limit, offset],
    'large',
  )
  const records = rows.slice(skip).map((row) => recordOf(row, seal))
  const last = query.limit === undefined || (rows.length < query.limit && (rows.length > 0 || offset === 0))
  if (last) return { records, total: rows.length + (query.limit === undefined ? 0 : offset) }
  const counted = await session.query(`SELECT COUNT(*) AS total FROM ${from} WHERE ${where}`, values, 'large')
  return { records, total: counted[0] === undefined ? 0 : number(counted[0], 'total') }
}

/** Creates or replaces. @param created who and when, where it is not new */
export async function writeRecord(session: SqlSession, seal: Seal, record: StoredRecord): Promise<void> {
  const { kind, id, body } = record
  const sealed = sealFields(seal, kind, id, body)
  const fields = fieldsOf(kind, id, body)
  const values: Readonly<Record<string, SqlValue>> = {
    kind,
    id,
    body: JSON.stringify(sealed.json),
    seal_key: sealed.keyId,
    revision: record.revision,
    created_at: record.createdAt,
    created_by: record.createdBy,
    updated_at: record.updatedAt,
    updated_by: record.updatedBy,
    folded_id: foldedBeyondAscii(id),
    ...Object.fromEntries(recordFields.map((field) => [field, fields[field]])),
    ...Object.fromEntries(recordFields.map((field) => [`folded_${field}`, foldedBeyondAscii(fields[field])])),
  }
  await session.query(upsert(Object.keys(values)), Object.values(values))
}

export async function removeRecord(session: SqlSession, { kind, id }: RecordId): Promise<void> {
  await session.query('DELETE FROM midflight_record WHERE kind = $1 AND id = $2', [kind, id])
}

/** Text that both databases keep as it is. PostgreSQL knows no U+0000, and half a surrogate pair has no UTF-8. */
export function assertStorable(what: string, value: string): void {
  if (isStorable(value)) return
  throw new GatewayError('bad_request', `${what} holds U+0000 or half a surrogate pair; leave it out.`)
}

function isStorable(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed()
}

export function recordOf(row: SqlRow, seal: Seal): StoredRecord {
  const kind = kindOf(text(row, 'kind'))
  const id = text(row, 'id')
  const { json, unreadable } = openFields(seal, kind, id, object(row, 'body'))
  return {
    kind,
    id,
    body: json,
    revision: number(row, 'revision'),
    createdAt: number(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    updatedAt: number(row, 'updated_at'),
    updatedBy: text(row, 'updated_by'),
    ...(unreadable === undefined ? {} : { unreadable }),
  }
}

/** A kind that a newer program wrote is never asked for by this one. */
export function kindOf(name: string): RecordKind {
  const kind = knownKind(name)
  if (kind === undefined) throw new Error(`${name} is no kind of record`)
  return kind
}

export function knownKind(name: string): RecordKind | undefined {
  return recordKinds.find((each) => each === name)
}

function fieldsOf(kind: RecordKind, id: string, body: JsonObject): Readonly<Record<RecordField, string | null>> {
  const field = (name: string | undefined): string | null => {
    const value = name === undefined ? undefined : body[name]
    if (typeof value !== 'string') return null
    assertStorable(`${name} of ${kind} ${id}`, value)
    return value
  }
  return {
    alias: field(aliasFields[kind]),
    email: field('user_email'),
    user_id: field('user_id'),
    team_id: field('team_id'),
    organization_id: field('organization_id'),
    budget_id: field('budget_id'),
  }
}

function foldedBeyondAscii(value: string | null): string | null {
  if (value === null) return null
  const folded = fold(value)
  return folded === value.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) ? null : folded
}

function fold(value: string): string {
  return value.normalize('NFC').toLowerCase()
}

function upsert(names: readonly string[]): string {
  const replaced = names.filter((name) => name !== 'kind' && name !== 'id').map((name) => `${name} = excluded.${name}`)
  return `INSERT INTO midflight_record (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')})
    ON CONFLICT (kind, id) DO UPDATE SET ${replaced.join(', ')}`
}

function conditionsOf(
  dialect: DialectName,
  query: RecordQuery,
): { readonly from: string; readonly where: string; readonly values: readonly SqlValue[] } {
  const values: SqlValue[] = []
  const parameter = (value: SqlValue): string => `$${values.push(value)}`
  const conditions = [`kind = ${parameter(query.kind)}`]
  let from = 'midflight_record'
  if (query.mentions !== undefined) {
    // Bodies are written by the same JSON.stringify, so the text is there letter by letter or not at all.
    const position = dialect === 'sqlite' ? 'instr' : 'strpos'
    conditions.push(`${position}(body, ${parameter(JSON.stringify(query.mentions))}) > 0`)
  }
  for (const column of [...recordFields, 'id', 'created_by'] as const) {
    const wanted = query.where?.[column]
    if (wanted === undefined) continue
    if (wanted === null) conditions.push(`${column} IS NULL`)
    else if (typeof wanted === 'string') {
      conditions.push(isStorable(wanted) ? `${column} = ${parameter(wanted)}` : '1 = 0')
    } else {
      const list = JSON.stringify(wanted.filter(isStorable))
      conditions.push(dialects[dialect].isAmong(column, parameter(list)))
    }
  }
  for (const column of [...recordFields, 'id'] as const) {
    const part = query.contains?.[column]
    if (part === undefined) continue
    if (!isStorable(part)) {
      conditions.push('1 = 0')
      continue
    }
    const pattern = parameter(`%${fold(part).replace(/[\\%_]/g, '\\$&')}%`)
    const { matches, by } = dialects[dialect]
    conditions.push(`(${matches(column, pattern)} OR ${matches(`folded_${column}`, pattern)})`)
    // Every name is looked at, so those of an index are: they are a tenth of the table. What has no name is in none of them.
    if (column === 'alias') from = `midflight_record${by('midflight_record_alias')}`
    if (column !== 'email') continue
    conditions.push('email IS NOT NULL')
    from = `midflight_record${by('midflight_record_email')}`
  }
  return { from, where: conditions.join(' AND '), values }
}

const sortable: readonly string[] = [...recordFields, 'id', 'created_at', 'updated_at']

/** The id last, so that pages do not overlap where values are equal. What has no value comes after what has one, as in PostgreSQL. */
function orderOf({ sort }: RecordQuery): string {
  if (sort === undefined) return 'created_at, id'
  // It becomes part of the text, and comes from a caller in the end.
  if (!sortable.includes(sort.by)) throw new Error(`records are not sorted by ${sort.by}`)
  const always = sort.by === 'id' || sort.by === 'created_at' || sort.by === 'updated_at'
  const direction = sort.descending === true ? 'DESC' : 'ASC'
  const nulls = always ? '' : sort.descending === true ? ' NULLS FIRST' : ' NULLS LAST'
  return sort.by === 'id' ? `id ${direction}` : `${sort.by} ${direction}${nulls}, id`
}
