/** What is counted. `parallel` counts calls that are under way; `budget` counts billionths of a dollar. */
export type Measure = 'requests' | 'tokens' | 'parallel' | 'budget'

/** One counter that a call must fit into before it starts. */
export interface Demand {
  /** What LiteLLM calls the holder in messages: `api_key`, `user`, `team`, `team_member`, `organization`, `end_user`, `model_per_key` … */
  readonly descriptor: string
  /** Stable id of the holder: the key's hash, the team's id, `<hash>:<model>` … Counters are `descriptor:value:measure`. */
  readonly value: string
  readonly measure: Measure
  readonly limit: number
  /** What is taken now; settled to what was used in the end. */
  readonly amount: number
  /** Unix ms at which the counter starts again; `undefined`: never. Not for `parallel`. */
  readonly resetsAt: number | undefined
}

/** Room that was taken in every counter at once. To be settled exactly once; one that is not expires. */
export interface Reservation {
  /** After the taking, for `x-ratelimit-*` headers; in the order of the demands. */
  readonly remaining: readonly number[]
  /** Gives back what was not used and takes what was used beyond: `used` in the order of the demands. Never rejects. */
  settle(used: readonly number[]): void
}

export interface Refusal {
  readonly demand: Demand
  /** What was in the counter. */
  readonly current: number
}

/** The shared place of all counters. */
export interface Limiter {
  /**
   * Takes all demands or none, in one atomic step. Answers at once where the counters are in memory.
   * @param expiresInMs after so long the reservation counts as abandoned: requests, tokens and budget stay as taken or used,
   *   parallel calls are given back
   */
  reserve(demands: readonly Demand[], expiresInMs: number): Taking | Promise<Taking>
}

export type Taking = { readonly reservation: Reservation } | { readonly refusal: Refusal }
