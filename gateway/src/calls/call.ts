import type { Snapshot } from '../config/snapshot.ts'
import type { ChatRequest } from '../core/chat.ts'
import type { Cost } from '../core/cost/cost-of.ts'
import type { Customer, Limits, Principal, Tag } from '../core/principal.ts'
import type { Settings } from '../core/settings.ts'
import type { Usage } from '../core/usage.ts'
import type { DialectName } from '../core/wire.ts'
import type { WireBody } from '../lib/bytes.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Admission } from '../state/limits/call-limits.ts'
import type { CallOptions } from './options.ts'
import type { Reply } from './reply.ts'
import type { Asked } from './served.ts'
import type { StreamSample } from './stream-sample.ts'

/** One caller's request, as it stands after stop 3 (decode). The snapshot is the one the call keeps to its last byte. */
export interface Call {
  /** `x-litellm-call-id`: the caller's own, or ours. */
  readonly id: string
  /** `Clock.now()` at accept. */
  readonly startedAt: number
  /** The wire format the caller speaks. */
  readonly dialect: DialectName
  /** The path as requested, for messages. */
  readonly route: string
  readonly snapshot: Snapshot
  readonly settings: Settings
  /** Who calls, as it was when the call was accepted. */
  readonly principal: Principal
  /** IP address, as far as it can be known; '' for calls that nobody made. */
  readonly clientAddress: string
  /** The end user that the request names (contract 3.8), and its record if there is one. */
  readonly endUser: string | undefined
  readonly customer: Customer | undefined
  /** What an end user may use who has no limits of his own. */
  readonly endUserLimits: Limits | undefined
  /** Of the request, its key and its team, each once. */
  readonly tags: readonly string[]
  /** Whether the request names tags, or tries to. */
  readonly namesTags: boolean
  /** The records of those of them that have one. */
  readonly tagged: readonly Tag[]
  /** The name the caller asked for. */
  readonly model: string
  /** What the aliases of key and team make of that name; what is routed and limited. */
  readonly routedAs: string
  readonly stream: boolean
  readonly body: JsonObject
  /** The body as it came; `undefined` when `body` is not what it says (a fallback with overrides). */
  readonly sent: WireBody | undefined
  readonly options: CallOptions
  readonly reply: Reply
  /** What the call did so far; read by settle and the response headers. */
  readonly progress: Progress
}

export interface Progress {
  attempts: number
  retries: number
  fallbacks: number
  /** ms spent waiting for upstreams, to tell the gateway's own share of the time. */
  upstreamMs: number
  usage: Usage | undefined
  /** `undefined` until the answer is known, and where a price is not. */
  cost: Cost | undefined
  /** ms from accept to the first content of a stream. */
  firstContentMs: number | undefined
  /** Room taken in the caller's limits, to be settled; `undefined`: nothing limits the call. */
  admission: Admission | undefined
  /** What was asked last, whether it answered or not: a failed call is told with it. */
  lastAsked: Asked | undefined
  /** Whether the ledger has been told. */
  accounted: boolean
  /** The id of the answer, as far as it has one and has been seen; '' else. */
  answerId: string
  /** How much has passed of the stream of the last attempt. */
  sample: StreamSample | undefined
  /** The request in normal form, once it was needed. */
  decoded: ChatRequest | undefined
  /** Parameters that did not reach the provider, and such that reached it changed, by the caller's names (issue #321). */
  dropped: readonly string[]
  changed: readonly string[]
}

export function newProgress(): Progress {
  return {
    attempts: 0,
    retries: 0,
    fallbacks: 0,
    upstreamMs: 0,
    usage: undefined,
    cost: undefined,
    firstContentMs: undefined,
    admission: undefined,
    lastAsked: undefined,
    accounted: false,
    answerId: '',
    sample: undefined,
    decoded: undefined,
    dropped: [],
    changed: [],
  }
}
