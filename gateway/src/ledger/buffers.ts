const firstBytes = 64 * 1024
const mostSpare = 2

/** Large buffers that are used again: as garbage they would stay until a full collection, which under load is rare. */
export class Buffers {
  readonly #spare: Buffer[] = []

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(firstBytes)
  }

  /** @param used a view of a buffer of `take` or `grow`, which nobody looks at any more */
  give(used: Buffer): void {
    if (this.#spare.length < mostSpare) this.#spare.push(Buffer.from(used.buffer))
  }

  /** @returns a buffer with room for so many bytes, which begins with the first `kept` of this one */
  grow(buffer: Buffer, kept: number, bytes: number): Buffer {
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, buffer.length * 2))
    buffer.copy(grown, 0, 0, kept)
    return grown
  }
}
