import type { Buffer } from 'node:buffer'
import type { GatewayError } from '../core/errors.ts'
import type { Usage } from '../core/usage.ts'
import type { UpstreamFailure } from '../core/wire.ts'

/** Turns one provider's stream into the caller's, chunk by chunk. */
export interface StreamPipe {
  /** What the caller is to be sent for this chunk; empty for nothing yet. */
  push(chunk: Buffer): Buffer | string
  /** A content event has been seen: from here on the call can neither be retried nor fall back. */
  readonly started: boolean
  /**
   * The provider's body has ended: what the caller is to be sent to complete a stream that said why it finished and only lacks its
   * terminator (reliability F87).
   */
  end(): Buffer | string
  /** The provider's own terminator has been seen: what ends without it was cut. */
  readonly finished: boolean
  /** The provider reported an error inside its stream. */
  readonly failure: UpstreamFailure | undefined
  readonly usage: Usage | undefined
  /** An in-band error in the caller's dialect; the stream ends after it, without the terminator. */
  fail(error: GatewayError): string
}
