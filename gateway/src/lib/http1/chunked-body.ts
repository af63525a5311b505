import { Buffer } from 'node:buffer'
import { MalformedMessage, readFields } from './head-fields.ts'
import { HeadReader } from './head-reader.ts'

/** Of all chunk extensions of one body; nobody uses them, and without a bound they are data that no limit counts. */
const maxExtensionBytes = 16_384
const maxTrailerBytes = 16_384
/** A chunk of 2^40 bytes is none; the bound also keeps the sum far from where numbers stop being exact. */
const maxSizeDigits = 10

const size = 0
const extension = 1
const sizeEnd = 2
const data = 3
const dataReturn = 4
const dataFeed = 5
const trailer = 6

const carriageReturn = 0x0d
const lineFeed = 0x0a
const semicolon = 0x3b

/** Values of hexadecimal digits by character; 255 for all others. */
const digits = new Uint8Array(256).fill(255)
for (let value = 0; value < 16; value += 1) {
  digits[value.toString(16).charCodeAt(0)] = value
  digits[value.toString(16).toUpperCase().charCodeAt(0)] = value
}

/** Takes the chunked coding (RFC 9112, 7.1) off a body that comes in pieces. Extensions and trailers are checked and dropped. */
export class ChunkedBody {
  /** The last chunk and its trailers have been read. */
  over = false
  /** Where the last `take` stopped: at its end, or less when the body was over before. */
  position = 0
  #state = size
  #left = 0
  #digits = 0
  #extensionBytes = 0
  #trailers: HeadReader | undefined

  /**
   * What a piece of the coded body holds; the caller owns it.
   * @throws MalformedMessage
   */
  take(bytes: Buffer, from: number, end: number): Buffer {
    const target = Buffer.allocUnsafe(end - from)
    let position = from
    let written = 0
    while (position < end && !this.over) {
      if (this.#state === data) {
        const taken = Math.min(this.#left, end - position)
        bytes.copy(target, written, position, position + taken)
        written += taken
        position += taken
        this.#left -= taken
        if (this.#left === 0) this.#state = dataReturn
      } else if (this.#state === trailer) {
        position = this.#readTrailers(bytes, position, end)
      } else {
        this.#readByte(bytes[position] ?? 0)
        position += 1
      }
    }
    this.position = position
    const piece = target.subarray(0, written)
    // Of tiny chunks most is framing, and whoever keeps the piece would keep the room for that, too.
    return written * 2 < target.length ? Buffer.from(piece) : piece
  }

  #readByte(byte: number): void {
    switch (this.#state) {
      case size: {
        const value = digits[byte] ?? 255
        if (value !== 255) {
          this.#digits += 1
          if (this.#digits > maxSizeDigits) throw new MalformedMessage('a chunk size too large to be one')
          this.#left = this.#left * 16 + value
          return
        }
        if (this.#digits === 0) throw new MalformedMessage('a chunk without a size')
        if (byte === carriageReturn) this.#state = sizeEnd
        else if (byte === semicolon) this.#state = extension
        else throw new MalformedMessage('a chunk size that is not hexadecimal')
        return
      }
      case extension:
        if (byte === carriageReturn) {
          this.#state = sizeEnd
          return
        }
        this.#extensionBytes += 1
        if (this.#extensionBytes > maxExtensionBytes) throw new MalformedMessage('chunk extensions without an end')
        if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f)
          throw new MalformedMessage('a lone line end in a chunk size')
        return
      case sizeEnd:
        if (byte !== lineFeed) throw new MalformedMessage('a lone line end in a chunk size')
        this.#state = this.#left === 0 ? trailer : data
        this.#digits = 0
        return
      case dataReturn:
        if (byte !== carriageReturn) throw new MalformedMessage('a chunk longer than its size')
        this.#state = dataFeed
        return
      default:
        if (byte !== lineFeed) throw new MalformedMessage('a chunk longer than its size')
        this.#state = size
    }
  }

  /** Trailers end with an empty line, like a head; most bodies have none. */
  #readTrailers(bytes: Buffer, from: number, end: number): number {
    this.#trailers ??= new HeadReader(maxTrailerBytes, 'trailers')
    const text = this.#trailers.read(bytes, from, end)
    if (text === undefined) return end
    checkTrailers(readFields(text, 0, text.length - 2))
    this.over = true
    return this.#trailers.position
  }
}

/** Nobody may believe that the body ends elsewhere than it did (RFC 9110, 6.5.1). */
function checkTrailers(fields: readonly string[]): void {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]
    if (name === 'content-length' || name === 'transfer-encoding') throw new MalformedMessage('a length among trailers')
  }
}
