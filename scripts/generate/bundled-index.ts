import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BundledIndex } from '../../gateway/src/prices/bundled.ts'
import { pack } from '../../gateway/src/prices/pack.ts'

const folder = join(import.meta.dirname, '../../gateway/src/prices')

/** The index of the price map that comes with the gateway, made anew from the map. */
export function bundledIndex(): string {
  const written = JSON.parse(readFileSync(join(folder, 'bundled-index.json'), 'utf8')) as BundledIndex
  return indexOf(readFileSync(join(folder, 'bundled.json')), written.source)
}

/**
 * @param bytes a map in its normal form, which is what a gateway serves
 * @param source what it was made from
 * @throws Error for what is no such map
 */
export function indexOf(bytes: Uint8Array, source: string): string {
  const { data } = pack({ bytes })
  if (Buffer.compare(data.bytes, bytes) !== 0) throw new Error('bundled.json is not in the normal form of a map')
  if (data.rules !== undefined) throw new Error('the index of bundled.json has no place for rules')
  const { hash, modeOf, modes, names, providerOf, providers, spans } = data
  const index: BundledIndex = {
    source,
    hash,
    providers,
    modes,
    names,
    spans: [...spans],
    providerOf: [...providerOf],
    modeOf: [...modeOf],
  }
  return `${JSON.stringify(index)}\n`
}
