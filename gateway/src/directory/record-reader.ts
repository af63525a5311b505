import type { RecordKind, StoredRecord } from '../core/record.ts'
import type { Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'

/** Reads that may follow one another at once; a key that is new here must not wait (issue #3, Shows 6). */
const burst = 50
/** Reads per second when callers ask for ever new records: a flood of invented keys is not the database's problem (reliability F56). */
const perSecond = 25
const idsPerRead = 500

interface Waiting {
  readonly promise: Promise<StoredRecord | undefined>
  readonly resolve: (record: StoredRecord | undefined) => void
  readonly reject: (cause: unknown) => void
}

/** Reads records from the store, together where many are asked for at the same time. */
export class RecordReader {
  readonly #store: Pick<Store, 'record' | 'records'>
  readonly #clock: Clock
  readonly #waiting = new Map<RecordKind, Map<string, Waiting>>()
  #allowance = burst
  #allowedAt: number
  #planned = false

  constructor(store: Pick<Store, 'record' | 'records'>, clock: Clock) {
    this.#store = store
    this.#clock = clock
    this.#allowedAt = clock.now()
  }

  /** Rejects with `store_unavailable`. */
  read(kind: RecordKind, id: string): Promise<StoredRecord | undefined> {
    let ofKind = this.#waiting.get(kind)
    if (ofKind === undefined) {
      ofKind = new Map()
      this.#waiting.set(kind, ofKind)
    }
    let waiting = ofKind.get(id)
    if (waiting === undefined) {
      waiting = Promise.withResolvers<StoredRecord | undefined>()
      ofKind.set(id, waiting)
      this.#plan()
    }
    return waiting.promise
  }

  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    const waitMs = this.#waitMs()
    // What is asked for in the same turn is read together.
    if (waitMs === 0) queueMicrotask(() => this.#readAll())
    else setTimeout(() => this.#readAll(), waitMs)
  }

  #waitMs(): number {
    const now = this.#clock.now()
    this.#allowance = Math.min(burst, this.#allowance + ((now - this.#allowedAt) / 1000) * perSecond)
    this.#allowedAt = now
    return this.#allowance >= 1 ? 0 : Math.ceil(((1 - this.#allowance) * 1000) / perSecond)
  }

  #readAll(): void {
    this.#planned = false
    for (const [kind, waiting] of this.#waiting) {
      if (waiting.size === 0) continue
      this.#waiting.set(kind, new Map())
      this.#allowance -= 1
      void this.#readSome(kind, waiting)
    }
  }

  async #readSome(kind: RecordKind, waiting: ReadonlyMap<string, Waiting>): Promise<void> {
    try {
      const ids = [...waiting.keys()]
      for (let from = 0; from < ids.length; from += idsPerRead) {
        const found = await this.#find(kind, ids.slice(from, from + idsPerRead))
        for (const id of ids.slice(from, from + idsPerRead)) waiting.get(id)?.resolve(found.get(id))
      }
    } catch (cause) {
      // Those that were answered before stay answered.
      for (const { reject } of waiting.values()) reject(cause)
    }
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
