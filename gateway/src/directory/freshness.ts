import type { Clock } from '../lib/clock.ts'

/** How much of what was committed elsewhere is known in this process. */
export interface Freshness {
  /** Whether what is in memory may be acted on without asking: a revocation elsewhere waits for that long. */
  leaseValid(): boolean
  /** Whether the last word of the store was an answer. */
  reachable(): boolean
  /**
   * Resolves when everything that was committed before the call is known here, resources and records.
   * Rejects with `store_unavailable`.
   */
  confirm(): Promise<void>
}

/** At most so many checks per second, whatever is asked for (reliability F56). */
const spacingMs = 20

/**
 * Checks for all who ask at the same time. Who comes while a check is under way waits for the next one: the one under way may
 * have read the store before the change that the newcomer knows of.
 */
export class SharedChecks {
  readonly #check: () => Promise<void>
  readonly #clock: Clock
  #startedAt = Number.NEGATIVE_INFINITY
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(check: () => Promise<void>, clock: Clock) {
    this.#check = check
    this.#clock = clock
  }

  confirm(): Promise<void> {
    this.#next ??= this.#begin()
    return this.#next
  }

  async #begin(): Promise<void> {
    // A failed check is told to those who waited for it.
    await this.#running?.catch(() => undefined)
    const waitMs = this.#startedAt + spacingMs - this.#clock.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    this.#startedAt = this.#clock.now()
    this.#running = this.#next
    this.#next = undefined
    await this.#check()
  }
}
