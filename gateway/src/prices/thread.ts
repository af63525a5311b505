import { Worker } from 'node:worker_threads'
import { workerEnvironment } from '../lib/worker-environment.ts'
import type { Packed, PackTask } from './pack.ts'
import { MapRefused } from './refusal.ts'

type Answer = { readonly packed: Packed } | { readonly refused: string }

/** A map of 3,000 models takes 100 ms on a slow core. */
const longestMs = 15_000
/** The largest map that may come (50 MB) as bytes, text, objects and normal form. */
const heapMegabytes = 768

/**
 * Reads, checks and packs a map in a thread of its own, so that the event loop does not wait for it. The bytes are handed over
 * and are not the caller's any more.
 * @throws MapRefused, also for a map that takes too long or too much memory
 */
export function packInThread(task: PackTask): Promise<Packed> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 16 },
    execArgv: [],
    env: workerEnvironment(),
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      void worker.terminate()
      reject(new MapRefused(`reading it takes more than ${longestMs / 1000} s`))
    }, longestMs)
    const settle = (): void => {
      clearTimeout(timer)
      void worker.terminate()
    }
    worker.once('message', (answer: Answer) => {
      settle()
      if ('packed' in answer) resolve(answer.packed)
      else reject(new MapRefused(answer.refused))
    })
    worker.once('error', (error: Error & { readonly code?: string }) => {
      settle()
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      reject(outOfMemory ? new MapRefused('reading it takes too much memory') : error)
    })
    // A buffer that is part of a larger one cannot be given away alone.
    const { bytes } = task
    const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
    worker.postMessage(task, whole ? [bytes.buffer] : [])
  })
}
