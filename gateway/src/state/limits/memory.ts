import {
  type BudgetState,
  type Demand,
  fits,
  type Limiter,
  type Refusal,
  type Reservation,
  type Taking,
} from '../../core/limit.ts'

interface Counter {
  settled: number
  /** Taken by calls under way and given back when they settle: parallel calls and budgets only. */
  held: number
  /** Unix ms at which the window ends; 0: never. */
  end: number
  /** Grows with every window, so that a late settlement cannot touch a later one. */
  window: number
  usedAt: number
}

/** What budget counters start from. An answer that is a promise makes the first call of a holder wait for it. */
export type BudgetSeed = (demands: readonly Demand[]) => readonly BudgetState[] | Promise<readonly BudgetState[]>

export interface MemoryLimiterOptions {
  /** Unix ms. */
  readonly now: () => number
  readonly seed: BudgetSeed
  /** Counters that may be there before budgets at rest are forgotten. */
  readonly roomyCounters?: number
}

const sweepMs = 60_000
/** A budget counter that nobody asked for so long is made anew from the store. */
const idleMs = 600_000
/** With more counters, 250 bytes each, budgets that no call holds anything of are forgotten at once. */
const roomyCounters = 100_000

/**
 * The counters of a single process. Nothing expires here: whoever could abandon a reservation ends with the process.
 * The answer is a promise only for the first call against a budget that is not in memory.
 */
export class MemoryLimiter implements Limiter {
  readonly #counters = new Map<string, Counter>()
  readonly #seed: BudgetSeed
  readonly #sweeper: NodeJS.Timeout
  readonly now: () => number
  /** So many counters make a sweep that does not wait for its time. */
  #sweepAt: number
  readonly #roomy: number

  constructor(options: MemoryLimiterOptions) {
    this.#roomy = options.roomyCounters ?? roomyCounters
    this.#sweepAt = this.#roomy
    this.now = options.now
    this.#seed = options.seed
    this.#sweeper = setInterval(() => this.#sweep(idleMs), sweepMs).unref()
  }

  reserve(demands: readonly Demand[]): Taking | Promise<Taking> {
    if (this.#counters.size >= this.#sweepAt) this.#sweep(0)
    for (const demand of demands) {
      if (demand.measure === 'budget' && !this.#counters.has(demand.counter)) return this.#seeded(demands)
    }
    return this.#take(demands)
  }

  async setBudget(name: string, amount: number): Promise<void> {
    const counter = this.#counters.get(name)
    if (counter !== undefined) counter.settled = amount
  }

  async raise(spent: readonly BudgetState[]): Promise<void> {
    for (const { counter: name, amount, resetsAt } of spent) {
      const counter = this.#counters.get(name)
      if (counter === undefined || counter.end !== (resetsAt ?? 0)) continue
      if (counter.settled + counter.held < amount) counter.settled = amount - counter.held
    }
  }

  async flush(): Promise<void> {}

  /** Budget counters are made anew from their seeds. */
  forgetBudgets(): void {
    for (const name of this.#counters.keys()) if (name.endsWith(':budget')) this.#counters.delete(name)
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper)
  }

  async #seeded(demands: readonly Demand[]): Promise<Taking> {
    const cold = demands.filter(({ measure, counter }) => measure === 'budget' && !this.#counters.has(counter))
    const seeds = await this.#seed(cold)
    const now = this.now()
    for (const demand of cold) {
      // Another call may have brought the same counter while this one waited; its figures are the newer ones.
      if (this.#counters.has(demand.counter)) continue
      const seed = seeds.find(({ counter }) => counter === demand.counter)
      const over = seed?.resetsAt !== undefined && seed.resetsAt <= now
      const counter = newCounter(now)
      counter.settled = seed === undefined || over ? 0 : seed.amount
      counter.end = seed?.resetsAt === undefined || over ? 0 : seed.resetsAt
      this.#counters.set(demand.counter, counter)
    }
    return this.#take(demands)
  }

  #take(demands: readonly Demand[]): Taking {
    const now = this.now()
    const counters: Counter[] = []
    for (const demand of demands) {
      const counter = this.#counterOf(demand, now)
      const current = counter.settled + counter.held
      if (!fits(demand, current)) return { refusal: refusalOf(demand, current, counter) }
      counters.push(counter)
    }
    const remaining: number[] = []
    const resetsAt: number[] = []
    const windows: number[] = []
    for (let index = 0; index < demands.length; index += 1) {
      const demand = demands[index]
      const counter = counters[index]
      if (demand === undefined || counter === undefined) continue
      if (isHeld(demand)) counter.held += demand.amount
      else counter.settled += demand.amount
      remaining.push(Math.max(0, demand.limit - counter.settled - counter.held))
      resetsAt.push(counter.end)
      windows.push(counter.window)
    }
    return { reservation: new MemoryReservation(this.now, demands, counters, windows, remaining, resetsAt) }
  }

  #counterOf(demand: Demand, now: number): Counter {
    let counter = this.#counters.get(demand.counter)
    if (counter === undefined) {
      counter = newCounter(now)
      this.#counters.set(demand.counter, counter)
    }
    counter.usedAt = now
    turn(counter, demand, now)
    return counter
  }

  /** @param restMs budgets that were not asked for so long are made anew when they are; minutes are counted to their end */
  #sweep(restMs: number): void {
    const now = this.now()
    for (const [name, counter] of this.#counters) {
      if (counter.held > 0) continue
      const over = counter.end !== 0 && counter.end <= now
      const atRest = now - counter.usedAt >= restMs && name.endsWith(':budget')
      if (over || atRest || name.endsWith(':parallel')) this.#counters.delete(name)
    }
    // Half of what is left must come again before the next: a sweep looks at every counter.
    this.#sweepAt = Math.max(this.#roomy, this.#counters.size * 1.5)
  }

  /** Counters in memory, for tests and metrics. */
  get size(): number {
    return this.#counters.size
  }
}

class MemoryReservation implements Reservation {
  readonly remaining: readonly number[]
  readonly resetsAt: readonly number[]
  readonly #now: () => number
  readonly #demands: readonly Demand[]
  readonly #windows: readonly number[]
  #counters: readonly Counter[]

  constructor(
    now: () => number,
    demands: readonly Demand[],
    counters: readonly Counter[],
    windows: readonly number[],
    remaining: readonly number[],
    resetsAt: readonly number[],
  ) {
    this.#now = now
    this.#demands = demands
    this.#counters = counters
    this.#windows = windows
    this.remaining = remaining
    this.resetsAt = resetsAt
  }

  settle(used: readonly number[]): void {
    const counters = this.#counters
    // A second settlement finds nothing left to settle.
    this.#counters = []
    const now = this.#now()
    for (let index = 0; index < counters.length; index += 1) {
      const counter = counters[index]
      const demand = this.#demands[index]
      if (counter === undefined || demand === undefined) continue
      const amount = used[index] ?? demand.amount
      switch (demand.measure) {
        case 'parallel':
          counter.held -= demand.amount
          break
        case 'budget':
          turn(counter, demand, now)
          counter.held -= demand.amount
          counter.settled += amount
          break
        case 'requests':
        case 'tokens':
          if (counter.window !== this.#windows[index] || (counter.end !== 0 && counter.end <= now)) break
          counter.settled = Math.max(0, counter.settled + amount - demand.amount)
          break
        default:
          demand.measure satisfies never
      }
    }
  }
}

/** Whether what is taken is given back as a whole when the call ends, or its holder dies. */
export function isHeld(demand: Demand): boolean {
  return demand.measure === 'parallel' || demand.measure === 'budget'
}

function newCounter(now: number): Counter {
  return { settled: 0, held: 0, end: 0, window: 0, usedAt: now }
}

function refusalOf(demand: Demand, current: number, counter: Counter): Refusal {
  return { demand, current, held: counter.held, resetsAt: counter.end }
}

/** Moves a counter to the window that the moment is in. */
function turn(counter: Counter, demand: Demand, now: number): void {
  const { window } = demand
  if (window === undefined) {
    if (counter.end !== 0 && counter.end <= now) restart(counter, 0)
    // A duration that was taken away: what is counted stays.
    counter.end = 0
    return
  }
  if (window.type === 'rolling') {
    if (counter.end <= now) restart(counter, now + window.ms)
    return
  }
  const end = currentEnd(window.ends, now)
  if (counter.end !== 0 && counter.end <= now) restart(counter, end)
  // Another duration was set: what is counted stays, until the new end.
  else counter.end = end
}

function restart(counter: Counter, end: number): void {
  counter.settled = 0
  counter.end = end
  counter.window += 1
}

/** The first of the ends that has not come yet. */
export function currentEnd(ends: readonly [number, number, number], now: number): number {
  if (ends[0] > now) return ends[0]
  return ends[1] > now ? ends[1] : ends[2]
}
