import { appendFileSync, closeSync, fsync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { reasonOf } from '../lib/reason.ts'
import { releaseLock, segmentPath, takeLock, touchLock } from './segment-files.ts'

export interface OutboxOptions {
  /** Made when it is not there. Several processes may share it. */
  readonly directory: string
  /** Unique per process and start; the name of its files. */
  readonly owner: string
  /** A new file is begun above it. Default 4 MiB. */
  readonly segmentBytes?: number
  /** Rows kept in memory while the disk takes none. Default 32 MiB. */
  readonly maxPendingBytes?: number
  /** Told when the disk begins to refuse rows, and when it takes them again. */
  readonly onDisk?: (state: { readonly failing: boolean; readonly reason: string | undefined }) => void
  readonly clock: { now(): number }
}

/** A file of the outbox with how much of it is whole rows. */
export interface Segment {
  readonly path: string
  readonly number: number
  readonly bytes: number
  /** Nothing is appended to it any more. */
  readonly closed: boolean
}

const mebibyte = 1024 * 1024
/** While the disk refuses, it is asked again so often, ms. */
const retryMs = 200
const syncMs = 1_000
const touchMs = 15_000
const newline = 10

/**
 * The durable end of every call: one line of JSON in an append-only file, written before the caller has the last byte. What is
 * in here survives the death of the process at once, and that of the machine after at most a second (fsync off the loop).
 * A disk that takes no more rows fails no call: rows wait in memory, and only when that is used up `full` says so.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #segmentBytes: number
  readonly #maxPendingBytes: number
  #buffer = Buffer.allocUnsafeSlow(64 * 1024)
  #descriptor: number
  #segments: { path: string; number: number; bytes: number; closed: boolean }[]
  /** Lines that the disk has not taken, in order. */
  #pending: Buffer[] = []
  #pendingBytes = 0
  #failure: string | undefined
  #retryAt = 0
  #unsynced = false
  #closed = false
  readonly #timers: NodeJS.Timeout[]

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#segmentBytes = options.segmentBytes ?? 4 * mebibyte
    this.#maxPendingBytes = options.maxPendingBytes ?? 32 * mebibyte
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
    takeLock(options.directory, options.owner)
    const path = segmentPath(options.directory, options.owner, 1)
    this.#descriptor = openSync(path, 'a', 0o600)
    this.#segments = [{ path, number: 1, bytes: 0, closed: false }]
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

  /** Files with rows, oldest first; the last one is still written. */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** No more rows can be kept: calls have to be refused. */
  get full(): boolean {
    return this.#pendingBytes >= this.#maxPendingBytes
  }

  /** Why the disk takes no rows; `undefined` while it does. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** @param row one line of JSON, without a line end; durable against the end of the process when this returns, unless `failure` */
  append(row: string): void {
    if (this.#closed) {
      this.#appendLate(row)
      return
    }
    const bytes = this.#encode(row)
    if (this.#failure !== undefined) {
      this.#keep(Buffer.from(bytes))
      if (this.#options.clock.now() >= this.#retryAt) this.retry()
      return
    }
    if (!this.#write(bytes)) this.#keep(Buffer.from(bytes))
  }

  /** Tries to bring to disk what it refused. */
  retry(): void {
    while (this.#pending.length > 0) {
      const [first] = this.#pending
      if (first === undefined) break
      if (!this.#write(first)) return
      this.#pendingBytes -= first.length
      this.#pending.shift()
    }
    if (this.#failure === undefined) return
    this.#failure = undefined
    this.#options.onDisk?.({ failing: false, reason: undefined })
  }

  /** Begins a new file if the current one holds rows, so that all of it can be moved and removed. */
  rotate(): void {
    const current = this.#current()
    if (current.bytes === 0) return
    const number = current.number + 1
    const path = segmentPath(this.#options.directory, this.#options.owner, number)
    let next: number
    try {
      next = openSync(path, 'a', 0o600)
    } catch (error) {
      this.#fail(error)
      return
    }
    closeSync(this.#descriptor)
    current.closed = true
    this.#descriptor = next
    this.#segments.push({ path, number, bytes: 0, closed: false })
  }

  /** A closed file that was moved whole; its name is not used again. */
  removed(path: string): void {
    this.#segments = this.#segments.filter((segment) => segment.path !== path || !segment.closed)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.retry()
    closeSync(this.#descriptor)
    this.#closed = true
    this.#current().closed = true
    releaseLock(this.#options.directory, this.#options.owner)
  }

  /**
   * A call that ended after all else. The descriptor's number may be another file's by now, so the row gets a file of its own, which
   * the next process takes over.
   */
  #appendLate(row: string): void {
    const { directory, owner } = this.#options
    try {
      appendFileSync(segmentPath(directory, owner, this.#current().number + 1), `${row}\n`, { mode: 0o600 })
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The row with its line end, in the one buffer that is used again for the next. */
  #encode(row: string): Buffer {
    // UTF-8 takes at most three bytes for one unit of a string.
    const most = row.length * 3 + 1
    if (most > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(most * 2)
    const length = this.#buffer.write(row, 0, 'utf8')
    this.#buffer[length] = newline
    return this.#buffer.subarray(0, length + 1)
  }

  /** @returns whether the disk took the line; of one that it refuses half-way nothing stays in the file */
  #write(line: Buffer): boolean {
    const current = this.#current()
    try {
      for (let written = 0; written < line.length; ) written += writeSync(this.#descriptor, line, written)
    } catch (error) {
      this.#fail(error)
      this.#cutBack(current.bytes)
      return false
    }
    current.bytes += line.length
    this.#unsynced = true
    if (current.bytes >= this.#segmentBytes) this.rotate()
    return true
  }

  /** What cannot be cut off is left behind in a file that gets no more rows: nobody reads beyond its whole ones. */
  #cutBack(bytes: number): void {
    try {
      ftruncateSync(this.#descriptor, bytes)
    } catch {
      this.rotate()
    }
  }

  #keep(bytes: Buffer): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
  }

  #fail(error: unknown): void {
    this.#retryAt = this.#options.clock.now() + retryMs
    if (this.#failure !== undefined) return
    this.#failure = reasonOf(error)
    this.#options.onDisk?.({ failing: true, reason: this.#failure })
  }

  #sync(): void {
    if (this.#failure !== undefined) this.retry()
    if (!this.#unsynced) return
    this.#unsynced = false
    fsync(this.#descriptor, (error) => {
      // A file that was rotated away meanwhile is closed; its rows are on their way to the store.
      if (error !== null && error.code !== 'EBADF') this.#fail(error)
    })
  }

  #current() {
    const last = this.#segments.at(-1)
    if (last === undefined) throw new Error('the outbox has no file')
    return last
  }
}
