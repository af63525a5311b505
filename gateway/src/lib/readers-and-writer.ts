/** Many may read at once, one writes alone. Who writes waits for those who read now, and no later ones; in the order of coming. */
export class ReadersAndWriter {
  #writes = 0
  /** Ends with the last write that was asked for. Never rejects. */
  #written: Promise<unknown> = Promise.resolve()
  readonly #reads = new Set<Promise<unknown>>()

  async read<Result>(work: () => Promise<Result>): Promise<Result> {
    // Writes that were asked for while this one waited go first, too.
    while (this.#writes > 0) await this.#written
    const reading = work()
    this.#reads.add(reading)
    try {
      return await reading
    } finally {
      this.#reads.delete(reading)
    }
  }

  write<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#writes += 1
    const writing = this.#written
      .then(() => Promise.allSettled([...this.#reads]))
      .then(work)
      .finally(() => {
        this.#writes -= 1
      })
    this.#written = writing.catch(() => undefined)
    return writing
  }
}
