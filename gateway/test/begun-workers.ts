import { afterEach, beforeEach } from 'node:test'
import type { Worker } from 'node:worker_threads'

/** The worker threads that the test which runs has begun, oldest first. They end with it. To be called once, at the top of a file. */
export function begunWorkers(): readonly Worker[] {
  const workers: Worker[] = []
  const note = (worker: Worker): void => void workers.push(worker)
  beforeEach(() => {
    workers.length = 0
    process.on('worker', note)
  })
  afterEach(async () => {
    process.off('worker', note)
    for (const worker of workers) await worker.terminate()
  })
  return workers
}
