import { reasonOf } from '../../lib/reason.ts'
/** Whether the shared place is asked. */
export interface PlaceHealth {
  readonly up: boolean
  /** Unix ms of the last change. */
  readonly since: number
  /** Why it is not up. */
  readonly reason: string | undefined
}

export interface BreakerOptions {
  /** Failures one after the other that open it. */
  readonly failures: number
  readonly probeEveryMs: number
  /** Unix ms. */
  readonly wall: () => number
  /** Resolves when the place answers in time. */
  readonly probe: () => Promise<unknown>
  readonly onChange: (health: PlaceHealth) => void
}

/**
 * Keeps calls from waiting for a place that does not answer. While it is open, no call asks: one probe at a time does, and
 * closes it again.
 */
export class Breaker {
  readonly #options: BreakerOptions
  #health: PlaceHealth
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  /** Starts open: the first probe tells. */
  constructor(options: BreakerOptions) {
    this.#options = options
    this.#health = { up: false, since: options.wall(), reason: 'it was not asked yet' }
  }

  get health(): PlaceHealth {
    return this.#health
  }

  succeed(): void {
    this.#failures = 0
  }

  fail(error: unknown): void {
    this.#failures += 1
    if (this.#failures < this.#options.failures || !this.#health.up) return
    this.open(error)
  }

  open(error: unknown): void {
    const reason = reasonOf(error)
    if (this.#health.up) {
      this.#change({ up: false, since: this.#options.wall(), reason })
    }
    this.#probeLater()
  }

  /** Asks now; resolves when the answer, or none, is known. */
  async probe(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      await this.#options.probe()
    } catch (error) {
      if (!this.#stopped) this.open(error)
      return
    }
    this.#failures = 0
    if (this.#stopped || this.#health.up) return
    this.#change({ up: true, since: this.#options.wall(), reason: undefined })
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #probeLater(): void {
    if (this.#timer !== undefined || this.#stopped) return
    this.#timer = setTimeout(() => {
      void this.probe()
    }, this.#options.probeEveryMs)
    this.#timer.unref()
  }

  #change(health: PlaceHealth): void {
    this.#health = health
    this.#options.onChange(health)
  }
}

/**
 * The promise, or a rejection when it takes too long. A timer that was late because this process was busy does not count
 * against the place: what has arrived meanwhile is read first.
 */
export function within<Value>(promise: Promise<Value>, ms: number, what: string): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // Timers run before sockets are read; one turn later a waiting answer has been.
      setImmediate(() => setImmediate(() => reject(new Error(`${what} did not answer within ${ms} ms`))))
    }, ms)
    promise.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
