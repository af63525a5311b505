import type { CallQuery } from '../../core/ledger/ledger.ts'
import { TaskThread, ThreadLost } from '../../lib/task-thread.ts'
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

export type SelectReply = SelectAnswer | { readonly failed: string }

/** Reads blocks in a thread of its own: of ten blocks that takes 60 ms, for which the event loop must not stand still. */
export class SelectThread {
  readonly #thread = new TaskThread<SelectTask, SelectReply>({
    script: new URL('./select-worker.ts', import.meta.url),
    // Lines are garbage at once.
    limits: { maxYoungGenerationSizeMb: 8 },
  })

  /** Rejects when a block cannot be read, or the thread ends meanwhile; the next task has another. */
  async select(task: SelectTask): Promise<SelectAnswer> {
    const reply = await this.#thread.ask(task).catch(lost)
    if ('failed' in reply) throw new Error(`rows of the ledger cannot be read: ${reply.failed}`)
    return reply
  }
}

function lost(error: unknown): never {
  if (!(error instanceof ThreadLost)) throw error
  throw new Error(`the thread that reads the ledger ${error.message}`, { cause: error.cause })
}
