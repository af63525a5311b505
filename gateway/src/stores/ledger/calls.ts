import { setImmediate as turn } from 'node:timers/promises'
import { type CallPage, type CallQuery, countedUpTo } from '../../core/ledger/ledger.ts'
import { callIn, cellsIn } from '../../core/ledger/row.ts'
import type { SettledCall } from '../../core/ledger/settled-call.ts'
import { dialects } from '../dialect.ts'
import type { SqlDatabase, SqlSession } from '../sql.ts'
import { type Candidate, candidates } from './candidates.ts'
import { mergesSoFar } from './merge.ts'
import { Best, type Found } from './select.ts'
import type { SelectThread } from './select-thread.ts'

/** Blocks that are read together: more and more, because the first are often enough. */
const mostTogether = 8
/** Rows that are read only to count what matches; a count that would take more is of those until there. */
const mostCounted = 200_000
/** Before a page is read in one view of all. */
const tries = 2
/** Read in some 2 ms. */
const stepRows = 500

/** A page of calls, and how many match in all, as far as they are counted. */
export async function callsOf(database: SqlDatabase, thread: SelectThread, query: CallQuery): Promise<CallPage> {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const before = await mergesSoFar(database)
    const page = await readPage(database, thread, query)
    // Blocks that were merged meanwhile may have been seen twice, or not at all.
    if ((await mergesSoFar(database)) === before) return page
  }
  // Many are merged one after the other. One view of all has no part in that, but holds a connection for as long as it is read.
  return database.transaction('read', (session) => readPage(session, thread, query))
}

async function readPage(session: SqlSession, thread: SelectThread, query: CallQuery): Promise<CallPage> {
  const reading = new Reading(session, thread, query)
  for await (const block of candidates(session, query)) {
    if (await reading.isEnoughAt(block)) break
  }
  await reading.readWaiting()
  const { offset = 0, limit } = query
  const rows = reading.best.rows.slice(offset, offset + limit)
  return {
    calls: await callsIn(rows),
    total: Math.max(Math.min(reading.matched, countedUpTo), rows.length === 0 ? 0 : offset + rows.length),
  }
}

/** In steps, for which the event loop does not stand still: a page may have 10,000 rows. */
async function callsIn(rows: readonly Found[]): Promise<readonly SettledCall[]> {
  const calls: SettledCall[] = []
  for (const { line } of rows) {
    if (calls.length % stepRows === stepRows - 1) await turn()
    calls.push(callIn(cellsIn(line) ?? []))
  }
  return calls
}

/** Goes through the blocks of one query. */
class Reading {
  matched = 0
  readonly best: Best
  readonly #session: SqlSession
  readonly #thread: SelectThread
  readonly #query: CallQuery
  readonly #wanted: number
  #waiting: Candidate[] = []
  #together = 1
  #counted = 0

  constructor(session: SqlSession, thread: SelectThread, query: CallQuery) {
    this.#session = session
    this.#thread = thread
    this.#query = query
    this.#wanted = (query.offset ?? 0) + query.limit
    this.best = new Best(query, this.#wanted)
  }

  /** @returns whether neither this block nor those after it are of any use */
  async isEnoughAt(block: Candidate): Promise<boolean> {
    if (block.matching === 0) return false
    if (this.#isFullBefore(block)) {
      await this.readWaiting()
      if (this.matched >= countedUpTo || this.#query.after !== undefined) return true
      if (block.matching !== undefined) {
        this.matched += block.matching
        return false
      }
      this.#counted += block.calls
      if (this.#counted > mostCounted) return true
    }
    this.#waiting.push(block)
    if (this.#waiting.length >= this.#together) await this.readWaiting()
    return false
  }

  /** Whether the page can only get rows that are in it already. Blocks come in the order of time. */
  #isFullBefore({ firstAt, lastAt }: Candidate): boolean {
    const { sort = 'started_at', ascending } = this.#query
    return sort === 'started_at' && this.best.beats(ascending === true ? firstAt : lastAt)
  }

  async readWaiting(): Promise<void> {
    const ids = this.#waiting.map(({ id }) => id)
    if (ids.length === 0) return
    this.#waiting = []
    this.#together = Math.min(this.#together * 2, mostTogether)
    const among = dialects[this.#session.dialect].isAmong('id', '$1')
    const rows = await this.#session.query(
      `SELECT body FROM midflight_ledger_block WHERE ${among}`,
      [JSON.stringify(ids)],
      'large',
    )
    const bodies = rows.flatMap(({ body }) => (body instanceof Uint8Array ? [body] : []))
    const found = await this.#thread.select({ query: this.#query, most: this.#wanted, bodies })
    this.matched += found.matched
    for (const row of found.rows) this.best.add(row)
  }
}
