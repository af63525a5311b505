import { randomBytes } from 'node:crypto'
import type { BudgetState, Demand, Limiter, Reservation, Taking } from '../../core/limit.ts'
import type { Clock } from '../../lib/clock.ts'
import { Recent } from '../../lib/recent.ts'
import { Breaker, type PlaceHealth, within } from './breaker.ts'
import type { LimitFigures } from './figures.ts'
import { LiveReservation } from './live-reservation.ts'
import { type BudgetSeed, isHeld, MemoryLimiter } from './memory.ts'
import { batchSize, Outgoing } from './outgoing.ts'
import type { Hold, Place, PlaceAnswer, Settlement } from './place.ts'

/** What counts while the shared place is away: this process alone, nothing, or no call is let through. */
export type Fallback = 'memory' | 'open' | 'closed'

export interface SharedLimiterOptions {
  readonly place: Place
  readonly clock: Clock
  readonly figures: LimitFigures
  /** Reads from the store what budget counters start from. */
  readonly seed: BudgetSeed
  readonly fallback: Fallback
  /** What one command may take. */
  readonly timeoutMs: number
  /** A reservation whose holder died expires after so long. */
  readonly ttlMs: number
  readonly probeEveryMs: number
  readonly onHealth: (health: PlaceHealth) => void
}

/** Failed commands, one after the other, after which the place is not asked any more. */
const allowedFailures = 3
/** Budgets whose last known state is kept for the time without the place. */
const maxKnownBudgets = 50_000

/**
 * Limits of several processes in one place, with a way on when the place is away. A call waits for one command at most, and for
 * none while the breaker is open. What was settled meanwhile is handed in later.
 */
export class SharedLimiter implements Limiter {
  readonly #options: SharedLimiterOptions
  readonly #place: Place
  readonly #breaker: Breaker
  readonly #local: MemoryLimiter
  /** Unique among all processes that share the place. */
  readonly #prefix = `${randomBytes(9).toString('base64url')}.`
  #count = 0
  /** Difference of the place's clock to ours, ms. */
  #offsetMs = 0
  /** Of calls under way, oldest first. */
  readonly #live = new Map<string, LiveReservation>()
  readonly #outgoing: Outgoing
  readonly #knownBudgets = new Recent<string, BudgetState>(maxKnownBudgets / 2)
  readonly #renewer: NodeJS.Timeout

  constructor(options: SharedLimiterOptions) {
    this.#options = options
    this.#place = options.place
    this.#local = new MemoryLimiter({ now: () => this.now(), seed: (demands) => this.#lastKnown(demands) })
    this.#breaker = new Breaker({
      failures: allowedFailures,
      probeEveryMs: options.probeEveryMs,
      wall: () => options.clock.wall(),
      probe: () => this.#synchronize(),
      onChange: (health) => {
        if (health.up) void this.flush()
        // Of an earlier outage: the last known state is newer.
        else this.#local.forgetBudgets()
        options.onHealth(health)
      },
    })
    this.#outgoing = new Outgoing({
      place: options.place,
      isUp: () => this.#breaker.health.up,
      ask: (command) => this.#ask(command),
    })
    this.#renewer = setInterval(() => void this.#renew(), options.ttlMs / 3).unref()
  }

  /** Asks the place for the first time; calls before that count here. Never rejects. */
  async start(): Promise<void> {
    await this.#breaker.probe()
  }

  get health(): PlaceHealth {
    return this.#breaker.health
  }

  now(): number {
    return this.#options.clock.wall() + this.#offsetMs
  }

  reserve(demands: readonly Demand[]): Taking | Promise<Taking> {
    if (!this.#breaker.health.up) return this.#withoutPlace(demands)
    return this.#reserve(demands)
  }

  /** The connection tells sooner than a command would. */
  connectionLost(reason: string): void {
    this.#breaker.open(new Error(reason))
  }

  connectionBack(): void {
    if (!this.#breaker.health.up) void this.#breaker.probe()
  }

  async setBudget(counter: string, amount: number): Promise<void> {
    const known = this.#knownBudgets.get(counter)
    if (known !== undefined) this.#knownBudgets.set(counter, { ...known, amount })
    await this.#local.setBudget(counter, amount)
    await this.#outgoing.setBudget(counter, amount)
  }

  async raise(spent: readonly BudgetState[]): Promise<void> {
    await this.#local.raise(spent)
    if (spent.length > 0 && this.#breaker.health.up) await this.#ask(this.#place.raise(spent))
  }

  flush(): Promise<void> {
    return this.#outgoing.flush()
  }

  async stop(): Promise<void> {
    clearInterval(this.#renewer)
    await this.flush()
    this.#breaker.stop()
    await this.#local.stop()
    await this.#place.close()
  }

  /** Reservations that are not settled. */
  get live(): number {
    return this.#live.size
  }

  async #reserve(demands: readonly Demand[]): Promise<Taking> {
    const id = this.#prefix + (this.#count++).toString(36)
    try {
      let answer = await this.#take(id, demands, [])
      if (answer.type === 'cold') {
        const cold = answer.indexes.map((index) => demands[index]).filter((demand) => demand !== undefined)
        const seeds = await Promise.resolve(this.#options.seed(cold)).catch(() => undefined)
        // The store is away, not the place: this call is counted here, on what the place last said.
        if (seeds === undefined) return this.#withoutPlace(demands)
        const found = cold.map(
          ({ counter }) =>
            seeds.find((seed) => seed.counter === counter) ?? { counter, amount: 0, resetsAt: undefined },
        )
        answer = await this.#take(id, demands, found)
      }
      if (answer.type === 'cold') throw new Error('the shared place lost its counters twice in a row')
      return this.#taking(id, demands, answer)
    } catch (error) {
      this.#noteFailure(error)
      return this.#withoutPlace(demands)
    }
  }

  async #take(id: string, demands: readonly Demand[], seeds: readonly BudgetState[]): Promise<PlaceAnswer> {
    const { clock, figures, timeoutMs, ttlMs } = this.#options
    const startedAt = clock.now()
    const asked = this.#place.reserve(id, demands, ttlMs, seeds)
    const answer = await within(asked, timeoutMs, this.#place.name).catch((error: unknown) => {
      // It may yet be carried out: then nobody uses what was taken.
      void asked
        .then((late) => late.type === 'taken' && this.#giveBack(id, demands, late.resetsAt))
        .catch(() => undefined)
      throw error
    })
    this.#breaker.succeed()
    figures.answer((clock.now() - startedAt) / 1000)
    this.#offsetMs = answer.now - clock.wall()
    return answer
  }

  #taking(id: string, demands: readonly Demand[], answer: Exclude<PlaceAnswer, { type: 'cold' }>): Taking {
    if (answer.type === 'refused') {
      const demand = demands[answer.index]
      if (demand === undefined) throw new Error('the shared place refused a demand that was not made')
      this.#remember(demand, answer.current, answer.resetsAt)
      const { current, held, resetsAt } = answer
      return { refusal: { demand, current, held, resetsAt } }
    }
    for (const [index, demand] of demands.entries()) {
      if (demand.measure !== 'budget') continue
      this.#remember(demand, demand.limit - (answer.remaining[index] ?? 0), answer.resetsAt[index] ?? 0)
    }
    const { remaining, resetsAt } = answer
    const reservation = new LiveReservation(id, demands, remaining, resetsAt, this.#options.clock.now(), (used, live) =>
      this.#settle(live, used),
    )
    this.#live.set(id, reservation)
    return { reservation }
  }

  #withoutPlace(demands: readonly Demand[]): Taking | Promise<Taking> {
    this.#options.figures.fallbacks += 1
    switch (this.#options.fallback) {
      case 'memory':
        return this.#local.reserve(demands)
      case 'open':
        return { reservation: unlimited(demands) }
      case 'closed': {
        const [demand] = demands
        if (demand === undefined) return { reservation: unlimited(demands) }
        return { refusal: { demand, current: demand.limit, held: 0, resetsAt: this.now() + 1_000 } }
      }
      default:
        return this.#options.fallback satisfies never
    }
  }

  /** The last that the shared place said of a budget; of one it never spoke of, what the store says. */
  async #lastKnown(demands: readonly Demand[]): Promise<readonly BudgetState[]> {
    const known = demands.map(({ counter }) => this.#knownBudgets.get(counter)).filter((state) => state !== undefined)
    const unknown = demands.filter(({ counter }) => !this.#knownBudgets.has(counter))
    if (unknown.length === 0) return known
    try {
      const seeds = await within(Promise.resolve(this.#options.seed(unknown)), this.#options.timeoutMs, 'the store')
      return [...known, ...seeds]
    } catch {
      // Neither place nor store: a call of a known key is served rather than refused, and counted from 0 (issue #3).
      return known
    }
  }

  #remember(demand: Demand, amount: number, resetsAt: number): void {
    if (demand.measure !== 'budget') return
    const { counter } = demand
    this.#knownBudgets.set(counter, { counter, amount, resetsAt: resetsAt === 0 ? undefined : resetsAt })
  }

  #giveBack(id: string, demands: readonly Demand[], resetsAt: readonly number[]): void {
    this.#outgoing.settle(demands.map((demand, index) => settlement(id, demand, 0, resetsAt[index] ?? 0, false)))
  }

  #settle(reservation: LiveReservation, used: readonly number[]): void {
    this.#live.delete(reservation.id)
    const { health } = this.#breaker
    // Before and after an outage the store's sums are what counts: they come with `raise`.
    const releaseOnly =
      !health.up || health.since > this.#options.clock.wall() - (this.#options.clock.now() - reservation.takenAt)
    const settlements: Settlement[] = []
    for (const [index, demand] of reservation.demands.entries()) {
      const amount = used[index] ?? demand.amount
      if (!isHeld(demand) && amount === demand.amount) continue
      settlements.push(settlement(reservation.id, demand, amount, reservation.resetsAt[index] ?? 0, releaseOnly))
    }
    this.#outgoing.settle(settlements)
  }

  async #renew(): Promise<void> {
    const { clock, ttlMs } = this.#options
    if (!this.#breaker.health.up) return
    const due: Hold[] = []
    for (const reservation of this.#live.values()) {
      // Oldest first: the rest is younger.
      if (clock.now() - reservation.takenAt < ttlMs / 3) break
      for (const demand of reservation.demands) if (isHeld(demand)) due.push({ id: reservation.id, demand })
    }
    for (let start = 0; start < due.length; start += batchSize) {
      await this.#ask(this.#place.renew(due.slice(start, start + batchSize), ttlMs)).catch(() => undefined)
    }
  }

  async #synchronize(): Promise<void> {
    const { clock, timeoutMs } = this.#options
    this.#offsetMs = (await within(this.#place.time(), timeoutMs, this.#place.name)) - clock.wall()
  }

  async #ask(asked: Promise<void>): Promise<void> {
    try {
      await within(asked, this.#options.timeoutMs, this.#place.name)
      this.#breaker.succeed()
    } catch (error) {
      this.#noteFailure(error)
      throw error
    }
  }

  #noteFailure(error: unknown): void {
    this.#options.figures.failures += 1
    this.#breaker.fail(error)
  }
}

function settlement(id: string, demand: Demand, used: number, takenUntil: number, releaseOnly: boolean): Settlement {
  return { id, demand, used, takenUntil, releaseOnly }
}

function unlimited(demands: readonly Demand[]): Reservation {
  return { remaining: demands.map(({ limit }) => limit), resetsAt: demands.map(() => 0), settle: () => undefined }
}
