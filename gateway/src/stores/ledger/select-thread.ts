import { Worker } from 'node:worker_threads'
import type { CallQuery } from '../../core/ledger/ledger.ts'
import { workerEnvironment } from '../../lib/worker-environment.ts'
import type { Found } from './select.ts'

export interface SelectTask {
  readonly query: CallQuery
  /** Rows that are wanted of these blocks; 0: only how many match. */
  readonly most: number
  readonly bodies: readonly Uint8Array[]
}

export interface SelectAnswer {
  readonly matched: number
  /** Best first. */
  readonly rows: readonly Found[]
}

/** An idle thread is 10 MB that nobody uses. */
const idleMs = 20_000

/** Reads blocks in a thread of its own: of ten blocks that takes 60 ms, for which the event loop must not stand still. */
export class SelectThread {
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  /** One after the other: whoever reads a lot asks for few blocks at a time. */
  #last: Promise<unknown> = Promise.resolve()

  select(task: SelectTask): Promise<SelectAnswer> {
    const answer = this.#last.then(() => this.#ask(task))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  #ask(task: SelectTask): Promise<SelectAnswer> {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    const worker = this.#worker
    worker.ref()
    return new Promise<SelectAnswer>((resolve, reject) => {
      const settle = (): void => {
        worker.off('message', onMessage)
        worker.off('error', onEnd)
        worker.off('exit', onEnd)
        worker.unref()
        this.#idle = setTimeout(() => this.#end(worker), idleMs).unref()
      }
      const onMessage = (reply: SelectAnswer | { readonly failed: string }): void => {
        settle()
        if ('failed' in reply) reject(new Error(`rows of the ledger cannot be read: ${reply.failed}`))
        else resolve(reply)
      }
      const onEnd = (cause: unknown): void => {
        settle()
        this.#end(worker)
        reject(new Error('the thread that reads the ledger has ended', { cause }))
      }
      worker.on('message', onMessage)
      worker.on('error', onEnd)
      worker.on('exit', onEnd)
      worker.postMessage(task)
    })
  }

  #start(): Worker {
    return new Worker(new URL('./select-worker.ts', import.meta.url), {
      // Lines are garbage at once.
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
      execArgv: [],
      env: workerEnvironment(),
    })
  }

  #end(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
    worker.terminate().catch(() => undefined)
  }
}
