import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { MalformedMessage } from '../http1/head-fields.ts'
import type { Listed } from '../roster.ts'
import { answerHead } from './answer-text.ts'
import { type BodySink, type ExchangeCarrier, HttpExchange, RequestTimeout } from './http-exchange.ts'
import { RequestReader, type RequestStart } from './request-reader.ts'
import { readStraight } from './straight-reads.ts'

/** How long a caller may take, in seconds; it has up to one more, and never less. An answer may take as long as it wants. */
export interface ServerTimes {
  /** Between two requests. */
  readonly keepAlive: number
  /** From the connection, or a head's first byte, to its last. */
  readonly head: number
  /** From a head to the last byte of its body. */
  readonly body: number
  /** While nothing is read of what waits of an answer that has ended. */
  readonly unread: number
}

/** What is sent to who does not speak HTTP, or not in time. */
export interface Refusal {
  readonly status: number
  /** Name, value, name, value … without a length. */
  readonly fields: readonly string[]
  /** ASCII. */
  readonly body: string
}

/** What a connection asks of its server. */
export interface ConnectionOwner {
  readonly times: ServerTimes
  /** Whole seconds since some moment; grows with every look for late callers. */
  readonly second: number
  /** A connection that has nothing to do is of no further use. */
  readonly closing: boolean
  onRequest(exchange: HttpExchange): void
  refusalOf(error: MalformedMessage | RequestTimeout): Refusal
  onClosed(connection: CallerConnection): void
}

/** Bytes that came before they were wanted; reading goes on until then, because it is how a hang-up is heard. */
const heldBytes = 65_536
/** After the last answer what the caller still sends is read and dropped for so long: closing at once could take the answer away from it. */
const lingerSeconds = 2

const never = 2 ** 30

const empty = Buffer.alloc(0)

/** Takes the rest of a body that nobody wanted. */
const discarded: BodySink = { onData() {}, onEnd() {}, onError() {} }

/** One caller's connection, with one exchange at a time; requests that come before their turn wait in it. */
export class CallerConnection implements ExchangeCarrier, Listed {
  place = -1
  /** By the owner's `second`; who is later is dropped. */
  dueSecond: number
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #reader = new RequestReader()
  #exchange: HttpExchange | undefined
  /** Where the body goes that is being read. */
  #sink: BodySink | undefined
  /** Read from the socket, and not taken yet. */
  #held: Buffer | undefined
  /** How much of that has been taken. */
  #taken = 0
  #advancing = false
  /** It has carried an exchange. */
  #served = false
  /** No further byte is looked at: the last answer was given, or what came made no sense. */
  #deaf = false
  #hungUp = false
  #address: string | undefined

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket
    this.#owner = owner
    this.dueSecond = owner.second + owner.times.head
    readStraight(socket, (bytes) => this.#onBytes(bytes))
    socket.on('drain', () => this.#exchange?.listener?.onDrain())
    socket.on('end', () => this.#onHungUp())
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => this.#onClosed())
  }

  get remoteAddress(): string {
    this.#address ??= this.#socket.remoteAddress ?? ''
    return this.#address
  }

  get keepAliveSeconds(): number {
    return this.#owner.times.keepAlive
  }

  /** It has served, and nothing is on its way. */
  get idle(): boolean {
    if (!this.#served || this.#deaf) return false
    return this.#exchange === undefined && this.#sink === undefined && !this.#reader.begun
  }

  takeBody(exchange: HttpExchange): Buffer | undefined {
    if (exchange !== this.#exchange || this.#sink !== undefined || !this.#reader.endsWithin(this.#waiting))
      return undefined
    if (this.#reader.over || this.#held === undefined) return empty
    const bytes = this.#held
    const body = this.#reader.readBody(bytes, this.#taken)
    this.#take(bytes, this.#reader.position)
    this.#complete()
    return body
  }

  startBody(exchange: HttpExchange): void {
    const { sink } = exchange
    if (exchange !== this.#exchange || sink === undefined) return
    if (this.#reader.over) {
      sink.onEnd()
      return
    }
    this.#sink = sink
    if (exchange.request.expectsContinue && this.#held === undefined && !exchange.opened) {
      this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')
    }
    this.#advance()
  }

  write(text: string): boolean {
    return this.#socket.write(text, 'latin1')
  }

  writeLarge(before: string, bytes: Buffer, after: string): boolean {
    this.#socket.cork()
    if (before !== '') this.#socket.write(before, 'latin1')
    this.#socket.write(bytes)
    if (after !== '') this.#socket.write(after, 'latin1')
    this.#socket.uncork()
    return !this.#socket.writableNeedDrain
  }

  finish(last: boolean): void {
    // What is written to it goes nowhere, and counts as written.
    if (this.#socket.destroyed) return
    if (this.#socket.writableLength === 0) this.#finished(last)
    else {
      // Who reads nothing of it for so long holds a snapshot, and a process that wants to end. Node counts while nothing leaves.
      this.#socket.setTimeout(this.#owner.times.unread * 1000, () => this.destroy())
      // Comes back when the kernel has taken all that was written before.
      this.#socket.write('', 'latin1', (error) => {
        this.#socket.setTimeout(0)
        if (!error) this.#finished(last)
      })
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** `dueSecond` has passed. */
  expire(): void {
    if (this.#deaf || this.#sink === discarded || this.idle) this.destroy()
    else this.#refuse(new RequestTimeout(this.#exchange === undefined ? 'the head of a request' : 'the body'))
  }

  #onBytes(bytes: Buffer): void {
    if (this.#deaf) return
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held.subarray(this.#taken), bytes])
    this.#taken = 0
    this.#advance()
    if (this.#waiting > heldBytes) this.#socket.pause()
  }

  /** Takes what was read, as far as its turn has come. */
  #advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    try {
      while (this.#held !== undefined && this.#step(this.#held));
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#refuse(error)
    } finally {
      this.#advancing = false
    }
    if (this.#socket.isPaused() && this.#waiting <= heldBytes) this.#socket.resume()
    if (this.#held === undefined && this.#owner.closing && this.idle) this.#socket.destroySoon()
  }

  /** @returns whether it took a part of the bytes */
  #step(bytes: Buffer): boolean {
    const reader = this.#reader
    if (reader.over) {
      if (this.#exchange !== undefined) return false
      reader.reset()
    }
    if (reader.inBody) {
      const sink = this.#sink
      if (sink === undefined) return false
      const piece = reader.readBody(bytes, this.#taken)
      this.#take(bytes, reader.position)
      if (piece.length > 0) sink.onData(piece)
      if (reader.over) {
        this.#complete()
        sink.onEnd()
      }
      return true
    }
    const begun = reader.begun
    const request = reader.readHead(bytes, this.#taken)
    this.#take(bytes, reader.position)
    if (request !== undefined) this.#begin(request)
    else if (!begun) this.dueSecond = this.#owner.second + this.#owner.times.head
    return true
  }

  #take(bytes: Buffer, position: number): void {
    this.#taken = position
    if (position === bytes.length) this.#held = undefined
  }

  /** Bytes that were read and not taken. */
  get #waiting(): number {
    return this.#held === undefined ? 0 : this.#held.length - this.#taken
  }

  #begin(request: RequestStart): void {
    const exchange = new HttpExchange(request, this)
    exchange.complete = this.#reader.over
    this.#exchange = exchange
    this.#sink = undefined
    this.#served = true
    this.dueSecond = exchange.complete ? never : this.#owner.second + this.#owner.times.body
    this.#owner.onRequest(exchange)
  }

  /** The request was read to its end. */
  #complete(): void {
    this.#sink = undefined
    if (this.#exchange === undefined) this.#rest()
    else {
      this.#exchange.complete = true
      this.dueSecond = never
    }
  }

  #rest(): void {
    this.dueSecond = this.#owner.second + this.#owner.times.keepAlive
  }

  #finished(last: boolean): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.close(true)
    if (this.#hungUp) this.destroy()
    else if (last || this.#deaf) this.#leave()
    else {
      if (this.#reader.over) this.#rest()
      else this.#sink = discarded
      this.#advance()
    }
  }

  /** The last answer was written. */
  #leave(): void {
    this.#ignoreRest()
    this.dueSecond = this.#owner.second + lingerSeconds
    this.#socket.end()
  }

  #ignoreRest(): void {
    this.#deaf = true
    this.#held = undefined
    this.#sink = undefined
    this.#socket.resume()
  }

  #refuse(error: MalformedMessage | RequestTimeout): void {
    const exchange = this.#exchange
    const sink = this.#sink
    this.#ignoreRest()
    // Its answer was given, and a second would be taken for that of the next request.
    if (sink === discarded) this.#leave()
    else if (exchange === undefined) {
      const { status, fields, body } = this.#owner.refusalOf(error)
      const head = answerHead(status, [...fields, 'content-length', String(body.length), 'connection', 'close'])
      this.#socket.write(`${head}\r\n\r\n${body}`, 'latin1')
      this.#leave()
    } else if (sink === undefined) this.destroy()
    else {
      exchange.closeAfter()
      this.dueSecond = never
      sink.onError(error)
    }
  }

  #onHungUp(): void {
    this.#hungUp = true
    if (this.#exchange === undefined) this.destroy()
    else this.#exchange.listener?.onHangUp()
  }

  #onClosed(): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#sink = undefined
    this.#deaf = true
    this.#owner.onClosed(this)
    exchange?.close(false)
  }
}
