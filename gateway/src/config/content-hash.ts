import { createHash, hash as digest } from 'node:crypto'
import type { Layer } from '../core/resource.ts'
import type { Entry } from './entry.ts'

/**
 * Over kind, name and content of everything that serves: equal hashes are equal configurations. The order counts where it was
 * written by hand; rows of a database have none, and replicas may have learned of them in another order.
 */
export class ContentHash {
  readonly #ordered = createHash('sha256')
  // Four words of the digests, added up without regard to order by exclusive or. Plain loops: this runs over every row in every turn.
  readonly #rows = new Int32Array(4)
  #anyRow = false

  add(entry: Entry, isRow: boolean): void {
    if (!isRow) {
      this.#ordered.update(textOf(entry))
      return
    }
    this.#anyRow = true
    const words = digestOf(entry)
    const rows = this.#rows
    for (let index = 0; index < 4; index += 1) rows[index] = (rows[index] ?? 0) ^ (words[index] ?? 0)
  }

  /** To be called once. */
  digest(): string {
    if (this.#anyRow) this.#ordered.update(this.#rows)
    return this.#ordered.digest('hex')
  }
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

function digestOf(entry: Entry): Int32Array {
  if (entry.digest !== undefined) return entry.digest
  const bytes = digest('sha256', textOf(entry), 'buffer')
  const words = Int32Array.from({ length: 4 }, (_, index) => bytes.readInt32BE(index * 4))
  entry.digest = words
  return words
}

/** JSON keeps the three parts apart whatever they contain. */
function textOf({ kind, name, hash }: Pick<Entry, 'kind' | 'name' | 'hash'>): string {
  return JSON.stringify([kind, name, hash])
}
