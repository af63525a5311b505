/** Beyond so many differences a copy is made whole: until then a change costs at most as many steps, whatever the map's size. */
const mostDifferences = 256

type Change<Name, Value> = readonly [name: Name, value: Value | undefined]

/**
 * A map that never changes, of which copies with a few changes cost little: they share the rest. In the order of a `Map`: what is
 * replaced keeps its place, what is added comes last, also if it was there before it was removed.
 */
export class PatchedMap<Name, Value extends object | string> implements ReadonlyMap<Name, Value> {
  readonly #base: ReadonlyMap<Name, Value>
  /** Names of the base whose value is another one; `undefined`: which are gone, or stand at the end now. */
  readonly #replaced: ReadonlyMap<Name, Value | undefined>
  /** What comes after the base. */
  readonly #added: ReadonlyMap<Name, Value>
  readonly size: number

  private constructor(
    base: ReadonlyMap<Name, Value>,
    replaced: ReadonlyMap<Name, Value | undefined>,
    added: ReadonlyMap<Name, Value>,
    size: number,
  ) {
    this.#base = base
    this.#replaced = replaced
    this.#added = added
    this.size = size
  }

  /** @param map not to be changed any more */
  static of<Name, Value extends object | string>(map: ReadonlyMap<Name, Value>): PatchedMap<Name, Value> {
    return map instanceof PatchedMap ? map : new PatchedMap<Name, Value>(map, new Map(), new Map(), map.size)
  }

  /** A copy with these changes, one after the other. Without a value: what has the name is removed. */
  patched(changes: Iterable<Change<Name, Value>>): PatchedMap<Name, Value> {
    const replaced = new Map(this.#replaced)
    const added = new Map(this.#added)
    let { size } = this
    for (const [name, value] of changes) {
      const inBase = this.#base.has(name) && (!replaced.has(name) || replaced.get(name) !== undefined)
      if (inBase || added.has(name)) size -= 1
      if (value !== undefined) size += 1
      if (inBase) replaced.set(name, value)
      else if (value === undefined) added.delete(name)
      else added.set(name, value)
    }
    const copy = new PatchedMap(this.#base, replaced, added, size)
    if (replaced.size + added.size <= mostDifferences) return copy
    return new PatchedMap<Name, Value>(new Map(copy), new Map(), new Map(), size)
  }

  get(name: Name): Value | undefined {
    const added = this.#added.get(name)
    if (added !== undefined) return added
    return this.#replaced.has(name) ? this.#replaced.get(name) : this.#base.get(name)
  }

  has(name: Name): boolean {
    return this.get(name) !== undefined
  }

  *entries(): MapIterator<[Name, Value]> {
    if (this.#replaced.size === 0) {
      yield* this.#base.entries()
    } else {
      for (const entry of this.#base.entries()) {
        const [name] = entry
        if (!this.#replaced.has(name)) yield entry
        else {
          const value = this.#replaced.get(name)
          if (value !== undefined) yield [name, value]
        }
      }
    }
    yield* this.#added.entries()
  }

  *keys(): MapIterator<Name> {
    for (const [name] of this.entries()) yield name
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[Name, Value]> {
    return this.entries()
  }

  forEach(visit: (value: Value, name: Name, map: ReadonlyMap<Name, Value>) => void): void {
    for (const [name, value] of this.entries()) visit(value, name, this)
  }
}
