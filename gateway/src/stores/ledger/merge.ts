import { Buffer } from 'node:buffer'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { dialects } from '../dialect.ts'
import type { SqlDatabase, SqlRow } from '../sql.ts'
import { putBlock, type StoredBlock } from './blocks.ts'
import { compress } from './compression.ts'
import { mergedCallIds, mergedHolders } from './digest.ts'

const decompressed = promisify(zstdDecompress)

/** A block with fewer calls is small: with little to do, the gateway writes one a second. */
const fewCalls = 512
/** Fewer small blocks are left as they are: each merge writes all of their rows again. */
const fewBlocks = 16
const mostBlocks = 512
const mostCalls = 4_096
/** Blocks that are younger, ms, may still be read by pages that are just made. */
const settledMs = 60_000
/** Blocks of one hour are merged, so that what retention removes is at most an hour too young to go. */
const hourMs = 3_600_000
/** The row of `midflight_ledger_writer` that counts merges. */
const counter = ''

/** How often blocks were merged: who reads several pages of blocks can tell whether they were the same all along. */
export async function mergesSoFar(database: SqlDatabase): Promise<number> {
  const [row] = await database.query('SELECT number FROM midflight_ledger_writer WHERE writer = $1', [counter])
  return Number(row?.number ?? 0)
}

/**
 * Makes large blocks of small ones. Replicas may do it at once: the blocks are removed first, and who does not find all of them, leaves it.
 * @returns blocks that are gone
 */
export async function mergeSmall(database: SqlDatabase, now: number): Promise<number> {
  const small = await database.query(
    `SELECT id, last_at, calls FROM midflight_ledger_block WHERE last_at < $1 AND last_at >= $2 AND calls < $3
      ORDER BY last_at, id LIMIT $4`,
    [now - settledMs, now - 3 * hourMs, fewCalls, mostBlocks],
    'large',
  )
  let gone = 0
  for (const group of groupsOf(small)) if (await mergeGroup(database, group)) gone += group.length
  return gone
}

function groupsOf(small: readonly SqlRow[]): readonly (readonly string[])[] {
  const groups: { hour: number; calls: number; ids: string[] }[] = []
  for (const { id, last_at, calls } of small) {
    const hour = Math.floor(Number(last_at) / hourMs)
    const last = groups.at(-1)
    if (last === undefined || last.hour !== hour || last.calls + Number(calls) > mostCalls) {
      groups.push({ hour, calls: Number(calls), ids: [String(id)] })
    } else {
      last.calls += Number(calls)
      last.ids.push(String(id))
    }
  }
  return groups.filter(({ ids }) => ids.length >= fewBlocks).map(({ ids }) => ids)
}

async function mergeGroup(database: SqlDatabase, ids: readonly string[]): Promise<boolean> {
  const among = dialects[database.dialect].isAmong('id', '$1')
  const list = [JSON.stringify(ids)]
  const rows = await database.query(`SELECT * FROM midflight_ledger_block WHERE ${among}`, list, 'large')
  if (rows.length !== ids.length) return false
  const merged = await mergedBlock(`${ids[0]}+`, rows)
  try {
    await database.transaction('write', async (session) => {
      const removed = await session.query(`DELETE FROM midflight_ledger_block WHERE ${among} RETURNING id`, list)
      if (removed.length !== ids.length) throw new Overtaken()
      await putBlock(session, merged)
      await session.query(
        `INSERT INTO midflight_ledger_writer (writer, number, updated_at) VALUES ($1, 1, 0)
          ON CONFLICT (writer) DO UPDATE SET number = midflight_ledger_writer.number + 1`,
        [counter],
      )
    })
    return true
  } catch (error) {
    if (error instanceof Overtaken) return false
    throw error
  }
}

/** Another replica merged some of the blocks, or they became too old. */
class Overtaken extends Error {}

async function mergedBlock(id: string, rows: readonly SqlRow[]): Promise<StoredBlock> {
  const lines = await Promise.all(rows.map(({ body }) => decompressed(bytes(body))))
  return {
    id,
    firstAt: Math.min(...rows.map(({ first_at }) => Number(first_at))),
    lastAt: Math.max(...rows.map(({ last_at }) => Number(last_at))),
    calls: rows.reduce((sum, { calls }) => sum + Number(calls), 0),
    holders: mergedHolders(rows.map(({ holders }) => bytes(holders))),
    callIds: mergedCallIds(rows.map(({ call_ids }) => bytes(call_ids))),
    body: await compress(Buffer.concat(lines)),
  }
}

function bytes(value: SqlRow[string] | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new Error('a block of the ledger has no bytes')
}
