import { createHash, hash as digest } from 'node:crypto'
import type { Layer } from '../core/resource.ts'
import type { Entry } from './entry.ts'
import type { Pacer } from './pacer.ts'

/** An entry's digest as numbers; entries outlive turns, so each is hashed once. */
const digests = new WeakMap<Entry, Uint32Array>()

/**
 * Over kind, name and content of everything that serves: equal hashes are equal configurations. The order counts where it was
 * written by hand; rows of a database have none, and replicas may have learned of them in another order.
 */
export async function contentHash(
  entries: Iterable<{ readonly entry: Entry; readonly isRow: boolean }>,
  pacer: Pacer,
): Promise<string> {
  const ordered = createHash('sha256')
  const rows = new Uint32Array(8)
  let anyRow = false
  for (const { entry, isRow } of entries) {
    if (isRow) {
      anyRow = true
      for (const [index, word] of digestOf(entry).entries()) rows[index] = (rows[index] ?? 0) ^ word
    } else {
      ordered.update(textOf(entry))
    }
    if (pacer.due()) await pacer.pause()
  }
  if (anyRow) ordered.update(rows)
  return ordered.digest('hex')
}

/** Layers whose content was hashed already. */
const contents = new WeakMap<Layer, string>()

/** Over what layers declare, wherever it stands in their documents: the same for every replica that reads the same. */
export function layersHash(layers: readonly Layer[]): string {
  const all = layers.map((layer) => {
    const known = contents.get(layer)
    if (known !== undefined) return known
    const hash = createHash('sha256')
    for (const resource of layer.resources) hash.update(textOf(resource))
    const content = hash.digest('hex')
    contents.set(layer, content)
    return content
  })
  return digest('sha256', all.join(' '))
}

function digestOf(entry: Entry): Uint32Array {
  const known = digests.get(entry)
  if (known !== undefined) return known
  const bytes = digest('sha256', textOf(entry), 'buffer')
  const words = Uint32Array.from({ length: 8 }, (_, index) => bytes.readUInt32BE(index * 4))
  digests.set(entry, words)
  return words
}

/** JSON keeps the three parts apart whatever they contain. */
function textOf({ kind, name, hash }: Pick<Entry, 'kind' | 'name' | 'hash'>): string {
  return JSON.stringify([kind, name, hash])
}
