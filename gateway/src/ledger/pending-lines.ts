import { Buffer } from 'node:buffer'
/** Lines that a disk did not take, in order, in memory. */
export class PendingLines {
  #lines: Buffer[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Copies them: the caller uses its buffer again. */
  add(lines: Buffer): void {
    this.#lines.push(Buffer.from(lines))
    this.#bytes += lines.length
  }

  /**
   * Offers all lines, some together, until they are not taken. Of lines that are refused together half are offered: there may be room for
   * less.
   * @param most bytes that are offered at once, unless lines that came together are more. One by one, a hundred thousand calls' rows would
   *   hold up the event loop for seconds when the disk is back.
   * @returns whether nothing is left
   */
  offer(most: number, take: (lines: Buffer) => boolean): boolean {
    let taken = 0
    let bytes = most
    while (taken < this.#lines.length) {
      const some = this.#from(taken, bytes)
      const lines = Buffer.concat(some)
      if (take(lines)) {
        this.#bytes -= lines.length
        taken += some.length
      } else {
        if (some.length === 1) break
        bytes = Math.floor(lines.length / 2)
      }
    }
    this.#lines = this.#lines.slice(taken)
    return this.#lines.length === 0
  }

  /** As many as have so many bytes together, at least one. */
  #from(start: number, most: number): readonly Buffer[] {
    let [end, bytes] = [start, 0]
    do {
      bytes += this.#lines[end]?.length ?? 0
      end += 1
    } while (end < this.#lines.length && bytes + (this.#lines[end]?.length ?? 0) <= most)
    return this.#lines.slice(start, end)
  }
}
