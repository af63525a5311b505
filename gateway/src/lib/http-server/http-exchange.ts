import type { Buffer } from 'node:buffer'
import type { FieldLines } from '../http1/field-lines.ts'
import type { MalformedMessage } from '../http1/head-fields.ts'
import { answerHead } from './answer-text.ts'
import type { RequestStart } from './request-reader.ts'

/** The caller did not send its request in time. */
export class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout'
}

/** Receives a request's body. A caller who hangs up is told of to the answer instead, with or without a body. */
export interface BodySink {
  /** All that one read brought; it belongs to the sink. */
  onData(bytes: Buffer): void
  onEnd(): void
  /** The body breaks HTTP's grammar, or stopped coming. The connection takes no further request. */
  onError(error: MalformedMessage | RequestTimeout): void
}

/** Hears how an answer fares. */
export interface AnswerListener {
  /** There is room again after a `write` that said there was none. */
  onDrain(): void
  /** The caller hung up. Called once at most, and not after `onClosed`. */
  onHangUp(): void
  /** The answer was handed to the kernel to its last byte, or its connection is gone. Called once. */
  onClosed(whole: boolean): void
}

/** What an exchange asks of its connection. */
export interface ExchangeCarrier {
  readonly remoteAddress: string
  /** @returns the whole body, if all of it has been read and none of it taken */
  takeBody(exchange: HttpExchange): Buffer | undefined
  /** Asks the caller for the body, if it waits for that, and reads what is there. */
  startBody(exchange: HttpExchange): void
  /** @returns whether there is room for more */
  write(text: string): boolean
  /** @returns whether there is room for more */
  writeLarge(before: string, bytes: Buffer, after: string): boolean
  /** The answer has been written to its end. @param last the connection takes no further request */
  finish(last: boolean): void
  /** Ends the connection, whatever was on its way. */
  destroy(): void
  /** Of a connection that is kept, seconds. */
  readonly keepAliveSeconds: number
}

/** How an answer's end is told. */
const counted = 0
const chunks = 1
const closing = 2
const bodiless = 3

/** One request of a caller, and the answer to it. */
export class HttpExchange {
  readonly request: RequestStart
  /** The same object for all requests of a connection, for what is remembered with it. */
  readonly connection: object
  /** Whether an answer's head has been written, so that no other can be. */
  opened = false
  /** Whether the request was read to its end. */
  complete = false
  /** Where the body goes; until there is one it is not read. */
  sink: BodySink | undefined
  listener: AnswerListener | undefined
  /** `undefined` once the answer is over: the connection may carry the next exchange by then. */
  #carrier: ExchangeCarrier | undefined
  #last: boolean
  #framing = counted
  /** What must still come of an answer of declared length. */
  #left = 0
  /** Goes out with the first bytes of the body. */
  #head = ''
  #ended = false

  /** @param carrier without one, what is written goes nowhere */
  constructor(request: RequestStart, carrier: ExchangeCarrier | undefined) {
    this.connection = carrier ?? this
    this.request = request
    this.#carrier = carrier
    this.#last = !request.keepsAlive
  }

  /** Where the request comes from; '' when its connection is gone. */
  get remoteAddress(): string {
    return this.#carrier?.remoteAddress ?? ''
  }

  /**
   * The whole body, if it came with the head, as short ones do; it is read then.
   * @returns `undefined`: `readBody` brings it
   */
  takeBody(): Buffer | undefined {
    return this.#carrier?.takeBody(this)
  }

  readBody(sink: BodySink): void {
    this.sink = sink
    this.#carrier?.startBody(this)
  }

  /** No request may follow on this connection. */
  closeAfter(): void {
    this.#last = true
  }

  /**
   * Begins the answer; its head is sent with the first bytes that follow, or at its end.
   * @param fields name, value, name, value …; with `content-length`, or the body is sent in chunks
   * @param lines further fields that were put together before; nothing that frames the message
   * @throws TypeError for a header that cannot be sent; nothing has been begun then
   */
  open(status: number, fields: readonly string[], lines?: FieldLines): void {
    const length = lengthIn(fields)
    let head = answerHead(status, fields, lines)
    // It may never send the body that it was not asked for.
    if (this.request.expectsContinue && this.sink === undefined && !this.complete) this.#last = true
    if (status === 204 || status === 304 || this.request.method === 'HEAD') this.#framing = bodiless
    else if (length !== undefined) {
      this.#framing = counted
      this.#left = length
    } else if (this.request.takesChunks) {
      this.#framing = chunks
      head += '\r\ntransfer-encoding: chunked'
    } else {
      this.#framing = closing
      this.#last = true
    }
    this.#head = this.#last
      ? `${head}\r\nconnection: close\r\n\r\n`
      : `${head}\r\nconnection: keep-alive\r\nkeep-alive: timeout=${this.#carrier?.keepAliveSeconds}\r\n\r\n`
    this.opened = true
  }

  /**
   * @param text a character for each byte
   * @returns whether there is room for more; `onDrain` tells when there is again
   */
  write(text: string): boolean {
    if (this.#ended) return true
    const bytes = this.#framed(text)
    if (this.#isTooLong()) return true
    return bytes === '' || this.#carrier?.write(bytes) !== false
  }

  writeLarge(bytes: Buffer): boolean {
    const carrier = this.#carrier
    if (carrier === undefined || this.#ended || this.#framing === bodiless || bytes.length === 0) return true
    const before = this.#takeHead()
    if (this.#framing === chunks) return carrier.writeLarge(`${before}${bytes.length.toString(16)}\r\n`, bytes, '\r\n')
    this.#left -= bytes.length
    return this.#isTooLong() || carrier.writeLarge(before, bytes, '')
  }

  /** @param text the last of the answer, a character for each byte */
  end(text: string): void {
    if (this.#ended) return
    this.#ended = true
    const bytes = this.#framed(text)
    if (this.#framing === counted && this.#left !== 0) {
      // Less or more than was declared: the next answer would begin in the wrong place.
      this.#carrier?.destroy()
      return
    }
    const all = this.#framing === chunks ? `${bytes}0\r\n\r\n` : bytes
    if (all !== '') this.#carrier?.write(all)
    this.#carrier?.finish(this.#last)
  }

  /** Drops the connection, so that nobody takes what was sent for a whole answer. */
  destroy(): void {
    this.#carrier?.destroy()
  }

  /** For the connection: this exchange is over. */
  close(whole: boolean): void {
    this.#carrier = undefined
    this.listener?.onClosed(whole)
  }

  #framed(text: string): string {
    const head = this.#takeHead()
    if (this.#framing === bodiless) return head
    if (this.#framing === chunks && text !== '') return `${head}${text.length.toString(16)}\r\n${text}\r\n`
    this.#left -= text.length
    return head + text
  }

  /** What is more than was declared is not sent: it would be taken for the next answer. */
  #isTooLong(): boolean {
    if (this.#framing !== counted || this.#left >= 0) return false
    this.#carrier?.destroy()
    return true
  }

  #takeHead(): string {
    const head = this.#head
    this.#head = ''
    return head
  }
}

/** Answers carry few fields, and the length is the last of them. */
function lengthIn(fields: readonly string[]): number | undefined {
  for (let index = fields.length - 2; index >= 0; index -= 2) {
    if (fields[index] === 'content-length') return Number(fields[index + 1])
  }
  return undefined
}
