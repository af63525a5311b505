import type { RecordKind, StoredRecord } from '../core/record.ts'
import type { Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'

/**
 * How many reads may find nothing before callers who ask for ever new names have to wait for one another, and how many per second
 * from then on: a flood of invented keys is not the database's problem (reliability F56), and a key that is merely new here must
 * not wait (issue #3, Shows 6).
 */
const burst = 50
const perSecond = 25
const idsPerRead = 500

/** Whose ids callers choose. */
const invented: ReadonlySet<RecordKind> = new Set<RecordKind>(['key', 'retired-key', 'customer', 'tag'])

interface Lane {
  readonly kind: RecordKind
  waiting: Map<string, PromiseWithResolvers<StoredRecord | undefined>>
  planned: boolean
}

/** Reads records from the store, together where many are asked for at the same time. */
export class RecordReader {
  readonly #store: Pick<Store, 'record' | 'records'>
  readonly #clock: Clock
  readonly #lanes = new Map<RecordKind, Lane>()
  #allowance = burst
  #allowedAt: number

  constructor(store: Pick<Store, 'record' | 'records'>, clock: Clock) {
    this.#store = store
    this.#clock = clock
    this.#allowedAt = clock.now()
  }

  /** Rejects with `store_unavailable`. */
  read(kind: RecordKind, id: string): Promise<StoredRecord | undefined> {
    let lane = this.#lanes.get(kind)
    if (lane === undefined) {
      lane = { kind, waiting: new Map(), planned: false }
      this.#lanes.set(kind, lane)
    }
    let waiting = lane.waiting.get(id)
    if (waiting === undefined) {
      waiting = Promise.withResolvers<StoredRecord | undefined>()
      lane.waiting.set(id, waiting)
      if (!lane.planned) this.#plan(lane)
    }
    return waiting.promise
  }

  #plan(lane: Lane): void {
    lane.planned = true
    const waitMs = invented.has(lane.kind) ? this.#waitMs() : 0
    // What is asked for in the same turn is read together.
    if (waitMs === 0) queueMicrotask(() => this.#readLane(lane))
    else setTimeout(() => this.#readLane(lane), waitMs)
  }

  #waitMs(): number {
    const now = this.#clock.now()
    this.#allowance = Math.min(burst, this.#allowance + ((now - this.#allowedAt) / 1000) * perSecond)
    this.#allowedAt = now
    return this.#allowance >= 1 ? 0 : Math.ceil(((1 - this.#allowance) * 1000) / perSecond)
  }

  async #readLane(lane: Lane): Promise<void> {
    const { kind, waiting } = lane
    lane.planned = false
    lane.waiting = new Map()
    const ids = [...waiting.keys()]
    try {
      for (let from = 0; from < ids.length; from += idsPerRead) {
        await this.#readSome(kind, ids.slice(from, from + idsPerRead), waiting)
      }
    } catch (cause) {
      // Those that were answered before stay answered.
      for (const { reject } of waiting.values()) reject(cause)
    }
  }

  async #readSome(kind: RecordKind, ids: readonly string[], waiting: Lane['waiting']): Promise<void> {
    // Taken before, so that many reads at once are counted too; given back as far as it found what it was asked for.
    const isInvented = invented.has(kind)
    if (isInvented) this.#allowance -= 1
    const found = await this.#find(kind, ids)
    if (isInvented) this.#allowance = Math.min(burst, this.#allowance + found.size / ids.length)
    for (const id of ids) waiting.get(id)?.resolve(found.get(id))
  }

  async #find(kind: RecordKind, ids: readonly string[]): Promise<ReadonlyMap<string, StoredRecord>> {
    const [only, second] = ids
    if (only !== undefined && second === undefined) {
      const record = await this.#store.record(kind, only)
      return new Map(record === undefined ? [] : [[only, record]])
    }
    const { records } = await this.#store.records({ kind, where: { id: ids } })
    return new Map(records.map((record) => [record.id, record]))
  }
}
