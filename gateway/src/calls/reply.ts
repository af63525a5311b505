import type { ServerResponse } from 'node:http'
import { GatewayError } from '../core/errors.ts'
import type { Listed } from '../lib/roster.ts'
import { type Sender, sendAtTurnEnd } from '../lib/turn-end.ts'

/** Answers up to this size are sent in one write with their head (measured: 8 µs less CPU per call). */
const joinedBytes = 65_536

/** Where the answer goes: one HTTP response to the caller. Heads are flat lists of name, value, name, value … */
export class Reply implements Listed, Sender {
  place = -1
  readonly #response: ServerResponse
  readonly #isLast: () => boolean
  readonly #onClosed: () => void
  #onInterrupt: ((error: GatewayError) => void) | undefined
  #onDrain: (() => void) | undefined
  #interrupted: GatewayError | undefined
  /** A whole answer as Latin-1 text, until the turn ends. */
  #whole: string | undefined
  /** The caller hung up before the answer was complete. */
  gone = false

  /**
   * @param isLast whether the connection must not be used for another request, asked when the head is written
   * @param onClosed called once, when the response is over, whole or not
   */
  constructor(response: ServerResponse, isLast: () => boolean, onClosed: () => void) {
    this.#response = response
    this.#isLast = isLast
    this.#onClosed = onClosed
    response.on('close', this.#onClose)
  }

  /** Whether a status has been sent, so that an error can only follow in-band. */
  get opened(): boolean {
    return this.#response.headersSent
  }

  /** The one listener for what ends the call from outside: the caller hung up, or the process must stop. Called at once if it has happened. */
  onInterrupt(listener: (error: GatewayError) => void): void {
    this.#onInterrupt = listener
    if (this.#interrupted !== undefined) listener(this.#interrupted)
  }

  interrupt(error: GatewayError): void {
    if (this.#interrupted !== undefined) return
    this.#interrupted = error
    this.#onInterrupt?.(error)
  }

  /** The one listener for room to write again. */
  onDrain(listener: () => void): void {
    if (this.#onDrain === undefined) this.#response.on('drain', () => this.#onDrain?.())
    this.#onDrain = listener
  }

  send(status: number, head: string[], body: Buffer | string): void {
    if (this.gone) return
    head.push('content-length', String(typeof body === 'string' ? Buffer.byteLength(body) : body.length))
    this.open(status, head)
    if (typeof body === 'string' || body.length > joinedBytes) {
      this.#response.end(body)
      return
    }
    // As text, Node sends head and body in one write; as bytes it would cork and send two. Latin-1 keeps every byte as it is.
    this.#whole = body.toString('latin1')
    sendAtTurnEnd(this)
  }

  flush(): void {
    if (this.#whole === undefined || this.gone || this.#response.destroyed) return
    this.#response.end(this.#whole, 'latin1')
    this.#whole = undefined
  }

  open(status: number, head: string[]): void {
    if (this.gone) return
    if (this.#isLast()) this.#response.shouldKeepAlive = false
    this.#response.writeHead(status, head)
  }

  /** No request may follow on this connection: its body was not read to the end. */
  closeAfter(): void {
    this.#response.shouldKeepAlive = false
  }

  /** @returns false when the caller reads slower than we write: stop until `onDrain` */
  write(bytes: Buffer | string): boolean {
    return this.gone || this.#response.write(bytes)
  }

  end(): void {
    this.#response.end()
  }

  /** Drops the connection without an end, so that the caller cannot take a cut answer for a whole one. */
  destroy(): void {
    this.#response.destroy()
  }

  readonly #onClose = (): void => {
    this.#onClosed()
    if (this.#response.writableFinished) return
    this.gone = true
    this.interrupt(
      new GatewayError('client_closed', 'The caller closed the connection before the answer was complete.'),
    )
  }
}
