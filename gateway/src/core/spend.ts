import { createHash } from 'node:crypto'
import type { NanoUsd } from './money.ts'

/** Everybody whose money is counted; the words are LiteLLM's, as in messages and counters. */
export type SpenderKind =
  | 'api_key'
  | 'user'
  | 'team'
  | 'team_member'
  | 'organization'
  | 'end_user'
  | 'tag'
  | 'model_per_key'
  | 'model_per_user'
  | 'model_per_team'
  | 'model_per_team_member'
  | 'model_per_organization'
  | 'model_per_end_user'
  | 'model'
  | 'provider'
  | 'deployment'
  | 'proxy'

/**
 * One holder of a sum. `value` is its stable id: the key's hash, the user's, team's, organization's or customer's id,
 * `memberId(team, user)` of core/record.ts, the tag, `<holder>:<model>`, the provider's name; '' for the proxy as a whole.
 */
export interface Spender {
  readonly kind: SpenderKind
  readonly value: string
}

/** What a spender has spent. */
export interface Spent {
  /** In the running budget window, or since the last reset; what rows show as `spend`. */
  readonly amount: NanoUsd
  /** Ever; resets leave it alone. */
  readonly total: NanoUsd
  /** Unix ms at which `amount` starts again from 0, once a call has been counted in a window. */
  readonly resetsAt: number | undefined
}

/** One whom the cost of a call is charged to. */
export interface Charge {
  /** `spenderName` */
  readonly spender: string
  /** The budget window that the call was made in, Unix ms; `undefined`: the budget is never reset, or there is none. */
  readonly window: { readonly start: number; readonly end: number } | undefined
}

/** What one spender's calls cost within one window. */
export interface SpendEntry extends Charge {
  /** Billionths of a dollar. */
  readonly amount: number
  /** Unix ms of the last of the calls. */
  readonly at: number
}

/** Name of the spender in maps, tables and counters. */
export function spenderName(spender: Spender): string {
  return `${spender.kind}:${holderName(spender.value)}`
}

/** An index of PostgreSQL takes no more than 2,700 bytes. */
const longestName = 500

/**
 * An id as every store and counter can keep it. End users and tags are the callers' own text: one that a database refuses (a NUL,
 * half a character, a megabyte) would hold up the sums of everybody that are written with it.
 */
export function holderName(value: string): string {
  if (value.length <= longestName && value.isWellFormed() && !value.includes('\0')) return value
  const digest = createHash('sha256').update(value).digest('hex')
  return `${value
    .slice(0, longestName - 100)
    .toWellFormed()
    .replaceAll('\0', '\ufffd')}#${digest}`
}

/**
 * Sums of cost, kept in the store. What calls of this replica cost counts at once; what calls of others cost, within a second.
 * Every method but `of` acts in the budget counters too. All reject with GatewayError `store_unavailable` (503).
 */
export interface Spending {
  /** @returns by `spenderName`; a spender that never spent anything is there with zeros */
  of(spenders: readonly Spender[]): Promise<ReadonlyMap<string, Spent>>
  /** `/key/{key}/reset_spend`, `/key/update {"spend": …}`: the sum of the running window becomes this. In force when it resolves. */
  set(spender: Spender, amount: NanoUsd): Promise<void>
  /** A key that was regenerated keeps its sums under the new hash. What the old one spends afterwards is its own. */
  move(from: Spender, to: Spender): Promise<void>
}

export const nothingSpent: Spent = Object.freeze({
  // Zero billionths is a whole number of billionths.
  amount: 0 as NanoUsd,
  // As above.
  total: 0 as NanoUsd,
  resetsAt: undefined,
})
