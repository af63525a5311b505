import { performance } from 'node:perf_hooks'
import type { FileContent } from '../lib/file-content.ts'
import { createFileWatch, type FileWatch } from '../lib/watch.ts'
import { WriteProgress, wholeQuietMs } from '../lib/write-progress.ts'

export interface SettledFilesOptions {
  readonly maxBytes: number
  /** Some files hold something else now; `content` already answers it. */
  readonly changed: (paths: readonly string[]) => void
  readonly warn?: (message: string) => void
}

interface Settled {
  readonly progress: WriteProgress
  content: FileContent
}

/** Small files, watched together. What is being written is not taken over before it is whole; until then the old content counts. */
export class SettledFiles {
  readonly #maxBytes: number
  readonly #changed: (paths: readonly string[]) => void
  readonly #watch: FileWatch
  readonly #files = new Map<string, Promise<Settled>>()
  #running: Promise<void> | undefined
  /** Callers of `refresh` that wait: no writer is waited for. */
  #waiting = 0
  #again = false
  #wake: () => void = () => undefined
  #stopped = false

  constructor({ maxBytes, changed, warn }: SettledFilesOptions) {
    this.#maxBytes = maxBytes
    this.#changed = changed
    this.#watch = createFileWatch({ changed: () => this.#onChange(), ...(warn === undefined ? {} : { warn }) })
  }

  /** What the file was last seen to hold; the first call for a path reads it and goes on watching it. */
  async content(path: string): Promise<FileContent> {
    const known = this.#files.get(path)
    if (known !== undefined) return (await known).content
    const first = this.#watch.read(path, this.#maxBytes).then((content) => {
      const progress = new WriteProgress()
      progress.accept(content)
      return { progress, content }
    })
    this.#files.set(path, first)
    return (await first).content
  }

  retain(paths: ReadonlySet<string>): void {
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path)
    this.#watch.retain(paths)
  }

  /** Reads every file again; resolves when `content` answers what is there now. */
  async refresh(): Promise<void> {
    this.#waiting += 1
    this.#wake()
    try {
      // What is under way may have read before the caller wrote.
      await this.#running
      await this.#run()
    } finally {
      this.#waiting -= 1
    }
  }

  start(): void {
    this.#watch.start()
  }

  stop(): void {
    this.#stopped = true
    this.#watch.stop()
    this.#wake()
  }

  #onChange(): void {
    this.#again = true
    this.#wake()
    if (this.#running === undefined) void this.#run()
  }

  #run(): Promise<void> {
    this.#running ??= this.#observeAll().then(() => {
      this.#running = undefined
      if (this.#again && !this.#stopped) void this.#run()
    })
    return this.#running
  }

  /** Reads until every file is whole; each is taken over when it is, no matter what the others do. */
  async #observeAll(): Promise<void> {
    while (!this.#stopped) {
      this.#again = false
      const changed: string[] = []
      let waitMs = 0
      for (const [path, pending] of [...this.#files]) {
        const file = await pending
        // Given up meanwhile: to read it would be to watch it again.
        if (!this.#files.has(path)) continue
        const leftMs = await this.#observe(path, file, changed)
        if (leftMs > 0) waitMs = waitMs === 0 ? leftMs : Math.min(waitMs, leftMs)
      }
      if (this.#stopped) return
      if (changed.length > 0) this.#changed(changed)
      if (waitMs === 0) return
      // A caller may have begun to wait since the files were looked at.
      await this.#quiet(this.#waiting > 0 ? Math.min(waitMs, wholeQuietMs) : waitMs)
    }
  }

  /** @returns how long the file must still stay as it is before it is taken over, ms; 0 when it is settled */
  async #observe(path: string, file: Settled, changed: string[]): Promise<number> {
    const content = await this.#watch.read(path, this.#maxBytes)
    if (content.digest === file.content.digest) {
      file.progress.accept(content)
      return 0
    }
    const nowMs = performance.now()
    const { quietMs, sinceMs } = file.progress.observe(content, nowMs)
    const leftMs = (this.#waiting > 0 ? wholeQuietMs : quietMs) - (nowMs - sinceMs)
    if (leftMs > 0) return leftMs
    file.progress.accept(content)
    file.content = content
    changed.push(path)
    return 0
  }

  #quiet(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
