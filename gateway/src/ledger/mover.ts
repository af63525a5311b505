import { type FileHandle, open, rm } from 'node:fs/promises'
import { reasonOf } from '../lib/reason.ts'
import type { Outbox } from './outbox.ts'
import { orphans, releaseLock } from './segment-files.ts'

export type RowOrigin = 'self' | 'orphan'

/** Where rows end up. */
export interface LedgerSink {
  /**
   * Keeps rows, each once: one whose `id` is there already is skipped.
   * @param rows a JSON array
   * @param origin `self`: this process was told of their calls; `orphan`: they were left behind by another
   * @throws when the store is away, or the text is not what it should be
   */
  append(rows: string, origin: RowOrigin): Promise<void>
}

export interface MoverOptions {
  readonly outbox: Outbox
  readonly sink: LedgerSink
  /** Between two looks, ms. Default 500. */
  readonly everyMs?: number
  /** Told when the store begins to refuse and when it takes rows again, and of lines that are no rows. */
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>) => void
  readonly clock: { now(): number }
}

/** Of one trip to the store. */
const batchBytes = 256 * 1024
const longestPauseMs = 10_000
/** Orphans of other processes are looked for so often, ms. */
const adoptMs = 30_000

/** Brings the rows of the outbox to the store, in order, in batches; also those that dead processes left behind. */
export class Mover {
  readonly #options: MoverOptions
  readonly #everyMs: number
  /** Bytes of each file that are in the store. */
  readonly #moved = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #pauseMs = 0
  #failure: string | undefined
  #adoptAt = 0
  #stopped = false

  constructor(options: MoverOptions) {
    this.#options = options
    this.#everyMs = options.everyMs ?? 500
  }

  /** Why the store takes no rows; `undefined` while it does. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Bytes that are on disk and not yet in the store. */
  get backlogBytes(): number {
    const { segments } = this.#options.outbox
    return segments.reduce((sum, { path, bytes }) => sum + bytes - (this.#moved.get(path) ?? 0), 0)
  }

  start(): void {
    this.#schedule(0)
  }

  /** Moves all that is there now. @throws what the store throws */
  flush(): Promise<void> {
    return this.#alone(() => this.#move())
  }

  /** One after the other: rows that are moved twice at once would be told twice. */
  #alone(work: () => Promise<void>): Promise<void> {
    const turn = (this.#running ?? Promise.resolve()).then(work, work)
    this.#running = turn
    return turn
  }

  /** Ends after a last flush, or after so long: what is left stays on disk for the next start. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    const { outbox, report } = this.#options
    outbox.rotate()
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
    if (this.backlogBytes === 0) for (const { path } of outbox.segments) await rm(path, { force: true })
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      void this.#alone(() => this.#turn()).finally(() => this.#schedule(Math.max(this.#everyMs, this.#pauseMs)))
    }, delayMs)
    this.#timer.unref()
  }

  async #turn(): Promise<void> {
    const { report } = this.#options
    try {
      await this.#move()
      if (this.#options.clock.now() >= this.#adoptAt) await this.#adopt()
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
    // What is moved makes room on a full disk only if its file can go.
    if (outbox.failure !== undefined) outbox.rotate()
    for (const segment of [...outbox.segments]) {
      await this.#moveFile(segment.path, segment.bytes, 'self')
      if (!segment.closed || (this.#moved.get(segment.path) ?? 0) < segment.bytes) continue
      await rm(segment.path, { force: true })
      outbox.removed(segment.path)
      this.#moved.delete(segment.path)
    }
    if (outbox.failure !== undefined) outbox.retry()
  }

  /** Takes over what dead processes left. */
  async #adopt(): Promise<void> {
    const { outbox, clock, report } = this.#options
    this.#adoptAt = clock.now() + adoptMs
    for (const { owner, paths } of orphans(outbox.directory, outbox.owner, Date.now())) {
      for (const path of paths) {
        await this.#moveFile(path, Number.POSITIVE_INFINITY, 'orphan')
        await rm(path, { force: true })
        this.#moved.delete(path)
      }
      releaseLock(outbox.directory, owner)
      report('ledger.orphan.moved', { owner, files: paths.length })
    }
  }

  /** Moves whole lines up to `bytes`; what follows the last line end is a row that nobody was told of. */
  async #moveFile(path: string, bytes: number, origin: RowOrigin): Promise<void> {
    let from = this.#moved.get(path) ?? 0
    if (from >= bytes) return
    const file = await open(path, 'r')
    try {
      for (;;) {
        const lines = await readLines(file, from, Math.min(batchBytes, bytes - from))
        if (lines.length === 0) return
        await this.#append(lines, origin)
        from += lines.length
        this.#moved.set(path, from)
      }
    } finally {
      await file.close()
    }
  }

  async #append(lines: Buffer, origin: RowOrigin): Promise<void> {
    try {
      await this.#options.sink.append(arrayOf(lines), origin)
    } catch (error) {
      // One line that is no row (a disk that lies) must not hold up the others for ever.
      const rows = lines.toString('utf8', 0, lines.length - 1).split('\n')
      const good = rows.filter(isRow)
      if (good.length === rows.length) throw error
      await this.#options.sink.append(`[${good.join(',')}]`, origin)
      this.#options.report('ledger.row.unreadable', { lines: rows.length - good.length })
    }
  }
}

/**
 * Lines as a JSON array, made in the bytes: a text of a whole batch is garbage that only a full collection takes, and there were three of
 * them for each batch (measured: 15 MB of memory under load).
 */
function arrayOf(lines: Buffer): string {
  const array = Buffer.allocUnsafe(lines.length + 1)
  array[0] = openBracket
  lines.copy(array, 1)
  const last = lines.length
  for (let at = array.indexOf(lineEnd); at !== -1 && at < last; at = array.indexOf(lineEnd, at + 1)) array[at] = comma
  array[last] = closeBracket
  return array.toString('utf8')
}

const lineEnd = 0x0a
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d

/** Whole lines from an offset; a line longer than the batch is read whole. */
async function readLines(file: FileHandle, from: number, most: number): Promise<Buffer> {
  for (let size = most; ; size *= 2) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(size, 64 * 1024 * 1024)), {
      position: from,
    })
    const end = buffer.lastIndexOf(lineEnd, bytesRead - 1)
    if (bytesRead === 0) return buffer.subarray(0, 0)
    if (end >= 0 && end < bytesRead) return buffer.subarray(0, end + 1)
    if (bytesRead < size) return buffer.subarray(0, 0)
  }
}

function isRow(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object'
  } catch {
    return false
  }
}
