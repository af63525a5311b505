import { rm } from 'node:fs/promises'
import type { LedgerBlock } from '../core/ledger/block.ts'
import { reasonOf } from '../lib/reason.ts'
import type { Outbox } from './outbox.ts'
import { orphans, releaseLock } from './outbox-files.ts'
import { type BlockFile, BlockReader } from './read-block.ts'

export type RowOrigin = 'self' | 'orphan'

/** Where rows end up. */
export interface LedgerSink {
  /**
   * Keeps a block, once: of a writer's blocks those up to the greatest number that is kept are known, and skipped.
   * @param origin `self`: this process was told of their calls; `orphan`: they were left behind by another
   * @throws when the store is away
   */
  append(block: LedgerBlock, origin: RowOrigin): Promise<void>
}

export interface MoverOptions {
  readonly outbox: Outbox
  readonly sink: LedgerSink
  /** Between two looks, ms. Default 1,000. */
  readonly everyMs?: number
  /** Told when the store begins to refuse and when it takes rows again, and of lines that are no rows. */
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>) => void
  readonly clock: { now(): number }
}

const longestPauseMs = 10_000
/** Orphans of other processes are looked for so often, ms. */
const adoptMs = 30_000
/** With the open one; more are there only while the store is away, or slow. */
const mostWaiting = 2

/** Brings the files of the outbox to the store, in order, each as one block; also those that dead processes left behind. */
export class Mover {
  readonly #options: MoverOptions
  readonly #everyMs: number
  readonly #reader = new BlockReader()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #pauseMs = 0
  #failure: string | undefined
  #adoptAt = 0
  #stopped = false

  constructor(options: MoverOptions) {
    this.#options = options
    this.#everyMs = options.everyMs ?? 1_000
  }

  /** Why the store takes no rows; `undefined` while it does. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Bytes that are on disk and not yet in the store. */
  get backlogBytes(): number {
    return this.#options.outbox.bytes
  }

  start(): void {
    this.#options.outbox.onFull = () => {
      if (this.#pauseMs === 0) this.#schedule(0)
    }
    this.#schedule(0)
  }

  /** Moves all that is there now. @throws what the store throws */
  flush(): Promise<void> {
    const { outbox } = this.#options
    return this.#alone(async () => {
      // Files that wait go first: whoever asks while the store is away must not leave a small one behind each time.
      if (outbox.files.length > mostWaiting) await this.#move()
      outbox.rotate()
      await this.#move()
    })
  }

  /** Ends after a last flush, or after so long: what is left stays on disk for the next start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    const { outbox, report } = this.#options
    outbox.onFull = undefined
    let late: NodeJS.Timeout | undefined
    const tooLate = new Promise<void>((resolve) => {
      late = setTimeout(resolve, deadlineMs)
    })
    const flushed = this.flush().catch((error: unknown) => {
      report('ledger.flush.failed', { reason: reasonOf(error), backlogBytes: this.backlogBytes })
    })
    await Promise.race([flushed, tooLate])
    clearTimeout(late)
    outbox.close()
    for (const { path, bytes } of outbox.files) if (bytes === 0) await rm(path, { force: true })
  }

  /** One after the other: blocks have to arrive in order. */
  #alone(work: () => Promise<void>): Promise<void> {
    const turn = (this.#running ?? Promise.resolve()).then(work, work)
    this.#running = turn
    return turn
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      void this.#alone(() => this.#turn()).finally(() => this.#schedule(Math.max(this.#everyMs, this.#pauseMs)))
    }, delayMs)
    this.#timer.unref()
  }

  async #turn(): Promise<void> {
    const { outbox, clock, report } = this.#options
    try {
      // Small files are many: while some wait for the store, rows go on into the open one until it is full.
      if (outbox.failure !== undefined || outbox.files.length === 1) outbox.rotate()
      await this.#move()
      if (clock.now() >= this.#adoptAt) await this.#adopt()
      if (this.#failure !== undefined) report('ledger.store.back', {})
      this.#failure = undefined
      this.#pauseMs = 0
    } catch (error) {
      if (this.#failure === undefined) report('ledger.store.failed', { reason: reasonOf(error) })
      this.#failure = reasonOf(error)
      this.#pauseMs = Math.min(longestPauseMs, Math.max(this.#everyMs, this.#pauseMs * 2))
    }
  }

  async #move(): Promise<void> {
    const { outbox } = this.#options
    for (const file of outbox.files.filter(({ closed }) => closed)) {
      await this.#bring(await this.#read(file, outbox.owner), 'self')
      await rm(file.path, { force: true })
      outbox.removed(file.path)
    }
    // What was removed made room on a full disk.
    if (outbox.failure !== undefined) outbox.retry()
  }

  /** Takes over what dead processes left. What cannot be read does not hold up this process's own rows. */
  async #adopt(): Promise<void> {
    const { outbox, clock, report } = this.#options
    this.#adoptAt = clock.now() + adoptMs
    for (const { owner, files } of orphans(outbox.directory, outbox.owner, Date.now())) {
      try {
        for (const file of files) {
          const block = await this.#read(file, owner).catch(unreadable)
          await this.#bring(block, 'orphan')
          await rm(file.path, { force: true })
        }
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error
        // Its later files have to wait, too: a number that is kept says that those before it are.
        report('ledger.orphan.failed', { owner, reason: reasonOf(error.cause) })
        continue
      }
      releaseLock(outbox.directory, owner)
      report('ledger.orphan.moved', { owner, files: files.length })
    }
  }

  async #bring(block: LedgerBlock | undefined, origin: RowOrigin): Promise<void> {
    if (block !== undefined && block.tally.calls > 0) await this.#options.sink.append(block, origin)
  }

  async #read(file: BlockFile, writer: string): Promise<LedgerBlock | undefined> {
    const block = await this.#reader.read(file, writer)
    if (block !== undefined && block.unreadable > 0) {
      this.#options.report('ledger.row.unreadable', { lines: block.unreadable })
    }
    return block
  }
}

class Unreadable extends Error {}

function unreadable(cause: unknown): never {
  throw new Unreadable('a file of another process cannot be read', { cause })
}
