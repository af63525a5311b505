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

type Reply = SelectAnswer | { readonly failed: string }

/** Reads blocks in a thread of its own: of ten blocks that takes 60 ms, for which the event loop must not stand still. */
export class SelectThread {
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  /** One after the other: whoever reads a lot asks for few blocks at a time. */
  #last: Promise<unknown> = Promise.resolve()
  #asked: PromiseWithResolvers<SelectAnswer> | undefined

  /** Rejects when a block cannot be read, or the thread ends meanwhile; the next task has another. */
  select(task: SelectTask): Promise<SelectAnswer> {
    const answer = this.#last.then(() => this.#ask(task))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  #ask(task: SelectTask): Promise<SelectAnswer> {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    // An idle thread keeps no process alive; one that is asked does.
    this.#worker.ref()
    this.#asked = Promise.withResolvers<SelectAnswer>()
    this.#worker.postMessage(task)
    return this.#asked.promise
  }

  #start(): Worker {
    const worker = new Worker(new URL('./select-worker.ts', import.meta.url), {
      // Lines are garbage at once.
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
      execArgv: [],
      env: workerEnvironment(),
    })
    let failure: unknown
    worker.on('message', (reply: Reply) => this.#settle(worker, reply))
    // It ends then. Without somebody listening the process would, too, even if nothing was asked.
    worker.on('error', (error) => {
      failure = error
    })
    worker.on('exit', () => this.#ended(worker, failure))
    return worker
  }

  #settle(worker: Worker, reply: Reply): void {
    worker.unref()
    this.#idle = setTimeout(() => this.#retire(worker), idleMs).unref()
    const asked = this.#asked
    this.#asked = undefined
    if ('failed' in reply) asked?.reject(new Error(`rows of the ledger cannot be read: ${reply.failed}`))
    else asked?.resolve(reply)
  }

  #retire(worker: Worker): void {
    // What is asked from here on has another.
    this.#worker = undefined
    worker.terminate().catch(() => undefined)
  }

  #ended(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    clearTimeout(this.#idle)
    this.#asked?.reject(new Error('the thread that reads the ledger has ended', { cause }))
    this.#asked = undefined
  }
}
