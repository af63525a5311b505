import { Buffer } from 'node:buffer'
import { closeSync, fsync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { type LedgerRow, lineOf } from '../core/ledger/row.ts'
import { Tally } from '../core/ledger/tally.ts'
import { reasonOf } from '../lib/reason.ts'
import { filePath, releaseLock, takeLock, touchLock, writeWhole } from './outbox-files.ts'
import { PendingLines } from './pending-lines.ts'

export interface OutboxOptions {
  /** Made when it is not there. Several processes may share it. */
  readonly directory: string
  /** Unique per process and start; the name of its files. */
  readonly owner: string
  /** A new file is begun above it. Default 2 MiB. */
  readonly fileBytes?: number
  /** Rows kept in memory while the disk takes none. Default 32 MiB. */
  readonly maxPendingBytes?: number
  /** Told when the disk begins to refuse rows, and when it takes them again. */
  readonly onDisk?: (state: { readonly failing: boolean; readonly reason: string | undefined }) => void
  readonly clock: { now(): number }
}

/** A file of the outbox. */
export interface OutboxFile {
  readonly path: string
  readonly number: number
  /** How much of it is whole rows. */
  readonly bytes: number
  /** Nothing is appended to it any more. */
  readonly closed: boolean
  /** What its rows add up to; `undefined`: it has rows that were not counted. */
  readonly tally: Tally | undefined
}

/** A file as its writer sees it. */
interface Written extends OutboxFile {
  bytes: number
  closed: boolean
  tally: Tally | undefined
  descriptor: number | undefined
  synced: boolean
  /** There may be half a write behind its whole rows, which has to be cut off before the next. */
  torn: boolean
}

const mebibyte = 1024 * 1024
/** While the disk refuses, it is asked again so often, ms. */
const retryMs = 200
const retryBytes = mebibyte
const syncMs = 1_000
const touchMs = 15_000
/** Closed files whose sums stay in memory until the store has them. While it is away, the others are counted again later. */
const mostCounted = 4

/**
 * The durable end of every call: one line of JSON in an append-only file, written before the caller has the last byte. What is
 * in here survives the death of the process at once, and that of the machine after at most a second (fsync off the loop).
 * A disk that takes no more rows fails no call: rows wait in memory, and only when that is used up `full` says so.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #fileBytes: number
  readonly #maxPendingBytes: number
  /** For the rows of one turn. */
  #buffer = Buffer.allocUnsafeSlow(64 * 1024)
  #files: Written[] = []
  #current: Written
  readonly #pending = new PendingLines()
  #failure: string | undefined
  #retryAt = 0
  #closed = false
  readonly #timers: NodeJS.Timeout[]
  /** Called when a file is full, so that its rows go on their way. */
  onFull: (() => void) | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#fileBytes = options.fileBytes ?? 2 * mebibyte
    this.#maxPendingBytes = options.maxPendingBytes ?? 32 * mebibyte
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
    takeLock(options.directory, options.owner)
    this.#current = this.#begin(1)
    this.#timers = [
      setInterval(() => this.#sync(), syncMs),
      setInterval(() => touchLock(options.directory, options.owner, Date.now()), touchMs),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  get directory(): string {
    return this.#options.directory
  }

  get owner(): string {
    return this.#options.owner
  }

  /** Oldest first; the last one is still written. */
  get files(): readonly OutboxFile[] {
    return this.#files
  }

  /** Bytes of rows that are on disk and not yet removed. */
  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** No more rows can be kept: calls have to be refused. */
  get full(): boolean {
    return this.#pending.bytes >= this.#maxPendingBytes
  }

  /** Why the disk takes no rows; `undefined` while it does. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Durable against the end of the process when this returns, unless `failure`. */
  append(rows: readonly LedgerRow[]): void {
    let text = ''
    for (const row of rows) text += `${lineOf(row)}\n`
    if (this.#closed) {
      this.#appendLate(text)
      return
    }
    const bytes = this.#encode(text)
    if (this.#failure !== undefined) {
      this.#pending.add(bytes)
      if (this.#options.clock.now() >= this.#retryAt) this.retry()
      return
    }
    if (!this.#write(bytes)) {
      this.#pending.add(bytes)
      return
    }
    const { tally } = this.#current
    if (tally !== undefined) for (const row of rows) tally.add(row)
    this.#rotateFull()
  }

  /** Tries to bring to disk what it refused. */
  retry(): void {
    const allTaken = this.#pending.offer(retryBytes, (lines) => {
      // What it counts to is not known any more.
      this.#current.tally = undefined
      const taken = this.#write(lines)
      if (taken) this.#rotateFull()
      return taken
    })
    if (!allTaken) return
    if (this.#failure === undefined) return
    this.#failure = undefined
    this.#options.onDisk?.({ failing: false, reason: undefined })
  }

  /** Begins a new file if the current one holds rows, so that all of it can be brought to the store and removed. */
  rotate(): void {
    const before = this.#current
    if (before.bytes === 0) return
    let next: Written
    try {
      next = this.#begin(before.number + 1)
    } catch (error) {
      this.#fail(error)
      return
    }
    before.closed = true
    // Once more at least, and then it is closed: descriptors are few, and the store may be away for long.
    before.synced = false
    this.#current = next
    if (this.#files.filter(({ closed, tally }) => closed && tally !== undefined).length > mostCounted) {
      before.tally = undefined
    }
  }

  /** A closed file whose rows are in the store, and which is gone; its name is not used again. */
  removed(path: string): void {
    const file = this.#files.find((each) => each.path === path)
    if (file === undefined || !file.closed) return
    this.#files.splice(this.#files.indexOf(file), 1)
    this.#closeFile(file)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.retry()
    this.#closed = true
    this.#current.closed = true
    for (const file of this.#files) this.#closeFile(file)
    releaseLock(this.#options.directory, this.#options.owner)
  }

  #begin(number: number): Written {
    const path = filePath(this.#options.directory, this.#options.owner, number)
    const descriptor = openSync(path, 'a', 0o600)
    const file = {
      path,
      number,
      bytes: 0,
      closed: false,
      tally: new Tally(),
      descriptor,
      synced: true,
      torn: false,
    }
    this.#files.push(file)
    return file
  }

  #closeFile(file: Written): void {
    if (file.descriptor !== undefined) closeSync(file.descriptor)
    file.descriptor = undefined
  }

  /**
   * Calls that ended after all else. Each time a file of its own: the one before may have been taken over by the next process already,
   * and a number counts once.
   */
  #appendLate(text: string): void {
    const { directory, owner } = this.#options
    const number = (this.#files.at(-1) ?? this.#current).number + 1
    const path = filePath(directory, owner, number)
    try {
      writeWhole(path, text)
      const bytes = Buffer.byteLength(text)
      const nothing = { tally: undefined, descriptor: undefined, synced: true, torn: false }
      this.#current = { path, number, bytes, closed: true, ...nothing }
      this.#files.push(this.#current)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** In the one buffer that is used again for the next. */
  #encode(text: string): Buffer {
    // UTF-8 takes at most three bytes for one unit of a string.
    const most = text.length * 3
    if (most > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(most * 2)
    return this.#buffer.subarray(0, this.#buffer.write(text, 0, 'utf8'))
  }

  /** @returns whether the disk took the lines; of some that it refuses half-way nothing stays in the file */
  #write(lines: Buffer): boolean {
    const current = this.#current
    try {
      const { descriptor } = current
      if (descriptor === undefined) throw new Error('the file is closed')
      if (current.torn) ftruncateSync(descriptor, current.bytes)
      current.torn = true
      for (let written = 0; written < lines.length; ) written += writeSync(descriptor, lines, written)
      current.torn = false
    } catch (error) {
      this.#fail(error)
      this.#cutBack(current)
      return false
    }
    current.bytes += lines.length
    current.synced = false
    return true
  }

  #rotateFull(): void {
    if (this.#current.bytes < this.#fileBytes) return
    this.rotate()
    this.onFull?.()
  }

  #cutBack(file: Written): void {
    try {
      if (file.descriptor !== undefined) ftruncateSync(file.descriptor, file.bytes)
      file.torn = false
    } catch {
      // It is tried again before the next write. Until then nobody reads beyond the whole rows.
    }
  }

  #fail(error: unknown): void {
    this.#retryAt = this.#options.clock.now() + retryMs
    if (this.#failure !== undefined) return
    this.#failure = reasonOf(error)
    this.#options.onDisk?.({ failing: true, reason: this.#failure })
  }

  /** Files that the store has not taken within a second. */
  #sync(): void {
    if (this.#failure !== undefined) this.retry()
    for (const file of this.#files) {
      const { descriptor } = file
      if (descriptor === undefined || file.synced) continue
      file.synced = true
      fsync(descriptor, (error) => {
        // A file that was removed meanwhile is closed: its rows are in the store, and its number may be that of a socket by now.
        if (file.descriptor !== descriptor) return
        if (error !== null) this.#fail(error)
        else if (file.closed && file.synced) this.#closeFile(file)
      })
    }
  }
}
