import type { SettledCall } from './settled-call.ts'

/** Whose calls; the daily sums are kept for each of these apart, so that any page reads one contiguous range (issue #4). */
export const ledgerScopes = ['all', 'key', 'user', 'team', 'organization', 'end-user', 'tag'] as const

export type LedgerScope = (typeof ledgerScopes)[number]

export interface CallQuery {
  /** Unix ms, from inclusive, to exclusive, by the start of the call. */
  readonly from?: number
  readonly to?: number
  /** A call's own id, or that of its answer. */
  readonly callId?: string
  readonly key?: string
  readonly user?: string
  readonly team?: string
  readonly organization?: string
  readonly endUser?: string
  readonly keyAlias?: string
  /** Of the answer. */
  readonly status?: number
  /** An error's code. */
  readonly error?: string
  readonly model?: string
  readonly modelGroup?: string
  readonly deployment?: string
  readonly failed?: boolean
  readonly minCost?: number
  readonly maxCost?: number
  readonly sort?: 'started_at' | 'ended_at' | 'model' | 'cost' | 'tokens' | 'duration'
  readonly ascending?: boolean
  readonly offset?: number
  /** Only calls that follow this one, in ascending order of start: for reading many without an offset. They are not counted. */
  readonly after?: { readonly startedAt: number; readonly id: string }
  readonly limit: number
}

export interface DailyQuery {
  readonly scope: LedgerScope
  /** Of whom; absent: of everybody in the scope. */
  readonly holders?: readonly string[]
  /** UTC days `YYYY-MM-DD`, both inclusive. */
  readonly from: string
  readonly to: string
  readonly model?: string
  readonly provider?: string
  readonly key?: string
  /** What to keep apart; the rest is summed. */
  readonly by: readonly DailyDimension[]
}

export type DailyDimension = 'holder' | 'day' | 'key' | 'modelGroup' | 'provider' | 'model'

/** A sum of calls; the dimensions that were not asked for are ''. */
export interface DailySum {
  readonly holder: string
  readonly day: string
  readonly key: string
  readonly modelGroup: string
  readonly provider: string
  readonly model: string
  readonly calls: number
  readonly failed: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cachedTokens: number
  readonly cacheWriteTokens: number
  /** Billionths of a dollar; beyond 9 million dollars the nearest number. */
  readonly cost: number
  /** Calls whose cost is unknown, and which `cost` leaves out. */
  readonly uncosted: number
}

/** A page of calls, and how many there are. */
export interface CallPage {
  readonly calls: readonly SettledCall[]
  /** Counted up to `countedUpTo`; where counting means reading, of some 200,000 rows beyond the page. */
  readonly total: number
}

/** The rows of all replicas, and their daily sums. Rejects with GatewayError `store_unavailable` when the store is away. */
export interface Ledger {
  calls(query: CallQuery): Promise<CallPage>
  daily(query: DailyQuery): Promise<readonly DailySum[]>
}

/** A count of matching rows goes no further: people page through thousands, not millions. */
export const countedUpTo = 10_000
