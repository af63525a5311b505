import type { Buffer } from 'node:buffer'

/** What is sent to an upstream. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Name, value, name, value … without those that frame the message; a list that is used again costs nothing to write again. */
  readonly headers: readonly string[]
  readonly body: Buffer | string | null
}

/** Receives one answer. After `onError` or `onEnd` nothing more comes; a throw inside aborts the exchange. */
export interface UpstreamSink {
  /** The request has been handed to a live connection. */
  onSent(): void
  onHead(status: number, headers: UpstreamHeaders): void
  /** All that one read of the socket brought, as one chunk; it belongs to the sink. */
  onData(chunk: Buffer): void
  onEnd(): void
  /** `sent`: whether bytes of the request may have reached the upstream, so that it may have acted on them. */
  onError(error: Error, sent: boolean): void
}

/** Lower-case name, value, name, value … in the order in which they came; a name may come twice. */
export type UpstreamHeaders = readonly string[]

/** The hold on one exchange under way. */
export interface UpstreamExchange {
  /** Ends the exchange and its connection; `onError` is not called. Safe at any time, also before the connection exists. */
  abort(): void
  pause(): void
  resume(): void
}

/** Connections to one origin. Redirects are never followed, so a credential never leaves for another host. */
export interface UpstreamPool {
  readonly origin: string
  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamExchange
  /** Resolves when all exchanges have ended and all connections are closed. */
  close(): Promise<void>
}
