/**
 * Runs pieces of work one after the other, in the order they came, whatever becomes of each. Nothing of a result is kept: it may be large,
 * and the next piece long in coming.
 */
export class Sequence {
  #last: Promise<void> = Promise.resolve()

  run<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(work)
    this.#last = result.then(nothing, nothing)
    return result
  }

  /** Resolves when all that came until now is over. */
  over(): Promise<void> {
    return this.#last
  }
}

function nothing(): void {}
