import { Buffer, isAscii } from 'node:buffer'

/** A part of some bytes. */
export interface ByteSpan {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** Bytes of a line or event that is not complete yet. Grows by doubling, so a million tiny chunks cost what they hold. */
export interface ByteTail {
  readonly length: number
  append(bytes: Buffer, start: number, end: number): void
  /** All bytes held; the tail is empty afterwards. The caller owns them. */
  take(): Buffer
}

export function createByteTail(): ByteTail {
  return new Tail()
}

/** A class, because a getter in a literal would give every tail a hidden class of its own, which outlives it by far. */
class Tail implements ByteTail {
  #held = empty
  #length = 0

  get length(): number {
    return this.#length
  }

  append(bytes: Buffer, start: number, end: number): void {
    const needed = this.#length + end - start
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#held.length * 2, 512))
      this.#held.copy(larger, 0, 0, this.#length)
      this.#held = larger
    }
    bytes.copy(this.#held, this.#length, start, end)
    this.#length = needed
  }

  take(): Buffer {
    const bytes = this.#held.subarray(0, this.#length)
    this.#held = empty
    this.#length = 0
    return bytes
  }
}

const empty: Buffer = Buffer.alloc(0)

/** The same memory as a Buffer, whose searches and slices run in native code. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A body that came over the wire. */
export interface WireBody {
  readonly bytes: Buffer
  /**
   * The same as text in which every place is the place of a byte, if it is short and ASCII. To search, cut and join text takes a third of
   * what it takes with buffers, and in one piece with a head it is text in the end.
   */
  readonly text: string | undefined
}

/** Longer ones are left as bytes: a copy of them would cost more than working on text saves. */
const shortBytes = 16_384

export function wireBody(bytes: Buffer): WireBody {
  return { bytes, text: bytes.length <= shortBytes && isAscii(bytes) ? bytes.toString('latin1') : undefined }
}
