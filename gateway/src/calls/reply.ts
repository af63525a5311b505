import { Buffer } from 'node:buffer'
import { setImmediate as turnEnd } from 'node:timers/promises'
import { GatewayError } from '../core/errors.ts'
import type { AnswerListener, HttpExchange } from '../lib/http-server/http-exchange.ts'
import type { FieldLines } from '../lib/http1/field-lines.ts'
import { type Sender, sendAtTurnEnd } from '../lib/turn-end.ts'

/** Bytes beyond this are not made text: a copy of them would cost more than a second piece. */
const joinedBytes = 65_536

/** Where the answer goes: one HTTP response to the caller. Heads are flat lists of name, value, name, value … */
export class Reply implements AnswerListener, Sender {
  readonly #exchange: HttpExchange
  readonly #isLast: () => boolean
  readonly #whenClosed: () => void
  #onInterrupt: ((error: GatewayError) => void) | undefined
  #whenDrained: (() => void) | undefined
  #interrupted: GatewayError | undefined
  /** What is to be sent at the end of this turn: a character for each byte, so that all of it is one piece. */
  #written = ''
  /** What goes before it, if there is anything large. */
  #large: (Buffer | string)[] | undefined
  #ended = false
  #announced = false
  /** The caller reads slower than we write. */
  #full = false
  /** The caller hung up before the answer was complete. */
  gone = false

  /**
   * @param isLast whether the connection must not be used for another request, asked when the head is written
   * @param onClosed called once, when the response is over, whole or not
   */
  constructor(exchange: HttpExchange, isLast: () => boolean, onClosed: () => void) {
    this.#exchange = exchange
    this.#isLast = isLast
    this.#whenClosed = onClosed
    exchange.listener = this
  }

  /** Whether a status has been sent, so that an error can only follow in-band. */
  get opened(): boolean {
    return this.#exchange.opened
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
  whenDrained(listener: () => void): void {
    this.#whenDrained = listener
  }

  /** @param lines further headers, put together before */
  send(status: number, head: string[], body: Buffer | string, lines?: FieldLines): void {
    if (this.gone) return
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    // These two have no body, and a length would promise one (RFC 9110, 8.6).
    if (status !== 204 && status !== 304) head.push('content-length', String(bytes))
    this.open(status, head, lines)
    if (typeof body === 'string' && bytes === body.length) this.#written += body
    else this.#add(body)
    this.end()
  }

  open(status: number, head: string[], lines?: FieldLines): void {
    if (this.gone) return
    if (this.#isLast()) this.#exchange.closeAfter()
    this.#exchange.open(status, head, lines)
  }

  /** No request may follow on this connection: its body was not read to the end. */
  closeAfter(): void {
    this.#exchange.closeAfter()
  }

  /**
   * Sent at the end of the turn, with all that is written until then.
   * @returns false when the caller reads slower than we write: stop until it is drained
   */
  write(bytes: Buffer | string): boolean {
    if (this.gone) return true
    this.#add(bytes)
    this.#announce()
    return !this.#full
  }

  /** Resolves when what was written has left, as far as the caller takes it: for an answer that is made piece by piece. Rejects with what interrupts it. */
  async room(): Promise<void> {
    await turnEnd()
    if (this.#interrupted !== undefined) throw this.#interrupted
    if (!this.#full) return
    await new Promise<void>((resolve, reject) => {
      this.whenDrained(resolve)
      this.onInterrupt(reject)
    })
  }

  end(): void {
    this.#ended = true
    this.#announce()
  }

  flush(): void {
    this.#announced = false
    const written = this.#written
    const large = this.#large
    this.#written = ''
    this.#large = undefined
    if (this.gone) return
    for (const piece of large ?? []) {
      this.#full = !(typeof piece === 'string' ? this.#exchange.write(piece) : this.#exchange.writeLarge(piece))
    }
    if (this.#ended) this.#exchange.end(written)
    else if (written !== '') this.#full = !this.#exchange.write(written)
  }

  #add(bytes: Buffer | string): void {
    if (typeof bytes === 'string' && Buffer.byteLength(bytes) === bytes.length) {
      this.#written += bytes
      return
    }
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    if (buffer.length <= joinedBytes) {
      this.#written += buffer.toString('latin1')
      return
    }
    this.#large ??= []
    this.#large.push(this.#written, buffer)
    this.#written = ''
  }

  #announce(): void {
    if (this.#announced) return
    this.#announced = true
    sendAtTurnEnd(this)
  }

  /** Drops the connection without an end, so that the caller cannot take a cut answer for a whole one. */
  destroy(): void {
    this.#exchange.destroy()
  }

  onDrain(): void {
    this.#full = false
    this.#whenDrained?.()
  }

  onHangUp(): void {
    // Somebody who waits for no more than this answer may close its half early; the answer leaves with this turn.
    if (this.#ended) return
    this.#leave()
    this.#exchange.destroy()
  }

  onClosed(whole: boolean): void {
    this.#whenClosed()
    if (!whole) this.#leave()
  }

  #leave(): void {
    this.gone = true
    this.interrupt(
      new GatewayError('client_closed', 'The caller closed the connection before the answer was complete.'),
    )
  }
}
