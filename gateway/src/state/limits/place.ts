import type { BudgetState, Demand } from '../../core/limit.ts'

/**
 * Counters that several processes share. Each method is one round trip and one atomic step; all reject when the place is away.
 * Every answer brings the place's clock, Unix ms.
 */
export interface Place {
  /** `redis`, `postgres`; for status and metrics. */
  readonly name: string
  /**
   * @param id of the reservation, never used before
   * @param seeds for budget counters that may not be there; those that are, ignore them
   */
  reserve(id: string, demands: readonly Demand[], ttlMs: number, seeds: readonly BudgetState[]): Promise<PlaceAnswer>
  /**
   * What is held is given back only if it is still there, so a repeated settlement changes nothing; but for tokens, which are
   * settled unless `repeated`.
   */
  settle(settlements: readonly Settlement[], repeated: boolean): Promise<void>
  /** Puts off the expiry. */
  renew(holds: readonly Hold[], ttlMs: number): Promise<void>
  raise(spent: readonly BudgetState[]): Promise<void>
  setBudget(counter: string, amount: number): Promise<void>
  time(): Promise<number>
  close(): Promise<void>
}

export type PlaceAnswer =
  | {
      readonly type: 'taken'
      readonly now: number
      readonly remaining: readonly number[]
      /** Unix ms; 0: never. */
      readonly resetsAt: readonly number[]
    }
  | {
      readonly type: 'refused'
      readonly now: number
      /** Of the demand that did not fit. */
      readonly index: number
      readonly current: number
      readonly held: number
      readonly resetsAt: number
    }
  /** Nothing was taken: these budget counters are not there and no seed came with the demand. */
  | { readonly type: 'cold'; readonly now: number; readonly indexes: readonly number[] }

export interface Settlement {
  readonly id: string
  readonly demand: Demand
  readonly used: number
  /** End of the window in which it was taken: tokens of a window that is over are not corrected. */
  readonly takenUntil: number
  /** The place was away meanwhile: what was spent comes with `raise`, so only the hold is given back. */
  readonly releaseOnly: boolean
}

export interface Hold {
  readonly id: string
  readonly demand: Demand
}
