import { Buffer } from 'node:buffer'
import { ChunkedBody } from '../http1/chunked-body.ts'
import { MalformedMessage, numberAt, readFields, readFraming } from '../http1/head-fields.ts'
import { HeadReader } from '../http1/head-reader.ts'

/** Larger than any provider's head; Node's own limit is 16 KiB. */
const maxHeadBytes = 65_536
/** Interim answers (RFC 9110, 15.2) before the final one. */
const maxInterim = 16

/** Receives one response, piece by piece. */
export interface ResponseListener {
  /** @param fields lower-case name, value, name, value … */
  onHead(status: number, fields: readonly string[]): void
  /** All bytes of the body that came with one read, without their framing; the listener owns them. */
  onBody(bytes: Buffer): void
}

const head = 0
const counted = 1
const chunked = 2
const untilClose = 3
const over = 4

/**
 * Reads one response of HTTP/1.1 or 1.0 (RFC 9112), strictly: whatever two parsers could understand differently is an error, because
 * the bytes after it would be taken for somebody else's answer. Fed in pieces of any size; `reset` between two responses.
 */
export class ResponseReader {
  /** Whether the connection can carry another request after this response. */
  reusable = false
  /** What `Keep-Alive: timeout` promised, ms; `undefined` when it said nothing. */
  idleMs: number | undefined
  readonly #listener: ResponseListener
  readonly #isHead: boolean
  #state = head
  readonly #head = new HeadReader(maxHeadBytes)
  #left = 0
  #interim = 0
  #chunks: ChunkedBody | undefined

  /** @param isHead the request was a HEAD, so no body follows whatever the head says */
  constructor(listener: ResponseListener, isHead = false) {
    this.#listener = listener
    this.#isHead = isHead
  }

  get over(): boolean {
    return this.#state === over
  }

  /** Ready for the next response of a connection that was reusable. */
  reset(): void {
    this.#state = head
    this.#interim = 0
    this.#chunks = undefined
    this.reusable = false
    this.idleMs = undefined
  }

  /**
   * @param bytes read-only, and only until this returns
   * @returns where the response ended, or `end`
   * @throws MalformedMessage
   */
  feed(bytes: Buffer, from: number, end: number): number {
    let position = from
    while (this.#state === head && position < end) position = this.#readHead(bytes, position, end)
    if (position === end) return position
    if (this.#state === counted) {
      const taken = Math.min(this.#left, end - position)
      this.#left -= taken
      if (this.#left === 0) this.#state = over
      this.#pass(bytes, position, position + taken)
      return position + taken
    }
    if (this.#state === chunked) return this.#readChunks(bytes, position, end)
    if (this.#state === untilClose) {
      this.#pass(bytes, position, end)
      return end
    }
    return position
  }

  /** The other side has ended the connection. @returns whether that completes the response */
  finish(): boolean {
    if (this.#state === untilClose) this.#state = over
    return this.#state === over
  }

  #pass(bytes: Buffer, from: number, end: number): void {
    const own = Buffer.allocUnsafe(end - from)
    bytes.copy(own, 0, from, end)
    this.#listener.onBody(own)
  }

  #readChunks(bytes: Buffer, from: number, end: number): number {
    const body = this.#chunks
    if (body === undefined) return from
    const piece = body.take(bytes, from, end)
    if (body.over) this.#state = over
    if (piece.length > 0) this.#listener.onBody(piece)
    return body.position
  }

  #readHead(bytes: Buffer, from: number, end: number): number {
    const before = this.#head.begun.length
    const text = this.#head.read(bytes, from, end)
    if (text !== undefined) this.#takeHead(text)
    else if (before < protocol.length && !startsLikeHttp(this.#head.begun))
      throw new MalformedMessage('the answer is not HTTP/1.1')
    return this.#head.position
  }

  /** @param text the head with the line end of its last line */
  #takeHead(text: string): void {
    const lineEnd = text.indexOf('\r\n')
    const minor = minorOf(text)
    const status = statusOf(text, lineEnd)
    const fields = readFields(text, lineEnd + 2, text.length - 2)
    const framing = readFraming(fields, minor)
    if (status < 200) {
      // We never ask to switch protocols, so what follows such an answer would be anything.
      if (status === 101) throw new MalformedMessage('a switch of protocols that was not asked for')
      this.#interim += 1
      if (this.#interim > maxInterim) throw new MalformedMessage('interim answers without an end')
      return
    }
    this.reusable = minor === 1 ? !framing.close : framing.keepAlive && !framing.close
    this.idleMs = keepAliveOf(fields)
    if (this.#isHead || status === 204 || status === 304 || framing.length === 0) this.#state = over
    else if (framing.chunked) {
      this.#chunks = new ChunkedBody()
      this.#state = chunked
    } else if (framing.length !== undefined) {
      this.#left = framing.length
      this.#state = counted
    } else {
      this.reusable = false
      this.#state = untilClose
    }
    this.#listener.onHead(status, fields)
  }
}

const protocol = 'HTTP/1.'

function startsLikeHttp(text: string): boolean {
  return text.length >= protocol.length ? text.startsWith(protocol) : protocol.startsWith(text)
}

function minorOf(text: string): 0 | 1 {
  if (text.startsWith('HTTP/1.1 ')) return 1
  if (text.startsWith('HTTP/1.0 ')) return 0
  throw new MalformedMessage('the answer is not HTTP/1.1')
}

/** Three digits, then a space or nothing: servers that leave the reason out often leave its space out too. */
function statusOf(text: string, lineEnd: number): number {
  const status = numberAt(text, 9, 12)
  if (status === undefined || status < 100 || (lineEnd !== 12 && text.charCodeAt(12) !== space)) {
    throw new MalformedMessage('a status line without a status')
  }
  return status
}

const space = 0x20

/** `Keep-Alive: timeout=5`, ms. */
function keepAliveOf(fields: readonly string[]): number | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] !== 'keep-alive') continue
    const value = fields[index + 1] ?? ''
    const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,6})/i.exec(value)?.[1]
    if (seconds !== undefined) return Number(seconds) * 1000
  }
  return undefined
}
