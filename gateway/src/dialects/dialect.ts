import type { Buffer } from 'node:buffer'
import type { ChatEvent, ChatRequest, ChatResponse, Warning } from '../core/chat.ts'
import type { EmbeddingRequest, EmbeddingResponse } from '../core/embedding.ts'
import type { GatewayError } from '../core/errors.ts'
import type { ParameterNames } from '../core/parameter-names.ts'
import type { Usage } from '../core/usage.ts'
import type { ChatDialectName, DialectName, EmbeddingDialectName } from '../core/wire.ts'
import type { JsonObject } from '../lib/json.ts'
import type { SseEvent } from '../lib/sse.ts'

/** A body in the target's wire form and what was lost or changed on the way. */
export interface Encoded {
  readonly body: JsonObject
  readonly warnings: readonly Warning[]
}

/**
 * What every wire format tells of itself. Pure: values in, values out, no clock, no I/O.
 * A malformed value throws `GatewayError` `invalid_request` naming the parameter (from the caller) or
 * `upstream_malformed` (from the provider).
 */
interface Wire {
  readonly name: DialectName
  /** The error body and stream event of this dialect. */
  encodeError(error: GatewayError): JsonObject
}

export interface ChatDialect extends Wire {
  readonly name: ChatDialectName
  readonly family: 'chat'
  /**
   * What callers of this dialect call the fields of the normal form, e.g. `{ topK: 'top_k', stop: 'stop_sequences' }`.
   * A field without an entry has no word of its own here. See `callersName` in core/parameter-names.ts.
   */
  readonly names: ParameterNames
  /** caller → us */
  decodeRequest(body: JsonObject): ChatRequest
  /**
   * us → provider. What this dialect cannot say becomes a warning; its `parameter` is the path in the normal form
   * (`topK`, `messages[2].content[0]`) or the caller's own name of an entry of `request.extra`.
   * The data plane turns the former into the caller's word with the caller dialect's `names`.
   */
  encodeRequest(request: ChatRequest): Encoded
  /** provider → us */
  decodeResponse(body: JsonObject): ChatResponse
  /** us → caller. `model` is the name to show. */
  encodeResponse(response: ChatResponse, model: string): JsonObject
  /** provider → us, one decoder per stream. */
  openDecoder(): EventDecoder
  /** us → caller, one encoder per stream. */
  openEncoder(options: EncoderOptions): EventEncoder
  /** Same dialect on both sides, one relay per stream. */
  openRelay(options: RelayOptions): EventRelay
  /** Usage inside a whole response of this dialect, for relays that read nothing else. */
  usageOf(body: JsonObject): Usage | undefined
}

export interface EventDecoder {
  /** The events that one SSE event of the provider means; empty for keep-alives. */
  push(event: SseEvent): readonly ChatEvent[]
}

export interface EncoderOptions {
  /** The model name to show to the caller. */
  readonly model: string
  /** Whether the caller asked for usage in the stream; a dialect that always shows it ignores this. */
  readonly includeUsage: boolean
}

export interface EventEncoder {
  /** SSE text (whole events, each ending in a blank line) that one event means to the caller; '' for nothing. */
  push(event: ChatEvent): string
  /** SSE text of an in-band error; the stream ends after it, without the dialect's terminator. */
  fail(error: GatewayError): string
}

export interface EmbeddingDialect extends Wire {
  readonly name: EmbeddingDialectName
  readonly family: 'embeddings'
  decodeRequest(body: JsonObject): EmbeddingRequest
  encodeRequest(request: EmbeddingRequest): Encoded
  decodeResponse(body: JsonObject): EmbeddingResponse
  encodeResponse(response: EmbeddingResponse, request: EmbeddingRequest, model: string): JsonObject
  usageOf(body: JsonObject): Usage | undefined
}

/** Counting a prompt's tokens: relayed to a provider that can, estimated here otherwise. */
export interface CountTokensDialect extends Wire {
  readonly name: 'anthropic-count-tokens'
  readonly family: 'count-tokens'
  /** The answer to a body of this dialect, estimated from its text. @throws GatewayError as `decodeRequest` does */
  estimate(body: JsonObject): JsonObject
}

/** What a byte relay between two sides of the same dialect must know of its stream events. */
export interface RelayOptions {
  /** The model name to show; `undefined` shows the provider's. */
  readonly model: string | undefined
  /** Whether the caller asked for usage; if not, it is read and hidden where the dialect shows it on request only. */
  readonly includeUsage: boolean
}

/**
 * Passes on the run of whole events that starts at `at` and needs no closer look.
 * @param at where an event starts
 * @returns the run as it is to be sent, and where it ended in the text; `undefined` when the first event needs `push`
 */
export type Skim = (at: number) => { readonly text: string; readonly end: number } | undefined

/** Text is Latin-1 here: one character for each byte. */
export interface EventRelay {
  /**
   * One whole SSE event as it came, its blank line included.
   * @returns the bytes to pass on: the event itself where nothing is to be changed, empty to hide it
   */
  push(event: Buffer): Buffer
  /**
   * Looks at all bytes of one read, to pass on at a glance what `push` would do event by event with the same outcome. Absent: the
   * dialect has no such short cut.
   */
  skim?(text: string): Skim
  /**
   * The body has ended. Where the answer had said why it finished and only the terminator is missing, that terminator, and
   * `finished` is true afterwards (reliability F87). Absent: the dialect has no terminator.
   */
  end?(): Buffer
  /** An event with content for the caller has passed. */
  readonly started: boolean
  /** The dialect's terminator has passed. */
  readonly finished: boolean
  /** The provider reported an error in its stream: its message and code. */
  readonly failure: { readonly message: string; readonly code: string | undefined } | undefined
  readonly usage: Usage | undefined
}

export type Dialect = ChatDialect | EmbeddingDialect | CountTokensDialect
