import type { JsonObject } from '../lib/json.ts'
import { placeOf } from './claims.ts'
import { lockHead } from './head.ts'
import { alterationsOf, openAlterations, sealAlterations } from './journal.ts'
import { kindOf } from './records.ts'
import { resourceKindOf } from './resources.ts'
import { number, object, text } from './row.ts'
import type { Seal } from './seal.ts'
import { openFields, sealFields } from './sealed-fields.ts'
import type { SqlDatabase, SqlRow, SqlSession } from './sql.ts'

export interface Rotation {
  /** Rows that are sealed with the current key now and were not before. */
  readonly resealed: number
  /** Rows that no key opens; they stay as they are. */
  readonly unreadable: readonly string[]
}

const rowsPerStep = 100

/**
 * Seals everything with the current key that was sealed with an earlier one, in short transactions between which changes go on. One that
 * is interrupted is done by the next: each row says which key it was sealed with.
 */
export async function rotateSeal(database: SqlDatabase, seal: Seal): Promise<Rotation> {
  const unreadable: string[] = []
  let resealed = 0
  for (const table of tables) {
    let after: SqlRow | undefined
    do {
      // Copies for the transaction, which may run more than once.
      const start = after
      const step = await database.transaction('write', (session) => resealSome(session, seal, table, start))
      resealed += step.resealed
      unreadable.push(...step.unreadable)
      after = step.last
    } while (after !== undefined)
  }
  return { resealed, unreadable }
}

interface SealedTable {
  readonly name: string
  /** Columns of the primary key. */
  readonly keys: readonly string[]
  readonly sealed: string
  /** @returns the column anew; or the name of what cannot be opened, and why */
  reseal(row: SqlRow, seal: Seal): { readonly value: string } | { readonly unreadable: string }
}

const tables: readonly SealedTable[] = [
  {
    name: 'midflight_resource',
    keys: ['kind', 'name'],
    sealed: 'spec',
    reseal: (row, seal) => resealed(seal, resourceKindOf(row), text(row, 'name'), object(row, 'spec')),
  },
  {
    name: 'midflight_record',
    keys: ['kind', 'id'],
    sealed: 'body',
    reseal: (row, seal) => resealed(seal, kindOf(text(row, 'kind')), text(row, 'id'), object(row, 'body')),
  },
  {
    name: 'midflight_journal',
    keys: ['id'],
    sealed: 'alterations',
    reseal(row, seal) {
      const opened = openAlterations(seal, alterationsOf(row))
      const [first] = opened.unreadable
      if (first === undefined) return { value: JSON.stringify(sealAlterations(seal, opened.alterations).alterations) }
      return { unreadable: `journal entry ${number(row, 'id')}, ${first.kind} ${first.name}: ${first.reason}` }
    },
  },
  {
    name: 'midflight_answer',
    keys: ['key'],
    sealed: 'body',
    reseal(row, seal) {
      const place = placeOf(text(row, 'key'))
      const opened = seal.open(text(row, 'body'), place)
      if ('value' in opened) return { value: seal.seal(opened.value, place) }
      return { unreadable: `a remembered answer: ${opened.reason}` }
    },
  },
]

function resealed(seal: Seal, kind: Parameters<typeof openFields>[1], name: string, stored: JsonObject) {
  const { json, unreadable } = openFields(seal, kind, name, stored)
  if (unreadable !== undefined) return { unreadable: `${kind} ${name}: ${unreadable}` }
  return { value: JSON.stringify(sealFields(seal, kind, name, json).json) }
}

async function resealSome(
  session: SqlSession,
  seal: Seal,
  { name, keys, sealed, reseal }: SealedTable,
  after: SqlRow | undefined,
): Promise<Rotation & { readonly last: SqlRow | undefined }> {
  // Changes write the same rows; they wait for the same lock.
  await lockHead(session, 0)
  const columns = keys.join(', ')
  const start = after === undefined ? [] : keys.map((key) => after[key] ?? null)
  const beyond = after === undefined ? '' : `AND (${columns}) > (${keys.map((_, index) => `$${index + 2}`).join(', ')})`
  const rows = await session.query(
    `SELECT ${columns}, ${sealed} FROM ${name} WHERE seal_key <> '' AND seal_key <> $1 ${beyond}
     ORDER BY ${columns} LIMIT ${rowsPerStep}`,
    [seal.keyId, ...start],
  )
  const own = keys.map((key, index) => `${key} = $${index + 3}`).join(' AND ')
  const unreadable: string[] = []
  for (const row of rows) {
    const anew = reseal(row, seal)
    if ('unreadable' in anew) {
      unreadable.push(anew.unreadable)
      continue
    }
    await session.query(`UPDATE ${name} SET ${sealed} = $1, seal_key = $2 WHERE ${own}`, [
      anew.value,
      seal.keyId,
      ...keys.map((key) => row[key] ?? null),
    ])
  }
  const last = rows.length === rowsPerStep ? rows.at(-1) : undefined
  return { resealed: rows.length - unreadable.length, unreadable, last }
}
