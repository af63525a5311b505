import { Worker } from 'node:worker_threads'
import { workerEnvironment } from '../lib/worker-environment.ts'
import type { Packed, PackTask } from './pack.ts'
import { MapRefused } from './refusal.ts'

/** What the thread says of a map. */
export type Reading = { readonly packed: Packed } | { readonly refused: string }

/** A map of 3,000 models takes 50 ms. */
const longestMs = 15_000
/** The largest map that may come (50 MB) as bytes, text, objects and normal form. */
const heapMegabytes = 768

interface Asked {
  readonly timer: NodeJS.Timeout
  resolve(packed: Packed): void
  reject(error: Error): void
}

/** The near end of a thread that reads one map at a time (`worker.ts` is the other). It keeps no process alive but while it reads. */
export class MapReader {
  readonly #worker: Worker
  #asked: Asked | undefined
  #ended = false

  constructor() {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 16 },
      execArgv: [],
      env: workerEnvironment(),
    })
    this.#worker.unref()
    this.#worker.on('message', (reading: Reading) => {
      if ('packed' in reading) this.#settle((asked) => asked.resolve(reading.packed))
      else this.#settle((asked) => asked.reject(new MapRefused(reading.refused)))
    })
    this.#worker.on('error', (error: Error & { readonly code?: string }) => {
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      this.#fail(outOfMemory ? new MapRefused('reading it takes too much memory') : error)
    })
    this.#worker.on('exit', () => this.#fail(new Error('the thread that reads price maps has ended')))
  }

  /** Whether it reads no more: after a map that it could not bear. */
  get ended(): boolean {
    return this.#ended
  }

  /** To be called when the last reading is settled. The bytes are handed over. @throws MapRefused */
  read(task: PackTask): Promise<Packed> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(new MapRefused(`reading it takes more than ${longestMs / 1000} s`))
      }, longestMs)
      this.#asked = { timer, resolve, reject }
      this.#worker.ref()
      this.#worker.postMessage(task, buffersOf(task))
    })
  }

  end(): void {
    this.#ended = true
    void this.#worker.terminate()
  }

  #fail(error: Error): void {
    this.end()
    this.#settle((asked) => asked.reject(error))
  }

  #settle(how: (asked: Asked) => void): void {
    const asked = this.#asked
    if (asked === undefined) return
    this.#asked = undefined
    clearTimeout(asked.timer)
    this.#worker.unref()
    how(asked)
  }
}

/** A buffer that is part of a larger one cannot be given away alone. */
function buffersOf({ bytes, review }: PackTask): readonly ArrayBuffer[] {
  const given = review === undefined ? [bytes] : [bytes, review.current]
  return given.flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
  )
}
