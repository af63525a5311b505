import { TaskThread, ThreadLost } from '../lib/task-thread.ts'
import type { Packed, PackTask } from './pack.ts'
import { MapRefused } from './refusal.ts'

/** What the thread says of a map. */
export type Reading = { readonly packed: Packed } | { readonly refused: string }

/** A map of 3,000 models takes 50 ms. */
const longestMs = 15_000
/** The largest map that may come (50 MB) as bytes, text, objects and normal form. */
const heapMegabytes = 768
/** Bytes of a map that leaves a thread too large to be kept. */
const largeMap = 8 * 1024 * 1024

/** Reads, checks and packs maps in a thread of their own, so that the event loop does not wait for it. */
export class PriceThread {
  readonly #thread = new TaskThread<PackTask, Reading>({
    script: new URL('./worker.ts', import.meta.url),
    limits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 16 },
    longestMs,
  })

  /** Starts the thread while the map is still to come. */
  prepare(): void {
    this.#thread.prepare()
  }

  /**
   * The bytes are handed over and are not the caller's any more.
   * @throws MapRefused, also for a map that takes too long or too much memory
   */
  async pack(task: PackTask): Promise<Packed> {
    const isLarge = task.bytes.byteLength > largeMap
    try {
      const reading = await this.#thread.ask(task, buffersOf(task))
      if ('packed' in reading) return reading.packed
      throw new MapRefused(reading.refused)
    } catch (error) {
      throw refusalOf(error)
    } finally {
      if (isLarge) this.#thread.retire()
    }
  }
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof ThreadLost)) return error
  switch (error.reason) {
    case 'time':
      return new MapRefused(`reading it takes more than ${longestMs / 1000} s`)
    case 'memory':
      return new MapRefused('reading it takes too much memory')
    case 'failed':
    case 'stopped':
      return new Error(`the thread that reads price maps ${error.message}`, { cause: error.cause })
    default:
      return error.reason satisfies never
  }
}

/** A buffer that is part of a larger one cannot be given away alone. */
function buffersOf({ bytes, review }: PackTask): readonly ArrayBuffer[] {
  const given = review === undefined ? [bytes] : [bytes, review.current]
  return given.flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
  )
}
