import type { Buffer } from 'node:buffer'
import { hash as digest } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { Contents } from '../core/contents.ts'
import { PriceBook } from '../core/cost/price-book.ts'
import type { PriceLoader } from '../core/cost/price-loader.ts'
import { readBundled } from './bundled.ts'
import type { Packed, PackTask } from './pack.ts'
import { PriceThread } from './thread.ts'

const compress = promisify(gzip)
const decompress = promisify(gunzip)

/** A third of the time of the usual level, for 90 KB instead of 70. */
const fast = 3
/** Of a kept map in its normal form: the limit at which it was fetched, and what aliases may add. */
const largestKept = 128 * 1024 * 1024

/** The maps of this process: the bundled one, and those that were accepted, by their hash. */
export class PriceMaps implements PriceLoader {
  readonly #contents: Contents
  readonly #thread = new PriceThread()
  /** The map that is about to be accepted, so that it is not read a second time. */
  #next: PriceBook | undefined
  #bundled: Promise<PriceBook> | undefined

  constructor(contents: Contents) {
    this.#contents = contents
  }

  bundled(): Promise<PriceBook> {
    this.#bundled ??= readBundled()
    return this.#bundled
  }

  async load(hash: string): Promise<PriceBook> {
    if (this.#next?.hash === hash) return this.#next
    const kept = await this.#contents.get(hash)
    if (kept === undefined) throw new Error('the store does not have it')
    const bytes = await unpacked(hash, kept)
    if (bytes === undefined) throw new Error('what the store has under that hash is something else')
    const { data } = await this.#thread.pack({ bytes: new Uint8Array(bytes) })
    return new PriceBook(data)
  }

  /** A map is about to be reviewed: what takes time without it is done before it has come. */
  prepare(): void {
    this.#thread.prepare()
  }

  /**
   * Checks what was fetched against what serves.
   * @throws MapRefused
   */
  async review(
    bytes: Uint8Array,
    current: PriceBook,
    guards: NonNullable<PackTask['review']>['guards'],
  ): Promise<Packed & { readonly book: PriceBook }> {
    // A copy of what serves: what is handed to the thread is not ours any more.
    const packed = await this.#thread.pack({ bytes, review: { current: current.json.slice(), guards } })
    const book = packed.data.hash === current.hash ? current : new PriceBook(packed.data)
    return { ...packed, book }
  }

  /** Keeps a map for all replicas. @throws GatewayError `store_unavailable` */
  async keep(book: PriceBook): Promise<void> {
    await this.#contents.put(book.hash, await compress(book.json, { level: fast }))
  }

  /** The map that is to be accepted next, or in a dry run would be: it is loaded from here. */
  expect(book: PriceBook): void {
    this.#next = book
  }
}

/** Whether what is kept under a hash is what it was. */
export async function isSound(hash: string, kept: Uint8Array): Promise<boolean> {
  return (await unpacked(hash, kept)) !== undefined
}

async function unpacked(hash: string, kept: Uint8Array): Promise<Buffer | undefined> {
  const bytes = await decompress(kept, { maxOutputLength: largestKept }).catch(() => undefined)
  return bytes !== undefined && digest('sha256', bytes, 'hex') === hash ? bytes : undefined
}
