const firstBytes = 64 * 1024
const mostSpare = 1

/** Large buffers that are used again: as garbage they would stay until a full collection, which under load is rare. */
export class Buffers {
  readonly #usualBytes: number
  readonly #spare: Buffer[] = []

  /** @param usualBytes what nearly every buffer is enough with in the end; larger ones are not kept */
  constructor(usualBytes: number) {
    this.#usualBytes = usualBytes
  }

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(firstBytes, this.#usualBytes))
  }

  /** @param used a view of a buffer of `take` or `grow`, which nobody looks at any more */
  give(used: Buffer): void {
    const whole = Buffer.from(used.buffer)
    if (whole.length <= this.#usualBytes && this.#spare.length < mostSpare) this.#spare.push(whole)
  }

  /** @returns a buffer with room for so many bytes, which begins with the first `kept` of this one */
  grow(buffer: Buffer, kept: number, bytes: number): Buffer {
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(buffer.length * 2, this.#usualBytes)))
    buffer.copy(grown, 0, 0, kept)
    return grown
  }
}
