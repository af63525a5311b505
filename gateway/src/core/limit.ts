import { holderName } from './spend.ts'

/** What is counted. `parallel` counts calls that are under way; `budget` counts billionths of a dollar. */
export type Measure = 'requests' | 'tokens' | 'parallel' | 'budget'

/** When a counter starts again from 0, by the clock of the shared place. */
export type CounterWindow =
  /** So long after the first call that was counted. */
  | { readonly type: 'rolling'; readonly ms: number }
  /**
   * At times that people chose. `ends` are Unix ms, growing: the end of the window before, of this one, of the next; the first
   * that the shared place's clock has not reached counts. Three, because the replica that computes them may be slightly off.
   */
  | { readonly type: 'calendar'; readonly ends: readonly [number, number, number] }

/** One counter that a call must fit into before it starts. */
export interface Demand {
  /** Name of the counter, `descriptor:value:measure`: made once per holder, because a call must not join texts. */
  readonly counter: string
  /** What LiteLLM calls the holder in messages: `api_key`, `user`, `team`, `team_member`, `organization`, `end_user`, `model_per_key` … */
  readonly descriptor: string
  /** Stable id of the holder: the key's hash, the team's id, `<hash>:<model>` … */
  readonly value: string
  readonly measure: Measure
  /**
   * `requests` and `parallel` may reach it and never pass it. `tokens` and `budget` are refused once it is reached, so the last
   * call may pass it by no more than its own amount. 0 refuses everything.
   */
  readonly limit: number
  /** What is taken now; settled to what was used in the end. A whole number. */
  readonly amount: number
  /** `undefined`: never starts again. Not for `parallel`. */
  readonly window: CounterWindow | undefined
}

/** Room that was taken in every counter at once. To be settled exactly once; when its holder dies, it expires. */
export interface Reservation {
  /** After the taking, for `x-ratelimit-*` headers; in the order of the demands. Never below 0. */
  readonly remaining: readonly number[]
  /** Unix ms; in the order of the demands; 0: never. */
  readonly resetsAt: readonly number[]
  /** Gives back what was not used and takes what was used beyond: `used` in the order of the demands. Never rejects. */
  settle(used: readonly number[]): void
}

export interface Refusal {
  readonly demand: Demand
  /** What was in the counter. */
  readonly current: number
  /** The part of it that calls under way hold and may give back. */
  readonly held: number
  /** Unix ms; 0: never. */
  readonly resetsAt: number
}

/** The shared place of all counters. */
export interface Limiter {
  /**
   * Takes all demands or none, in one atomic step. Answers at once where the counters are in memory. A holder that lives renews
   * its reservations; one that died has them expire: requests and tokens stay as taken until their window ends, parallel calls
   * and budget are given back.
   */
  reserve(demands: readonly Demand[]): Taking | Promise<Taking>
  /** Unix ms by the clock of the shared place, as this process knows it. */
  now(): number
  /** What a budget counter holds besides reservations becomes this; a counter that is not there stays so. */
  setBudget(counter: string, amount: number): Promise<void>
  /** Resolves when everything settled so far is in the shared place. */
  flush(): Promise<void>
  /** Lifts budget counters that know less than was spent: the shared place lost them, or was away. */
  raise(spent: readonly BudgetState[]): Promise<void>
  stop(): Promise<void>
}

/** A budget counter, or what it starts from when it is not there: the sum that the store keeps. */
export interface BudgetState {
  /** `descriptor:value:budget` */
  readonly counter: string
  readonly amount: number
  /** Unix ms; `undefined`: no window has begun. */
  readonly resetsAt: number | undefined
}

export type Taking = { readonly reservation: Reservation } | { readonly refusal: Refusal }

/** Name of a counter. */
export function counterName(descriptor: string, value: string, measure: Measure): string {
  return `${descriptor}:${holderName(value)}:${measure}`
}

/** Whether a call still fits into a counter that holds so much. */
export function fits(demand: Demand, current: number): boolean {
  return demand.measure === 'requests' || demand.measure === 'parallel'
    ? current + demand.amount <= demand.limit
    : current < demand.limit
}
