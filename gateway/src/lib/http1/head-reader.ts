import type { Buffer } from 'node:buffer'
import { HeadTooLarge, MalformedMessage } from './head-fields.ts'

const carriageReturn = 0x0d
const lineFeed = 0x0a

/** Bytes of a line: all of Latin-1 that prints, and tabs. */
const printable = new Uint8Array(256).fill(1, 0x20)
printable[0x09] = 1
printable[0x7f] = 0

/** The last line's end and the empty line. */
const endBytes = 4

const inLine = 0
const afterReturn = 1
const atLineStart = 2
const afterEmptyReturn = 3
const whole = 4

/**
 * Finds where a head ends (RFC 9112, 2.1), whatever pieces it comes in. Refuses control characters, and line ends that are not the pair
 * "\r\n": some parsers take a lone "\r" or "\n" for a line end and others do not, which is how one message becomes two. One look at each
 * byte: on the text it takes five times as long.
 */
export class HeadReader {
  /** Where the last `read` stopped: behind the head, or at the end of the bytes. */
  position = 0
  readonly #maxBytes: number
  readonly #what: string
  readonly #start: typeof inLine | typeof atLineStart
  #state: number
  #text = ''

  /**
   * @param maxBytes of a head without the empty line that ends it
   * @param what `trailers` may have no line at all
   */
  constructor(maxBytes: number, what: 'a head' | 'trailers' = 'a head') {
    this.#maxBytes = maxBytes
    this.#what = what
    this.#start = what === 'trailers' ? atLineStart : inLine
    this.#state = this.#start
  }

  /** What has come of a head that is not whole. */
  get begun(): string {
    return this.#text
  }

  /**
   * @returns the head as Latin-1 text with the line end of its last line, cut out alone, so that the strings of its fields do not keep
   *   what came with it; `undefined` until it is whole
   * @throws MalformedMessage, HeadTooLarge
   */
  read(bytes: Buffer, from: number, end: number): string | undefined {
    const limit = Math.min(end, from + this.#maxBytes + endBytes - this.#text.length)
    const stop = this.#scan(bytes, from, limit)
    const before = this.#text
    this.position = stop
    if (this.#state === whole) {
      this.#state = this.#start
      this.#text = ''
      // A string of its own and no part of another: what is cut out of that is looked at six times as fast.
      if (before === '') return bytes.toString('latin1', from, stop - 2)
      return (before + bytes.toString('latin1', from, stop)).slice(0, -2)
    }
    this.#text = before + bytes.toString('latin1', from, stop)
    if (this.#text.length >= this.#maxBytes + endBytes)
      throw new HeadTooLarge(`${this.#what} of more than ${this.#maxBytes} bytes`)
    return undefined
  }

  #scan(bytes: Buffer, from: number, end: number): number {
    let state = this.#state
    let at = from | 0
    while (at < end && state !== whole) {
      const byte = bytes[at] ?? 0
      const mayReturn = state === inLine || state === atLineStart
      if (printable[byte] === 1 && mayReturn) {
        state = inLine
        do at = (at + 1) | 0
        while (at < end && printable[bytes[at] ?? 0] === 1)
        continue
      }
      if (byte === carriageReturn && mayReturn) state = state === inLine ? afterReturn : afterEmptyReturn
      else if (byte === lineFeed && state === afterReturn) state = atLineStart
      else if (byte === lineFeed && state === afterEmptyReturn) state = whole
      else throw new MalformedMessage('a control character or a lone line end in the head')
      at = (at + 1) | 0
    }
    this.#state = state
    return at
  }
}
