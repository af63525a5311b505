import { Buffer } from 'node:buffer'
import type { Deployment } from '../core/deployment.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Endpoint } from '../core/wire.ts'
import { wireBody } from '../lib/bytes.ts'
import type { Clock } from '../lib/clock.ts'
import type { Deadline, Deadlines } from '../lib/deadlines.ts'
import type { UpstreamExchange, UpstreamHeaders, UpstreamSink } from '../lib/http-client.ts'
import { headerOf } from '../lib/http1/head-fields.ts'
import { attemptError } from './failure.ts'
import type { CallPorts } from './ports.ts'
import type { Reply } from './reply.ts'
import type { AttemptResult, OpenStream } from './served.ts'
import type { StreamPipe } from './stream-pipe.ts'
import {
  failureInStream,
  failureOfAnswer,
  failureOfConnection,
  isErrorInside,
  maxErrorBytes,
  type Upstream,
} from './upstream-failure.ts'

/** Clock limits of one attempt, ms. */
export interface AttemptLimits {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly chunkMs: number
  /** `Clock.now()` at which the call as a whole is over. */
  readonly deadline: number
  /** Largest answer that is not a stream. */
  readonly maxResponseBytes: number
}

type Phase = 'connect' | 'first-byte' | 'body' | 'over'

/**
 * One exchange with one deployment. Settles exactly once: with a whole answer, with a stream at its first content event, or with
 * the error that lets dispatch decide about another attempt. Its limits are one deadline that it moves from phase to phase.
 */
export class Attempt implements UpstreamSink, OpenStream, Deadline {
  readonly result: Promise<AttemptResult>
  readonly #deployment: Deployment
  readonly #limits: AttemptLimits
  readonly #clock: Clock
  readonly #pipe: StreamPipe | undefined
  #resolve!: (result: AttemptResult) => void
  #reject!: (error: GatewayError) => void
  #exchange: UpstreamExchange | undefined
  #endpoint: Endpoint | undefined
  readonly #deadlines: Deadlines
  #timer: NodeJS.Timeout | undefined
  #phase: Phase = 'connect'
  #phaseDeadline = Number.POSITIVE_INFINITY
  #status = 0
  #headers: UpstreamHeaders = []
  #chunks: Buffer[] = []
  #bytes = 0
  #streaming = false
  place = -1
  #held: (Buffer | string)[] = []
  #reply: Reply | undefined
  #onStreamEnd: ((error: GatewayError | undefined) => void) | undefined
  #streamOver: { error: GatewayError | undefined } | undefined

  /** @param pipe the translation of the stream that is asked for; `undefined` when a whole answer is */
  constructor(
    deployment: Deployment,
    pipe: StreamPipe | undefined,
    limits: AttemptLimits,
    ports: Pick<CallPorts, 'clock' | 'deadlines'>,
  ) {
    this.#deployment = deployment
    this.#pipe = pipe
    this.#limits = limits
    this.#clock = ports.clock
    this.#deadlines = ports.deadlines
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  start(endpoint: Endpoint, body: Buffer | string): void {
    // Given up before it began: the caller left while room, or the next attempt, was waited for.
    if (this.#phase === 'over') return
    const now = this.#clock.now()
    this.#phaseDeadline = now + this.#limits.connectMs
    this.#watch(now)
    this.#endpoint = endpoint
    this.#exchange = this.#deployment.pool.send(
      { method: 'POST', path: endpoint.path, headers: endpoint.headers, body },
      this,
    )
  }

  /** The caller left, or the process must end: drops the upstream at once. */
  abort(error: GatewayError): void {
    this.#finish(error)
  }

  onSent(): void {
    this.#enter('first-byte', this.#limits.firstByteMs)
  }

  onHead(status: number, headers: UpstreamHeaders): void {
    this.#status = status
    this.#headers = headers
    this.#enter('body', this.#limits.chunkMs)
    this.#streaming = this.#pipe !== undefined && status < 300 && isEventStream(headers)
  }

  onData(chunk: Buffer): void {
    this.#enter('body', this.#limits.chunkMs)
    if (this.#streaming) this.#onStreamChunk(chunk)
    else this.#collect(chunk)
  }

  onEnd(): void {
    if (this.#streaming) this.#onStreamEnded()
    else this.#onWhole()
  }

  onError(error: Error, sent: boolean): void {
    if (this.#streaming && this.#pipe?.finished === true) {
      // The answer was complete; how the connection ended does not matter.
      this.#finish(undefined)
      return
    }
    this.#finish(failureOfConnection(this.#upstream, error, sent))
  }

  attach(reply: Reply): Promise<GatewayError | undefined> {
    this.#reply = reply
    reply.whenDrained(() => {
      this.#enter('body', this.#limits.chunkMs)
      this.#exchange?.resume()
    })
    for (const bytes of this.#held) this.#write(reply, bytes)
    this.#held = []
    return new Promise((resolve) => {
      this.#onStreamEnd = resolve
      if (this.#streamOver !== undefined) this.#endStream(reply, this.#streamOver.error)
    })
  }

  #onStreamChunk(chunk: Buffer): void {
    const pipe = this.#pipe
    if (pipe === undefined || this.#phase === 'over') return
    const wasStarted = pipe.started
    const bytes = pipe.push(chunk)
    if (bytes.length > 0) this.#pass(bytes)
    // Content and a failure may come in one chunk: content was there first, so the call is not repeated.
    if (!wasStarted && pipe.started) this.#resolve({ type: 'stream', headers: this.#headers, stream: this })
    if (pipe.failure !== undefined) this.#finish(failureInStream(this.#upstream, pipe.failure))
  }

  #onStreamEnded(): void {
    const pipe = this.#pipe
    if (pipe === undefined || this.#phase === 'over') return
    const last = pipe.end()
    if (last.length > 0) this.#pass(last)
    if (!pipe.finished) {
      this.#finish(
        attemptError(this.#deployment, {
          code: 'upstream_cut',
          message: 'the stream ended before its terminator',
        }),
      )
      return
    }
    if (!pipe.started) this.#resolve({ type: 'stream', headers: this.#headers, stream: this })
    this.#finish(undefined)
  }

  #collect(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#status >= 300) {
      if (this.#bytes - chunk.length < maxErrorBytes) this.#chunks.push(chunk)
      return
    }
    if (this.#bytes > this.#limits.maxResponseBytes) {
      this.#finish(
        attemptError(this.#deployment, {
          code: 'upstream_malformed',
          message: `the answer has more than ${this.#limits.maxResponseBytes} bytes`,
        }),
      )
      return
    }
    this.#chunks.push(chunk)
  }

  #onWhole(): void {
    const only = this.#chunks[0]
    const body = wireBody(this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks))
    // A stream was asked for and something else came: an error inside a 200 (reliability F90), or a server that cannot stream.
    if (this.#status >= 300 || this.#pipe !== undefined || isErrorInside(body)) {
      this.#finish(failureOfAnswer(this.#upstream, this.#status, this.#headers, body.bytes))
      return
    }
    this.#resolve({ type: 'whole', headers: this.#headers, body })
    this.#finish(undefined)
  }

  get #upstream(): Upstream {
    return { deployment: this.#deployment, endpoint: this.#endpoint }
  }

  #pass(bytes: Buffer | string): void {
    if (this.#reply === undefined) this.#held.push(bytes)
    else this.#write(this.#reply, bytes)
  }

  /** A caller who reads slower than the provider writes holds the provider up; meanwhile only the call's own time limit runs. */
  #write(reply: Reply, bytes: Buffer | string): void {
    if (reply.write(bytes) || this.#phase === 'over') return
    this.#phaseDeadline = Number.POSITIVE_INFINITY
    this.#exchange?.pause()
  }

  /** The one end of every attempt. Before the first content it settles `result`, after it the attached stream. */
  #finish(error: GatewayError | undefined): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#deadlines.unwatch(this)
    if (error !== undefined) {
      this.#exchange?.abort()
      // After `resolve` this has no effect, which is what is meant: the stream reports its own end.
      this.#reject(error)
    }
    this.#streamOver = { error }
    if (this.#reply !== undefined) this.#endStream(this.#reply, error)
  }

  #endStream(reply: Reply, error: GatewayError | undefined): void {
    if (error !== undefined && !reply.gone && this.#pipe !== undefined) reply.write(this.#pipe.fail(error))
    reply.end()
    this.#onStreamEnd?.(error)
    this.#letGo()
  }

  /**
   * An attempt that has waited is in the old generation, where it stays for a while after its end; what it still held would be
   * moved there after it (measured: 2 MB a collection under bursts of streams).
   */
  #letGo(): void {
    this.#headers = []
    this.#chunks = []
    this.#reply = undefined
    this.#exchange = undefined
    this.#onStreamEnd = undefined
  }

  #enter(phase: Phase, limitMs: number): void {
    if (this.#phase === 'over') return
    this.#phase = phase
    this.#phaseDeadline = this.#clock.now() + limitMs
  }

  get dueAt(): number {
    return Math.min(this.#phaseDeadline, this.#limits.deadline)
  }

  readonly onDue = (): void => {
    if (this.#phase === 'over') return
    const now = this.#clock.now()
    if (now < this.dueAt) {
      // The short timer went off and an answer has begun meanwhile.
      this.#watch(now)
      return
    }
    const what =
      now >= this.#limits.deadline
        ? 'no complete answer within the time limit of the call'
        : `no ${waitedFor[this.#phase]} within ${this.#limitOf(this.#phase)} ms`
    this.#finish(attemptError(this.#deployment, { code: 'upstream_timeout', message: `Timeout: ${what}` }))
  }

  /** Long limits share a coarse timer; a short one has its own, to be exact. */
  #watch(now: number): void {
    const inMs = this.dueAt - now
    if (inMs < shortMs) this.#timer = setTimeout(this.onDue, Math.max(1, inMs))
    else this.#deadlines.watch(this)
  }

  #limitOf(phase: Phase): number {
    if (phase === 'connect') return this.#limits.connectMs
    return phase === 'first-byte' ? this.#limits.firstByteMs : this.#limits.chunkMs
  }
}

const shortMs = 2_000

const waitedFor: Readonly<Record<Phase, string>> = {
  connect: 'connection',
  'first-byte': 'answer',
  body: 'further data',
  over: '',
}

function isEventStream(headers: UpstreamHeaders): boolean {
  return headerOf(headers, 'content-type')?.startsWith('text/event-stream') === true
}
