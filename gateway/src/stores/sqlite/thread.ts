import { Worker } from 'node:worker_threads'
import { workerEnvironment } from '../../lib/worker-environment.ts'
import { DatabaseFailure } from '../driver.ts'
import type { SqlRow } from '../sql.ts'
import { type Lane, type Reply, type Request, rowsOf, type Statement, type ThreadOptions } from './messages.ts'

/** A statement of the program that takes longer hangs on the disk. A list of all keys by part of a name takes half a second. */
const longestAnswerMs = 15_000
const closeMs = 3_000

/** Another process writes; the same again may succeed. */
export class Locked extends Error {
  override readonly name = 'Locked'
}

export interface RunOptions {
  readonly lane: Lane
  readonly answer?: number
  readonly undo?: boolean
  readonly timeoutMs?: number
}

/** One running thread with one opened file. When it ends, by itself or not, all that waits for it is rejected. */
export class SqliteThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve(rows: readonly SqlRow[]): void; reject(error: Error): void }>()
  readonly #ready: Promise<void>
  readonly #exited: Promise<void>
  #lastId = 0
  #failure: string | undefined
  onChange: (() => void) | undefined

  constructor(options: ThreadOptions) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: options,
      // Rows pass through and are garbage at once: a small young generation keeps the thread at some 10 MB.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
      execArgv: [],
      env: workerEnvironment(),
    })
    this.#worker.on('error', (error) => {
      this.#failure ??= `its thread failed: ${error}`
    })
    const ready = Promise.withResolvers<void>()
    this.#ready = ready.promise
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        const failure = new DatabaseFailure('away', this.#failure ?? 'its thread has ended')
        ready.reject(failure)
        for (const waiting of this.#waiting.values()) waiting.reject(failure)
        this.#waiting.clear()
        resolve()
      })
    })
    this.#worker.on('message', (reply: Reply) => {
      switch (reply.type) {
        case 'ready':
          this.#worker.unref()
          return ready.resolve()
        case 'failed':
          this.#failure = reply.message
          return
        case 'rows':
          return this.#settle(reply.id)?.resolve(rowsOf(reply.table))
        case 'error':
          return this.#settle(reply.id)?.reject(errorOf(reply))
        case 'changed':
          return this.onChange?.()
        default:
          return reply satisfies never
      }
    })
  }

  ready(): Promise<void> {
    return this.#ready
  }

  run(statements: readonly Statement[], options: RunOptions): Promise<readonly SqlRow[]> {
    const { lane, answer = 0, undo = false, timeoutMs = longestAnswerMs } = options
    if (this.#failure !== undefined) return Promise.reject(new DatabaseFailure('away', this.#failure))
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(new DatabaseFailure('away', `no answer within ${timeoutMs} ms`))
      }, timeoutMs)
      // An idle thread keeps no process alive; one that is asked does.
      if (this.#waiting.size === 0) this.#worker.ref()
      this.#waiting.set(id, {
        resolve(rows) {
          clearTimeout(timer)
          resolve(rows)
        },
        reject(error) {
          clearTimeout(timer)
          reject(error)
        },
      })
      this.#post({ type: 'run', id, lane, statements, answer, undo })
    })
  }

  watch(on: boolean): void {
    this.#post({ type: 'watch', on })
  }

  /** Closes the file in order, which folds the log into it when this is its last user. */
  async close(): Promise<void> {
    this.#failure ??= 'it was closed'
    this.#worker.ref()
    this.#post({ type: 'close' })
    const timer = setTimeout(() => void this.#worker.terminate(), closeMs)
    await this.#exited
    clearTimeout(timer)
  }

  end(): void {
    this.#failure ??= 'its thread was ended'
    this.#worker.terminate().catch(() => undefined)
  }

  #post(request: Request): void {
    this.#worker.postMessage(request)
  }

  #settle(id: number) {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#worker.unref()
    return waiting
  }
}

function errorOf({ kind, message }: Extract<Reply, { type: 'error' }>): Error {
  switch (kind) {
    case 'locked':
      return new Locked(message)
    case 'bug':
      return new Error(`SQLite: ${message}`)
    case 'away':
    case 'busy':
      return new DatabaseFailure(kind, message)
    default:
      return kind satisfies never
  }
}
