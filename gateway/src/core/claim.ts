import type { JsonValue } from '../lib/json.ts'
import { GatewayError } from './errors.ts'

/** One try of a request on its idempotency key. Who holds it may make the request's changes, and nobody else. */
export interface Claim {
  /** Digest of who asks and of the key that was sent. */
  readonly key: string
  /** Digest of what is asked. */
  readonly fingerprint: string
  /** Of this try alone. */
  readonly owner: string
}

/** What a change came to, kept by the commit that made it. */
export interface Outcome {
  readonly revision: number
  /** What the edit returned; absent for nothing. */
  readonly result?: JsonValue
}

/** One change of a claimed request. */
export interface ClaimedChange {
  readonly claim: Claim
  /** From 0, in the order in which the request makes its changes. */
  readonly number: number
  /** An earlier try committed it, and its answer was lost: it is not made again. */
  readonly made: Outcome | undefined
}

export interface KeptAnswer {
  readonly status: number
  readonly body: string
}

export type Claimed =
  /** It is this try's turn; by number, the changes that earlier tries have made. */
  | { readonly state: 'won'; readonly made: ReadonlyMap<number, Outcome> }
  /** Another try is at work, or has just ended: ask again. */
  | { readonly state: 'held' }
  /** The key was used for another request. */
  | { readonly state: 'mismatch' }
  | { readonly state: 'answered'; readonly answer: KeptAnswer }

/** Idempotency keys in the store. Every method rejects with GatewayError `store_unavailable` when the database is away. */
export interface Claims {
  /**
   * Inserts the claim if there is none, or takes over one whose holder has not been heard of for its time.
   * @param times.holdMs how long the holder may be silent, ms
   * @param times.keepMs how long what the request changed is kept, ms
   */
  take(claim: Claim, times: { readonly holdMs: number; readonly keepMs: number }): Promise<Claimed>
  /** The work goes on. */
  hold(claim: Claim, holdMs: number): Promise<void>
  /** Keeps the answer, sealed, in place of the claim; nothing if somebody else has taken the claim over. */
  answer(claim: Claim, answer: KeptAnswer, keepMs: number): Promise<void>
  /** Lets the next try have it at once. A key under which nothing was changed is as if it had never been used. */
  release(claim: Claim): Promise<void>
}

/** Another try of the request is at work. */
export function inProgress(): GatewayError {
  return new GatewayError(
    'idempotency_in_progress',
    'A request with this Idempotency-Key is under way; send it again in a moment to get its answer.',
    { param: 'Idempotency-Key', retryAfterMs: 1_000 },
  )
}
