import type { Place, Settlement } from './place.ts'

/** Settlements in one command. */
export const batchSize = 100
/** Kept while the place is away; older ones expire there by themselves. */
const maxQueued = 50_000

interface OutgoingOptions {
  readonly place: Pick<Place, 'settle' | 'setBudget'>
  /** Whether the place is asked at all. */
  readonly isUp: () => boolean
  /** Waits for a command no longer than one may take, and notes what came of it. */
  readonly ask: (command: Promise<void>) => Promise<void>
}

/** What the shared place is to be told and no call waits for, in order; kept while the place is away. */
export class Outgoing {
  readonly #options: OutgoingOptions
  #queue: Settlement[] = []
  /** Budgets that were set, until the place knows. */
  readonly #corrections = new Map<string, number>()
  /** Whether the first batch of the queue was sent before. */
  #repeated = false
  #flushing: Promise<void> | undefined

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  settle(settlements: readonly Settlement[]): void {
    if (settlements.length === 0) return
    this.#queue.push(...settlements)
    if (this.#queue.length > maxQueued) this.#queue.splice(0, this.#queue.length - maxQueued)
    if (this.#options.isUp() && this.#flushing === undefined) setImmediate(() => void this.flush())
  }

  setBudget(counter: string, amount: number): Promise<void> {
    this.#corrections.set(counter, amount)
    return this.flush()
  }

  /** Resolves when everything is there, or the place is away. */
  async flush(): Promise<void> {
    // A turn that is under way may be past what this caller wants flushed.
    while (this.#flushing !== undefined) await this.#flushing
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = undefined
    })
    await this.#flushing
  }

  async #flush(): Promise<void> {
    const { place, ask, isUp } = this.#options
    while (this.#queue.length > 0 && isUp()) {
      const batch = this.#queue.slice(0, batchSize)
      this.#queue = this.#queue.slice(batch.length)
      try {
        await ask(place.settle(batch, this.#repeated))
        this.#repeated = false
      } catch {
        // Its answer may be all that was lost: the place must be careful with what it cannot recognise.
        this.#queue = [...batch, ...this.#queue]
        this.#repeated = true
      }
    }
    while (this.#corrections.size > 0 && isUp()) await this.#correct()
  }

  async #correct(): Promise<void> {
    for (const [counter, amount] of this.#corrections) {
      if (!this.#options.isUp()) return
      try {
        await this.#options.ask(this.#options.place.setBudget(counter, amount))
        if (this.#corrections.get(counter) === amount) this.#corrections.delete(counter)
      } catch {
        // It is tried again, until the failures in a row say that the place is away.
      }
    }
  }
}
