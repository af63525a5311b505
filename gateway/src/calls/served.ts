import type { Buffer } from 'node:buffer'
import type { Deployment } from '../core/deployment.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Usage } from '../core/usage.ts'
import type { DialectName } from '../core/wire.ts'
import type { WireBody } from '../lib/bytes.ts'
import type { UpstreamHeaders } from '../lib/http-client.ts'
import type { DeploymentState } from '../state/deployment-state.ts'
import type { TargetRoom } from '../state/limits/target-limits.ts'
import type { Reply } from './reply.ts'
import type { StreamPipe } from './stream-pipe.ts'
import type { Target } from './target.ts'

/** What an attempt is made of, and what comes of it: the nouns that the stops of a call hand on to each other. */

/** What one attempt sends, and what of the caller's parameters it does not send as they came. */
export interface UpstreamBody {
  readonly bytes: Buffer | string
  readonly dropped: readonly string[]
  readonly changed: readonly string[]
}

/** Everything one attempt needs that does not depend on the answer. */
export type Prepared =
  | {
      readonly type: 'upstream'
      readonly dialect: DialectName
      readonly body: UpstreamBody
      /** For streams only. */
      readonly pipe: StreamPipe | undefined
      /** Turns the provider's whole answer into the caller's. */
      render(body: WireBody): Rendered
    }
  /** Answered here, without a provider, in the caller's dialect. */
  | { readonly type: 'local'; readonly usage: Usage | undefined; answer(): Promise<AttemptResult> }

export interface Rendered {
  readonly bytes: Buffer | string
  readonly usage: Usage | undefined
  /** '' where it says none. */
  readonly answerId: string
}

/** What a provider answered. */
export type AttemptResult =
  | { readonly type: 'whole'; readonly headers: UpstreamHeaders; readonly body: WireBody }
  | { readonly type: 'stream'; readonly headers: UpstreamHeaders; readonly stream: OpenStream }

/** A stream whose first content has come; nothing of it has reached the caller yet. */
export interface OpenStream {
  /** Sends what is held and all that follows; resolves when the last byte is out, with the error that cut it short, if one did. */
  attach(reply: Reply): Promise<GatewayError | undefined>
}

/** An attempt that answered; `settle` gives its room back when the last byte is out. */
export interface Served {
  readonly target: Target
  readonly deployment: Deployment
  readonly prepared: Prepared
  readonly result: AttemptResult
  /** A whole answer of a provider, in the caller's dialect. */
  readonly rendered: Rendered | undefined
  readonly state: DeploymentState
  /** Taken in the limits of the deployment and its provider; to be settled with what the call came to. */
  readonly room: TargetRoom | undefined
}

/** Whom an attempt was made at. */
export type Asked = Pick<Served, 'target' | 'deployment'>

/** What an answer came from, as far as it is known. */
export type Source = Pick<Served, 'target' | 'deployment' | 'prepared'>
