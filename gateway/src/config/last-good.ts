import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { type Problem, problem } from '../core/problem.ts'
import type { Layer } from '../core/resource.ts'
import type { Clock } from '../lib/clock.ts'
import { keptResource, keptText, restoreKept, type Sealer } from './kept-resource.ts'
import { Pacer } from './pacer.ts'
import type { LastGoodStatus } from './status.ts'

/** What was accepted last, as its sources declared it: references to secrets, not what they refer to. */
export interface LastGoodCopy {
  readonly revision: number
  readonly hash: string
  /** Unix milliseconds. */
  readonly savedAt: number
  readonly layers: readonly KeptLayer[]
}

export interface KeptLayer {
  /** Of the source (`Source.identity`). */
  readonly identity: string
  readonly layer: Layer
}

const format = 1
const fileName = 'last-good.json'
/** Written in pieces, so that ten thousand deployments neither stall the loop nor double in memory. */
const pieceBytes = 256 * 1024
/** Resources from which on a copy is no trifle: between two, changes go on for a while without one. */
const large = 1_000
/** Of the time that the last copy took. */
const restShare = 10
/** So long without a change, ms, before a large copy is written: who waits for a change would wait for its thread and its disk. */
const quietMs = 1_000
/** Where changes never cease. */
const longestWaitMs = 15_000
const endMark = ',"sha256":"'

/**
 * The copy on disk of the configuration that was accepted last, for a start whose sources give nothing acceptable.
 * The file is always whole: written beside, synced, renamed. Failing to write is told and changes nothing else.
 */
export class LastGood {
  readonly #file: string
  readonly #clock: Clock
  readonly #onProblem: (problem: Problem) => void
  readonly #sealer: Sealer | undefined
  #hurries = false
  #endRest: () => void = () => undefined
  #next: Omit<LastGoodCopy, 'savedAt'> | undefined
  #writing: Promise<void> | undefined
  #saved: { readonly revision: number; readonly savedAt: number } | undefined
  #problem: Problem | undefined

  /** @param sealer without it rows of a store are not kept */
  constructor(directory: string, clock: Clock, onProblem: (problem: Problem) => void, sealer?: Sealer) {
    this.#file = join(directory, fileName)
    this.#clock = clock
    this.#onProblem = onProblem
    this.#sealer = sealer
  }

  get status(): LastGoodStatus {
    return {
      file: this.#file,
      revision: this.#saved?.revision,
      savedAt: this.#saved?.savedAt,
      problem: this.#problem,
    }
  }

  /** `undefined` when there is none, or none that can be trusted; the reason is told. */
  async read(): Promise<LastGoodCopy | undefined> {
    try {
      const copy = parseCopy(await readFile(this.#file, 'utf8'), this.#sealer)
      this.#saved = { revision: copy.revision, savedAt: copy.savedAt }
      return copy
    } catch (error) {
      if (isMissing(error)) return undefined
      this.#tell('last_good_unreadable', error)
      return undefined
    }
  }

  /** For a copy that was read and then could not be served. */
  distrust(reason: string): void {
    this.#tell('last_good_unreadable', new Error(reason))
  }

  /** Writes it soon; while a write is under way only the newest of several is kept. */
  keep(copy: Omit<LastGoodCopy, 'savedAt'>): void {
    this.#next = copy
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
    })
  }

  /** Resolves when everything given to `keep` so far is written, or could not be. */
  async settled(): Promise<void> {
    this.#hurries = true
    this.#endRest()
    while (this.#writing !== undefined) await this.#writing
    this.#hurries = false
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      if (sizeOf(this.#next) >= large) await this.#quiet()
      const copy = { ...this.#next, savedAt: this.#clock.wall() }
      this.#next = undefined
      const startedAt = this.#clock.now()
      try {
        await writeCopy(this.#file, copy, this.#sealer)
        this.#saved = { revision: copy.revision, savedAt: copy.savedAt }
        this.#problem = undefined
      } catch (error) {
        this.#tell('last_good_unwritable', error)
      }
      if (sizeOf(copy) >= large) await this.#restFor(restShare * (this.#clock.now() - startedAt))
    }
  }

  /** Resolves when the newest has been the newest for a while, or has changed for long enough. */
  async #quiet(): Promise<void> {
    const until = this.#clock.now() + longestWaitMs
    for (let seen: unknown; seen !== this.#next && !this.#hurries && this.#clock.now() < until; ) {
      seen = this.#next
      await this.#restFor(quietMs)
    }
  }

  /** Not while somebody waits for the newest. */
  async #restFor(ms: number): Promise<void> {
    if (this.#hurries) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#endRest = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #tell(code: 'last_good_unwritable' | 'last_good_unreadable', error: unknown): void {
    const before = this.#problem
    this.#problem = problem(code, { origin: this.#file, path: '' }, { file: this.#file, reason: reasonOf(error) })
    if (this.#problem.message !== before?.message) this.#onProblem(this.#problem)
  }
}

function sizeOf({ layers }: Pick<LastGoodCopy, 'layers'>): number {
  return layers.reduce((sum, { layer }) => sum + layer.resources.length, 0)
}

async function writeCopy(file: string, copy: LastGoodCopy, sealer: Sealer | undefined): Promise<void> {
  const directory = dirname(file)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // One name per process: two that share the directory must not write into each other's file.
  const temporary = `${file}.${process.pid}.tmp`
  try {
    // The user's own file may hold secrets as plain text, and then the copy does.
    const handle = await open(temporary, 'w', 0o600)
    try {
      await writePieces(handle, copy, sealer)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(directory)
}

async function writePieces(handle: FileHandle, copy: LastGoodCopy, sealer: Sealer | undefined): Promise<void> {
  const hash = createHash('sha256')
  let piece = ''
  const flush = async (): Promise<void> => {
    hash.update(piece)
    await handle.appendFile(piece)
    piece = ''
  }
  for await (const text of serialise(copy, sealer)) {
    piece += text
    if (piece.length >= pieceBytes) await flush()
  }
  await flush()
  await handle.appendFile(`${endMark}${hash.digest('hex')}"}\n`)
}

/** The JSON text up to the checksum of just that text. */
async function* serialise(
  { revision, hash, savedAt, layers }: LastGoodCopy,
  sealer: Sealer | undefined,
): AsyncGenerator<string> {
  const pacer = new Pacer()
  const head = JSON.stringify({ format, revision, hash, savedAt })
  yield `${head.slice(0, -1)},"layers":[`
  for (const [index, { identity, layer }] of layers.entries()) {
    const { source, version, acceptance, revision: layerRevision } = layer
    const start = JSON.stringify({ source, identity, version, acceptance, revision: layerRevision })
    yield `${index === 0 ? '' : ','}${start.slice(0, -1)},"resources":[`
    let separator = '\n'
    for (const resource of layer.resources) {
      const text = keptText(resource, layer, sealer)
      if (text !== undefined) yield separator + text
      if (text !== undefined) separator = ',\n'
      if (pacer.due()) await pacer.pause()
    }
    yield ']}'
  }
  yield ']'
}

/** Without it the rename itself may be lost with the power. Not every file system can. */
async function syncDirectory(directory: string): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(directory, 'r')
    await handle.sync()
  } catch (error) {
    if (!isUnsupported(error)) throw error
  } finally {
    await handle?.close()
  }
}

const copySchema = z.object({
  format: z.literal(format),
  revision: z.int().min(0),
  hash: z.string(),
  savedAt: z.number(),
  layers: z.array(
    z.object({
      source: z.string(),
      identity: z.string(),
      version: z.string(),
      acceptance: z.enum(['whole', 'rows']).exactOptional(),
      revision: z.int().exactOptional(),
      resources: z.array(keptResource),
    }),
  ),
})

/** @throws Error saying why the text is no copy that can be trusted */
function parseCopy(text: string, sealer: Sealer | undefined): LastGoodCopy {
  const end = text.lastIndexOf(endMark)
  if (end === -1) throw new Error('it is not whole')
  const sum = text.slice(end + endMark.length, end + endMark.length + 64)
  if (createHash('sha256').update(text.slice(0, end)).digest('hex') !== sum) throw new Error('its checksum is wrong')
  const parsed = copySchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error('another version of the gateway wrote it')
  const { layers, ...head } = parsed.data
  return {
    ...head,
    layers: layers.map(({ identity, resources, ...layer }) => ({
      identity,
      layer: { ...layer, resources: resources.flatMap((kept) => restoreKept(kept, sealer)), problems: [] },
    })),
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}

function isUnsupported(error: unknown): boolean {
  return ['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP', 'EACCES'].includes(String(codeOf(error)))
}

/** The system's own word where it has one: `ENOSPC: no space left on device, write` names no path twice. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ '[^']*'( -> '[^']*')?$/, '') : String(error)
}
