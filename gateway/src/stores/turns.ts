import { Sequence } from '../lib/sequence.ts'
import { DatabaseFailure } from './driver.ts'

/** Lets pieces of work run one after the other, in the order they came. */
export class Turns {
  readonly #longestWaitMs: number
  readonly #sequence = new Sequence()

  constructor(longestWaitMs: number) {
    this.#longestWaitMs = longestWaitMs
  }

  /** @throws DatabaseFailure `busy` when its turn does not come in time; the work is not begun then */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    let begun = false
    let givenUp = false
    const turn = this.#sequence.run(() => {
      if (givenUp) return undefined
      begun = true
      return work()
    })
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        if (begun) return
        givenUp = true
        reject(new DatabaseFailure('busy', `other changes were under way for ${this.#longestWaitMs} ms`))
      }, this.#longestWaitMs)
      turn.then(
        (result) => {
          clearTimeout(timer)
          // It is undefined only if it was given up, and then this promise has settled.
          resolve(result as Result)
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(error)
        },
      )
    })
  }
}
