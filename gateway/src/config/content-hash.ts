import { createHash, hash as digest, type Hash } from 'node:crypto'
import type { Layer } from '../core/resource.ts'
import type { Entry } from './entry.ts'

/**
 * Over kind, name and content of everything that serves: equal hashes are equal configurations. The order counts where it was
 * written by hand; rows of a database have none, and replicas may have learned of them in another order.
 */
export class ContentHash {
  readonly #ordered: Hash
  // Four words of the digests, added up without regard to order by exclusive or. Plain loops: this runs over every row of a new layer.
  readonly #words: Int32Array
  #rows: number

  constructor(before?: ContentHash) {
    this.#ordered = before === undefined ? createHash('sha256') : before.#ordered.copy()
    this.#words = before === undefined ? new Int32Array(4) : Int32Array.from(before.#words)
    this.#rows = before === undefined ? 0 : before.#rows
  }

  add(entry: Entry): void {
    this.#ordered.update(textOf(entry))
  }

  addRow(entry: Entry): void {
    this.#rows += 1
    this.#mix(entry)
  }

  /** Of a row that was added. */
  removeRow(entry: Entry): void {
    this.#rows -= 1
    this.#mix(entry)
  }

  digest(): string {
    const whole = this.#ordered.copy()
    if (this.#rows > 0) whole.update(this.#words)
    return whole.digest('hex')
  }

  /** Twice is not at all. */
  #mix(entry: Entry): void {
    const digest = digestOf(entry)
    const words = this.#words
    for (let index = 0; index < 4; index += 1) words[index] = (words[index] ?? 0) ^ (digest[index] ?? 0)
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
