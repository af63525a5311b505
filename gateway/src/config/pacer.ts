import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Longest stretch of work, ms, before sockets and timers get their turn: calls go on while a configuration is built. */
const stretchMs = 4
/** The clock is read once in so many items: reading it for each costs more than most items do. */
const between = 8

/**
 * Keeps long work from holding the event loop. `await` alone does not yield: resolved promises run before any socket.
 * Ask `due()` once per item, in every loop over resources: `if (pacer.due()) await pacer.pause()`.
 */
export class Pacer {
  #since = performance.now()
  #asked = 0

  due(): boolean {
    this.#asked += 1
    return this.#asked % between === 0 && performance.now() - this.#since > stretchMs
  }

  async pause(): Promise<void> {
    await nextTurn()
    this.#since = performance.now()
  }
}
