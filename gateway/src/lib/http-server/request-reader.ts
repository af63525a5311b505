import type { Buffer } from 'node:buffer'
import { ChunkedBody } from '../http1/chunked-body.ts'
import { MalformedMessage, readFields, readFraming } from '../http1/head-fields.ts'
import { HeadReader } from '../http1/head-reader.ts'

/** As Node's own server: more than any client sends, and all that a stranger can make us keep before a request is one. */
const maxHeadBytes = 16_384
/** Of the empty lines that some clients send after a body (RFC 9112, 2.2). */
const maxEmptyLines = 4

/** A request as far as its head tells. */
export interface RequestStart {
  readonly method: string
  /** As sent: printable ASCII without spaces, of any form (RFC 9112, 3.2). */
  readonly target: string
  /** Lower-case name, value, name, value … in their order; repeated names stay apart. */
  readonly fields: readonly string[]
  /** Bytes of the body, if that was said; a body in chunks says nothing. */
  readonly length: number | undefined
  /** Whether the caller can and wants to use the connection for another request. */
  readonly keepsAlive: boolean
  /** HTTP/1.0 knows no chunks. */
  readonly takesChunks: boolean
  /** `Expect: 100-continue`: the body is not sent before it is asked for. */
  readonly expectsContinue: boolean
}

/** A request asks for what this server does not do (RFC 9110, 10.1.1). */
export class ExpectationFailed extends MalformedMessage {}

const head = 0
const counted = 1
const chunked = 2
const over = 3

/**
 * Reads one request of HTTP/1.1 or 1.0 after the other (RFC 9112), strictly: whatever a proxy in front could understand differently
 * is an error and ends the connection, because the bytes after it could be taken for somebody else's request.
 */
export class RequestReader {
  /** Where the last read stopped: the end of its bytes, of the head, or of the request. */
  position = 0
  #state = head
  readonly #head = new HeadReader(maxHeadBytes)
  #emptyLines = 0
  /** Of an empty line its first half has come. */
  #halfLine = false
  #left = 0
  #chunks: ChunkedBody | undefined

  /** Whether the request's last byte was read. */
  get over(): boolean {
    return this.#state === over
  }

  /** Whether the head was read, and not the whole body. */
  get inBody(): boolean {
    return this.#state === counted || this.#state === chunked
  }

  /** Whether so many more bytes are sure to hold the rest of the body. */
  endsWithin(bytes: number): boolean {
    return this.#state === over || (this.#state === counted && this.#left <= bytes)
  }

  /** Whether a part of a head has been read. */
  get begun(): boolean {
    return this.#head.begun !== ''
  }

  /** Ready for the next request. */
  reset(): void {
    this.#state = head
    this.#emptyLines = 0
    this.#chunks = undefined
  }

  /**
   * @returns the request once its head is whole; `undefined` until then
   * @throws MalformedMessage
   */
  readHead(bytes: Buffer, from: number): RequestStart | undefined {
    let start = from
    if (!this.begun) {
      start = this.#skipEmptyLines(bytes, from)
      if (start < bytes.length) checkFirstByte(bytes[start] ?? 0)
    }
    const text = this.#head.read(bytes, start, bytes.length)
    this.position = this.#head.position
    return text === undefined ? undefined : this.#takeHead(text)
  }

  /**
   * Reads on in the body.
   * @returns what of it these bytes hold; the receiver owns it
   * @throws MalformedMessage
   */
  readBody(bytes: Buffer, from: number): Buffer {
    const body = this.#chunks
    if (body === undefined) {
      const end = Math.min(bytes.length, from + this.#left)
      this.#left -= end - from
      if (this.#left === 0) this.#state = over
      this.position = end
      return bytes.subarray(from, end)
    }
    const piece = body.take(bytes, from, bytes.length)
    this.position = body.position
    if (body.over) this.#state = over
    return piece
  }

  #skipEmptyLines(bytes: Buffer, from: number): number {
    let position = from
    while (position < bytes.length) {
      const byte = bytes[position]
      if (this.#halfLine) {
        if (byte !== lineFeed) throw new MalformedMessage('a lone line end in place of a request')
        this.#halfLine = false
        this.#emptyLines += 1
        if (this.#emptyLines > maxEmptyLines) throw new MalformedMessage('empty lines in place of a request')
      } else if (byte === carriageReturn) this.#halfLine = true
      else return position
      position += 1
    }
    return position
  }

  /** @param text the head with the line end of its last line */
  #takeHead(text: string): RequestStart {
    const lineEnd = text.indexOf('\r\n')
    const line = requestLine.exec(text.slice(0, lineEnd))
    if (line === null) throw new MalformedMessage('a request line that is not `METHOD target HTTP/1.1`')
    const [, method = '', target = '', version = ''] = line
    const minor = version === '1' ? 1 : 0
    const fields = readFields(text, lineEnd + 2, text.length - 2)
    const framing = readFraming(fields, minor)
    const expectsContinue = readHostAndExpect(fields, minor)
    if (framing.chunked) {
      this.#chunks = new ChunkedBody()
      this.#state = chunked
    } else {
      this.#left = framing.length ?? 0
      this.#state = this.#left === 0 ? over : counted
    }
    return {
      method,
      target,
      fields,
      length: framing.length,
      keepsAlive: !framing.close && (minor === 1 || framing.keepAlive),
      takesChunks: minor === 1,
      expectsContinue,
    }
  }
}

const carriageReturn = 0x0d
const lineFeed = 0x0a
const tlsHandshake = 0x16

const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e]+) HTTP\/1\.([01])$/

/** Garbage is refused when it starts, not when 16 KiB of it were waited for. */
function checkFirstByte(byte: number): void {
  if (byte === tlsHandshake) throw new MalformedMessage('TLS was sent to a port that speaks plain HTTP')
  if (byte < 0x21 || byte > 0x7e) throw new MalformedMessage('the request is not HTTP/1.1')
}

/**
 * @returns whether the caller waits for `100 Continue`
 * @throws MalformedMessage unless there is one `Host` (RFC 9112, 3.2); ExpectationFailed
 */
function readHostAndExpect(fields: readonly string[], minor: number): boolean {
  let hosts = 0
  let expectsContinue = false
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]
    if (name === 'host') hosts += 1
    else if (name === 'expect') {
      if (fields[index + 1]?.toLowerCase() !== '100-continue') throw new ExpectationFailed('an unknown expectation')
      expectsContinue = minor === 1
    }
  }
  if (hosts > 1 || (hosts === 0 && minor === 1)) throw new MalformedMessage('a request needs one `host` header')
  return expectsContinue
}
