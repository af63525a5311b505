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
   * Offers all lines, some together, until they are not taken.
   * @param most bytes that are offered at once, unless lines that came together are more. One by one, a hundred thousand calls' rows would
   *   hold up the event loop for seconds when the disk is back.
   * @returns whether nothing is left
   */
  offer(most: number, take: (lines: Buffer) => boolean): boolean {
    let taken = 0
    while (taken < this.#lines.length) {
      let [end, bytes] = [taken, 0]
      do {
        bytes += this.#lines[end]?.length ?? 0
        end += 1
      } while (end < this.#lines.length && bytes + (this.#lines[end]?.length ?? 0) <= most)
      if (!take(Buffer.concat(this.#lines.slice(taken, end), bytes))) break
      this.#bytes -= bytes
      taken = end
    }
    this.#lines = this.#lines.slice(taken)
    return this.#lines.length === 0
  }
}
