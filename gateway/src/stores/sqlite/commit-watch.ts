import { type FSWatcher, watch } from 'node:fs'
import { performance } from 'node:perf_hooks'

/** Where the file system tells nothing, a commit is noticed within this. */
const netMs = 20
/** The log is written before its commit can be seen: looked for so often, so long. A slow disk's `fsync` may take all of it. */
const closeLookMs = 1
const longestCloseLookMs = 30

/**
 * Notices commits of other connections to a SQLite file. What is written to its log makes it look closely for a moment; between commits
 * it costs a look every 20 ms.
 */
export class CommitWatch {
  readonly #version: () => unknown
  readonly #onCommit: () => void
  #seen: unknown
  #closeUntil = 0
  #close: NodeJS.Timeout | undefined
  readonly #net: NodeJS.Timeout
  #log: FSWatcher | undefined

  /**
   * @param log     file of the write-ahead log; it exists while a connection is open
   * @param version another one after every commit, read from memory: 3 µs
   */
  constructor(log: string, version: () => unknown, onCommit: () => void) {
    this.#version = version
    this.#onCommit = onCommit
    this.#seen = version()
    this.#net = setInterval(() => this.#look(), netMs)
    this.#watch(log)
  }

  stop(): void {
    clearInterval(this.#net)
    clearInterval(this.#close)
    this.#log?.close()
  }

  #look(): void {
    const current = this.#version()
    if (current === this.#seen) return
    this.#seen = current
    this.#onCommit()
  }

  /** Not every file system can be watched, and there may be too many watches: the net is there for that. */
  #watch(log: string): void {
    try {
      const watcher = watch(log, { persistent: false }, () => this.#lookClosely())
      watcher.on('error', () => watcher.close())
      this.#log = watcher
    } catch {}
  }

  #lookClosely(): void {
    this.#look()
    this.#closeUntil = performance.now() + longestCloseLookMs
    this.#close ??= setInterval(() => {
      this.#look()
      if (performance.now() < this.#closeUntil) return
      clearInterval(this.#close)
      this.#close = undefined
    }, closeLookMs)
  }
}
