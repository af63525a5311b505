import { MapReader } from './map-reader.ts'
import type { Packed, PackTask } from './pack.ts'

/** A thread without work holds 10 MB, and a new one takes 30 ms to begin. Who has seen what a map changes often reloads again. */
const idleMs = 30_000
/** Bytes of a map that leaves a thread too large to be kept. */
const largeMap = 8 * 1024 * 1024

/** Reads, checks and packs maps in a thread of their own, so that the event loop does not wait for it. */
export class PriceThread {
  /** The one that waits for work. */
  #idle: MapReader | undefined
  #timer: NodeJS.Timeout | undefined

  /** Starts the thread while the map is still to come. */
  prepare(): void {
    this.#rest(this.#take())
  }

  /**
   * The bytes are handed over and are not the caller's any more.
   * @throws MapRefused, also for a map that takes too long or too much memory
   */
  async pack(task: PackTask): Promise<Packed> {
    const reader = this.#take()
    const isLarge = task.bytes.byteLength > largeMap
    try {
      return await reader.read(task)
    } finally {
      if (isLarge) reader.end()
      else this.#rest(reader)
    }
  }

  /** A second map at the same time is read by a second thread. */
  #take(): MapReader {
    const reader = this.#idle?.ended === false ? this.#idle : new MapReader()
    this.#idle = undefined
    clearTimeout(this.#timer)
    return reader
  }

  #rest(reader: MapReader): void {
    if (reader.ended) return
    if (this.#idle !== undefined) {
      reader.end()
      return
    }
    this.#idle = reader
    this.#timer = setTimeout(() => this.#take().end(), idleMs).unref()
  }
}
