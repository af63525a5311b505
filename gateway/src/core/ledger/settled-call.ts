import type { Breakdown } from '../cost/breakdown.ts'
import type { NanoUsd } from '../money.ts'
import type { Usage } from '../usage.ts'

/** One inference call as it came to its end: what the ledger keeps of it. Never its content. */
export interface SettledCall {
  /** Ours, unique; what makes a second delivery of the row harmless. */
  readonly id: string
  /** `x-litellm-call-id`; the caller may have chosen it, so it may repeat. */
  readonly callId: string
  /** The id of the answer as its caller saw it, which is LiteLLM's `request_id` (contract 4.3); '' where there was none. */
  readonly answerId: string
  /** Unix ms. */
  readonly startedAt: number
  readonly endedAt: number
  /** Ms from accept to the first content; `undefined` for answers that came whole. */
  readonly firstContentMs: number | undefined
  /** Whom it is charged to; '' where there is none. */
  readonly holders: Holders
  /** The name the caller asked for. */
  readonly requestedModel: string
  /** '' when no group was found. */
  readonly modelGroup: string
  readonly deployment: string
  readonly provider: string
  readonly providerModel: string
  readonly apiBase: string
  /** `chat`, `completion`, `embedding`, `message` …: LiteLLM's call types without the leading `a`. */
  readonly callType: string
  readonly stream: boolean
  /** What the caller was answered: an HTTP status; 499 when the caller hung up, also in the middle of a stream. */
  readonly status: number
  readonly errorCode: string | undefined
  readonly attempts: number
  readonly fallbacks: number
  readonly revision: number
  /** Hash of the price map it was costed by. */
  readonly priceMap: string
  /** `undefined`: unknown, which is not 0. */
  readonly usage: Usage | undefined
  /** Whether tokens were counted by us because the provider's word never came. */
  readonly estimated: boolean
  /** `undefined`: no price is known. */
  readonly cost: NanoUsd | undefined
  readonly breakdown: Breakdown | undefined
  readonly tags: readonly string[]
  readonly cacheHit: boolean
  readonly clientAddress: string
}

export interface Holders {
  /** Hash of the key; the master key's too. */
  readonly key: string
  readonly keyAlias: string
  readonly user: string
  readonly team: string
  readonly organization: string
  readonly endUser: string
}
