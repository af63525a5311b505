/** So many changes are told one by one; who is further behind compares everything. */
const mostKept = 1_000

interface Logged {
  readonly position: number
  readonly key: string
  /** It came to the end, where it was not before. */
  readonly added: boolean
}

/** Which rows were changed of late, and at which position of a count that every change moves on. */
export class ChangeLog {
  #position = 0
  /** What was changed up to here is not told. */
  #floor = 0
  #entries: Logged[] = []

  get position(): number {
    return this.#position
  }

  add(replaced: readonly string[], added: readonly string[]): void {
    this.#position += 1
    const position = this.#position
    for (const key of replaced) this.#entries.push({ position, key, added: false })
    for (const key of added) this.#entries.push({ position, key, added: true })
    if (this.#entries.length <= 2 * mostKept) return
    const dropped = this.#entries.length - mostKept
    this.#floor = this.#entries[dropped - 1]?.position ?? this.#position
    this.#entries = this.#entries.slice(dropped)
  }

  /** Everything may be another, or elsewhere. */
  startOver(): void {
    this.#position += 1
    this.#floor = this.#position
    this.#entries = []
  }

  /** @returns what was changed after one position and up to the other; `undefined`: not known any more */
  between(after: number, upTo: number): readonly Logged[] | undefined {
    if (after < this.#floor || after > upTo) return undefined
    const found: Logged[] = []
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index]
      if (entry === undefined || entry.position <= after) break
      if (entry.position <= upTo) found.push(entry)
    }
    return found.reverse()
  }
}
