/**
 * What was used of late, of so many things at most. Two generations instead of a list by age: what is used moves to the younger one, and
 * when that is full the older one is forgotten. So between `most` and twice as many are kept, and a hit costs one look-up.
 */
export class Recent<Name, Value> {
  readonly #most: number
  #young = new Map<Name, Value>()
  #old = new Map<Name, Value>()

  constructor(most: number) {
    this.#most = most
  }

  get(name: Name): Value | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old !== undefined) this.set(name, old)
    return old
  }

  set(name: Name, value: Value): void {
    this.#old.delete(name)
    if (this.#young.size >= this.#most && !this.#young.has(name)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, value)
  }

  delete(name: Name): void {
    this.#young.delete(name)
    this.#old.delete(name)
  }

  has(name: Name): boolean {
    return this.#young.has(name) || this.#old.has(name)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }
}
