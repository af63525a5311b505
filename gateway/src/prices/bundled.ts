import { readFile } from 'node:fs/promises'
import { PriceBook } from '../core/cost/price-book.ts'

/** What is in `bundled.json`, so that no start has to find it out: all of `PriceData` but the bytes, and rules, of which it has none. */
export interface BundledIndex {
  /** What the map was made from: package, version, licence, date. */
  readonly source: string
  readonly hash: string
  readonly providers: readonly string[]
  readonly modes: readonly string[]
  readonly names: readonly string[]
  readonly spans: readonly number[]
  readonly providerOf: readonly number[]
  readonly modeOf: readonly number[]
}

const at = (name: string): URL => new URL(`./${name}`, import.meta.url)

/** The map that comes with the gateway (`scripts/build-price-map.ts`). It was checked when it was made. */
export async function readBundled(): Promise<PriceBook> {
  const [bytes, text] = await Promise.all([readFile(at('bundled.json')), readFile(at('bundled-index.json'), 'utf8')])
  // Written by `npm run generate`, and kept fresh by `npm run check`.
  const index = JSON.parse(text) as BundledIndex
  return new PriceBook({
    hash: index.hash,
    bytes,
    names: index.names,
    spans: Uint32Array.from(index.spans),
    providers: index.providers,
    providerOf: Uint16Array.from(index.providerOf),
    modes: index.modes,
    modeOf: Uint16Array.from(index.modeOf),
  })
}
