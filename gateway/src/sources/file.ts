import { hash } from 'node:crypto'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Layer, ReadableSource } from '../core/resource.ts'
import type { FileContent } from '../lib/file-content.ts'
import { createFileWatch, type FileWatch } from '../lib/watch.ts'
import { WriteProgress, wholeQuietMs } from '../lib/write-progress.ts'
import type { FileInput } from './litellm-yaml/document.ts'
import { toLayer } from './litellm-yaml/layer.ts'
import type { Parsed } from './litellm-yaml/parse.ts'
import { createParser } from './litellm-yaml/parser.ts'

export interface FileSourceOptions {
  /** The main file, as the user wrote it; relative paths are relative to the working directory. */
  readonly path: string
  /** Largest file, in bytes, that is read (`MIDFLIGHT_MAX_CONFIG_BYTES`). Default 16 MiB. */
  readonly maxBytes?: number
  /** Told once when the operating system cannot watch and only the poll remains. */
  readonly warn?: (message: string) => void
}

/**
 * A LiteLLM `config.yaml` with its includes, watched. `refresh()` works before `start()` (the `validate` command);
 * `stop()` ends watches and the parser thread, whether started or not.
 */
export function createFileSource(options: FileSourceOptions): ReadableSource {
  return new FileSource(options)
}

const defaultMaxBytes = 16 * 1024 * 1024
/** Parsing before it is sure that the file is whole saves 25 ms of a save. After one in vain, e.g. in a storm of edits, it rests. */
const guessRestMs = 300
/** A file that is rewritten without pause is read as it is after so long, if somebody waits for the answer. */
const longestRefreshMs = 2_000

/** All files of the configuration as they were at one moment. */
interface Reading {
  readonly contents: ReadonlyMap<string, FileContent>
  readonly version: string
}

class FileSource implements ReadableSource {
  readonly name = 'file'
  readonly identity: string
  readonly #main: string
  readonly #label: string
  readonly #maxBytes: number
  readonly #watch: FileWatch
  readonly #parser = createParser()
  /** Absolute paths: the main file and what it was last seen to include. */
  #files: readonly string[]
  readonly #progress = new Map<string, WriteProgress>()
  #layer: Layer | undefined
  #told: Layer | undefined
  #offer: ((layer: Layer) => void) | undefined
  #running: Promise<Layer> | undefined
  /** Callers of `refresh` that wait: what is there is taken, no writer is waited for. */
  #waiting = 0
  /** Something changed since the last read began. */
  #changed = false
  #wake: () => void = () => undefined
  #stopped = false
  #guess: { readonly version: string; readonly parsed: Promise<Parsed> } | undefined
  #noGuessUntilMs = 0

  constructor({ path, maxBytes, warn }: FileSourceOptions) {
    this.#main = resolve(path)
    this.identity = this.#main
    this.#label = labelOf(path)
    this.#maxBytes = maxBytes ?? defaultMaxBytes
    this.#files = [this.#main]
    this.#watch = createFileWatch({ changed: () => this.#onChange(), ...(warn === undefined ? {} : { warn }) })
  }

  async start(offer: (layer: Layer) => void): Promise<void> {
    this.#offer = offer
    this.#watch.start()
    await this.refresh()
  }

  async refresh(): Promise<Layer> {
    this.#waiting += 1
    this.#wake()
    try {
      // What is under way may have read before the caller wrote. It ends at once, being waited for.
      await this.#running
      return await this.#run()
    } finally {
      this.#waiting -= 1
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#watch.stop()
    this.#wake()
    await this.#parser.stop()
    await this.#running
  }

  #onChange(): void {
    this.#changed = true
    this.#wake()
    if (this.#running === undefined && !this.#stopped) void this.#run()
  }

  /** Reads, parses and offers what is new; one at a time. */
  #run(): Promise<Layer> {
    this.#running ??= this.#read().then((layer) => {
      this.#running = undefined
      if (this.#stopped) return layer
      if (this.#offer !== undefined && this.#told !== layer) {
        this.#told = layer
        this.#offer(layer)
      }
      // Changed again while it was parsed.
      if (this.#changed) void this.#run()
      return layer
    })
    return this.#running
  }

  async #read(): Promise<Layer> {
    for (;;) {
      const reading = await this.#readWhole()
      if (this.#layer !== undefined && (this.#stopped || reading.version === this.#layer.version)) {
        this.#accept(reading)
        return this.#layer
      }
      const parsed = await (this.#guess?.version === reading.version ? this.#guess.parsed : this.#parse(reading))
      this.#guess = undefined
      if (parsed.missing.length > 0 && !this.#stopped) {
        this.#files = [...this.#files, ...parsed.missing]
        continue
      }
      this.#files = parsed.files
      this.#watch.retain(new Set(parsed.files))
      const used = this.#reading(new Map(parsed.files.map((path) => [path, contentOf(reading, path)])))
      this.#accept(used)
      // Another version than the content's, so that the next refresh tries again.
      const version = parsed.gaveUp ? `${used.version}:unparsed` : used.version
      this.#layer = await toLayer(this.name, version, parsed, this.#layer)
      return this.#layer
    }
  }

  /** Waits until the files are whole, as far as that can be told, and the same in two reads. */
  async #readWhole(): Promise<Reading> {
    const startedAtMs = performance.now()
    let reading = await this.#readAll()
    for (;;) {
      if (this.#stopped || reading.version === this.#layer?.version) return reading
      const quietMs = this.#quietMs(reading)
      if (quietMs <= 0) return reading
      if (quietMs <= wholeQuietMs) this.#parseAhead(reading)
      await this.#quiet(quietMs)
      if (this.#waiting > 0 && performance.now() - startedAtMs > longestRefreshMs) return reading
      reading = await this.#readAll()
    }
  }

  /** How long the files must still stay as they are, ms; 0 or less when they need not. */
  #quietMs({ contents }: Reading): number {
    const nowMs = performance.now()
    let longest = 0
    for (const [path, content] of contents) {
      const { quietMs, sinceMs } = this.#progressOf(path).observe(content, nowMs)
      const needed = this.#waiting > 0 ? urgentQuietMs(content) : quietMs
      longest = Math.max(longest, needed - (nowMs - sinceMs))
    }
    return longest
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

  async #readAll(): Promise<Reading> {
    this.#changed = false
    const contents = await Promise.all(
      this.#files.map(async (path) => [path, await this.#watch.read(path, this.#maxBytes)] as const),
    )
    return this.#reading(new Map(contents))
  }

  #reading(contents: ReadonlyMap<string, FileContent>): Reading {
    const digests = Array.from(contents, ([path, { digest }]) => [path, digest])
    return { contents, version: hash('sha256', JSON.stringify(digests), 'hex') }
  }

  #parseAhead(reading: Reading): void {
    const nowMs = performance.now()
    if (this.#guess?.version === reading.version) return
    if (this.#guess !== undefined) this.#noGuessUntilMs = nowMs + guessRestMs
    this.#guess = nowMs < this.#noGuessUntilMs ? undefined : { version: reading.version, parsed: this.#parse(reading) }
  }

  #parse(reading: Reading): Promise<Parsed> {
    return this.#parser.parse(Array.from(reading.contents, ([path, content]) => this.#input(path, content)))
  }

  #input(path: string, content: FileContent): FileInput {
    const label = path === this.#main ? this.#label : join(dirname(this.#label), relative(dirname(this.#main), path))
    if (content.found) return { path, label, content: { type: 'bytes', bytes: content.bytes } }
    const { tooLarge, reason } = content
    if (tooLarge === undefined) return { path, label, content: { type: 'unreadable', reason } }
    return { path, label, content: { type: 'too-large', bytes: tooLarge, limit: this.#maxBytes } }
  }

  #accept({ contents }: Reading): void {
    for (const path of this.#progress.keys()) if (!contents.has(path)) this.#progress.delete(path)
    for (const [path, content] of contents) this.#progressOf(path).accept(content)
  }

  #progressOf(path: string): WriteProgress {
    const known = this.#progress.get(path)
    if (known !== undefined) return known
    const progress = new WriteProgress()
    this.#progress.set(path, progress)
    return progress
  }
}

/** A caller who waits says that the writing is over. What has not changed for a second needs no second look. */
function urgentQuietMs(content: FileContent): number {
  return content.found && !content.stamp.fresh ? 0 : wholeQuietMs
}

function contentOf({ contents }: Reading, path: string): FileContent {
  const content = contents.get(path)
  if (content === undefined) throw new Error(`the parser answered with a file that it was not given: ${path}`)
  return content
}

/** What messages call the main file: relative to the working directory where it is below it, else as written, else its name. */
function labelOf(path: string): string {
  const fromHere = relative(process.cwd(), resolve(path))
  if (fromHere !== '' && !fromHere.startsWith('..') && !isAbsolute(fromHere)) return fromHere
  return isAbsolute(path) ? basename(path) : path
}
