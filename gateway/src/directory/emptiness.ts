import type { RecordKind } from '../core/record.ts'
import type { Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'

/** How long an answer is believed; changes are told long before. */
const believedMs = 60_000

/**
 * Whether there is any record of a kind at all. Applications name an end user in every call, and most gateways keep no record of
 * any: then no call should wait for a look-up of a name that is new.
 */
export class Emptiness {
  readonly #kind: RecordKind
  readonly #store: Pick<Store, 'records'>
  readonly #clock: Clock
  #empty = false
  #askAgainAt = Number.NEGATIVE_INFINITY
  #epoch = 0

  constructor(kind: RecordKind, store: Pick<Store, 'records'>, clock: Clock) {
    this.#kind = kind
    this.#store = store
    this.#clock = clock
  }

  /** `false` also while it is not known. */
  get isKnown(): boolean {
    return this.#empty && this.#clock.now() < this.#askAgainAt
  }

  /** A record of the kind was changed. */
  forget(): void {
    this.#epoch += 1
    this.#empty = false
    this.#askAgainAt = Number.NEGATIVE_INFINITY
  }

  /** Asks, unless it was asked a moment ago. Rejects with `store_unavailable`. */
  async ask(): Promise<void> {
    if (this.#clock.now() < this.#askAgainAt) return
    this.#askAgainAt = this.#clock.now() + believedMs
    const epoch = this.#epoch
    const { records } = await this.#store.records({ kind: this.#kind, limit: 1 })
    if (epoch === this.#epoch) this.#empty = records.length === 0
  }
}
