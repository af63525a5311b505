import { type ResourceLimits, type Transferable, Worker } from 'node:worker_threads'
import { errorCode } from './file-content.ts'
import { Sequence } from './sequence.ts'
import { workerEnvironment } from './worker-environment.ts'

export interface TaskThreadOptions {
  /** What runs in the thread: it answers each message with one, in order. */
  readonly script: URL
  readonly limits: ResourceLimits
  /** A task that takes longer, ms, ends the thread. Absent: tasks take what they take. */
  readonly longestMs?: number
  /** So long without a task, ms, and the thread ends. Default 15,000. */
  readonly idleMs?: number
}

/** Why a task has no answer; the message completes "the thread …". */
export class ThreadLost extends Error {
  override readonly name = 'ThreadLost'
  readonly reason: 'time' | 'memory' | 'failed' | 'stopped'
  /** How long the task was waited for, ms, where that was too long. */
  readonly tookMs: number

  constructor(
    reason: ThreadLost['reason'],
    message: string,
    { tookMs = 0, cause }: { tookMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.reason = reason
    this.tookMs = tookMs
  }
}

interface Asked<Answer> {
  readonly resolve: (answer: Answer) => void
  readonly reject: (lost: ThreadLost) => void
  readonly timer: NodeJS.Timeout | undefined
}

/** Who comes back soon, as to a file that is being edited, finds it warm; an idle thread is 10 to 40 MB that nobody uses. */
const usualIdleMs = 15_000
/** Time is counted in steps that were really taken: a suspended process wakes up with every timer due at once. */
const stepMs = 250

/**
 * A thread for work that the event loop must not stand still for. It begins with a task, takes one after the other, and ends when there are
 * none; it keeps no process alive but while it is asked.
 */
export class TaskThread<Task, Answer> {
  readonly #options: TaskThreadOptions
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  readonly #tasks = new Sequence()
  #asked: Asked<Answer> | undefined
  #stopped = false

  constructor(options: TaskThreadOptions) {
    this.#options = options
  }

  /** Begins the thread while its task is still to come. */
  prepare(): void {
    if (this.#stopped || this.#asked !== undefined) return
    this.#worker ??= this.#start()
    this.#rest()
  }

  /**
   * @param transfer what is handed over with the task, and is not the caller's any more
   * @throws ThreadLost when the thread ends before it answers; the next task has another
   */
  ask(task: Task, transfer: readonly Transferable[] = []): Promise<Answer> {
    return this.#tasks.run(() => this.#send(task, transfer))
  }

  /** Ends the thread, as after a task that left it large. What is asked next has another. */
  retire(): void {
    if (this.#asked === undefined) void this.#end()
  }

  /** What is asked now and later is refused. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#end(stopped())
  }

  #send(task: Task, transfer: readonly Transferable[]): Promise<Answer> {
    if (this.#stopped) throw stopped()
    this.#worker ??= this.#start()
    const worker = this.#worker
    worker.postMessage(task, transfer)
    clearTimeout(this.#idle)
    worker.ref()
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.#asked = { resolve, reject, timer: this.#limit() }
    return promise
  }

  #start(): Worker {
    const { script, limits } = this.#options
    // The gateway's own flags (`--test`, `--watch` …) are not its threads'.
    const worker = new Worker(script, { resourceLimits: limits, execArgv: [], env: workerEnvironment() })
    worker.unref()
    worker.on('message', (answer: Answer) => {
      if (this.#worker !== worker) return
      const asked = this.#settled()
      worker.unref()
      this.#rest()
      asked?.resolve(answer)
    })
    const lose = (lost: ThreadLost): void => {
      if (this.#worker === worker) void this.#end(lost)
    }
    // Without somebody listening an error would end the process, too, even if nothing was asked.
    worker.on('error', (cause) => lose(failureOf(cause)))
    worker.on('exit', () => lose(new ThreadLost('failed', 'has ended')))
    return worker
  }

  /** What is asked from here on has another thread, whether this one has ended already or does not yet. */
  async #end(lost?: ThreadLost): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    if (lost !== undefined) this.#settled()?.reject(lost)
    await worker?.terminate()
  }

  #settled(): Asked<Answer> | undefined {
    const asked = this.#asked
    this.#asked = undefined
    clearInterval(asked?.timer)
    return asked
  }

  #rest(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.retire(), this.#options.idleMs ?? usualIdleMs).unref()
  }

  #limit(): NodeJS.Timeout | undefined {
    const { longestMs } = this.#options
    if (longestMs === undefined) return undefined
    let tookMs = 0
    return setInterval(() => {
      tookMs += stepMs
      if (tookMs <= longestMs) return
      void this.#end(new ThreadLost('time', `took more than ${longestMs} ms`, { tookMs }))
    }, stepMs)
  }
}

function stopped(): ThreadLost {
  return new ThreadLost('stopped', 'was stopped')
}

function failureOf(cause: unknown): ThreadLost {
  return errorCode(cause) === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new ThreadLost('memory', 'ran out of memory', { cause })
    : new ThreadLost('failed', `failed: ${cause}`, { cause })
}
