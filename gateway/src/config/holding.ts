import { type Entry, holdEntry, releaseEntry } from './entry.ts'

/**
 * What one prepared configuration holds open. An amendment shares all but what it changed with the one it was made from, so to hold
 * it and to give it up costs what it changed: each entry is held once for all of them, from where it came to where it was replaced.
 */
export class Holding {
  readonly #line: Line
  /** Place in the line. */
  readonly #place: number
  readonly #all: () => Iterable<Entry>
  readonly #fresh: readonly Entry[]
  readonly #replaced: readonly Entry[]
  #state: 'candidate' | 'serves' | 'released'

  private constructor(
    line: Line,
    place: number,
    all: () => Iterable<Entry>,
    { fresh, replaced }: { readonly fresh: readonly Entry[]; readonly replaced: readonly Entry[] },
  ) {
    this.#line = line
    this.#place = place
    this.#all = all
    this.#fresh = fresh
    this.#replaced = replaced
    this.#state = place === 0 ? 'serves' : 'candidate'
    for (const entry of fresh) {
      holdEntry(entry)
      if (place > 0) line.cameAt.set(entry, place)
    }
  }

  /** The first of a line. */
  static of(entries: readonly Entry[]): Holding {
    const line: Line = { used: [0], left: new Map(), newest: 0, cameAt: new Map() }
    return new Holding(line, 0, () => entries, { fresh: entries, replaced: [] })
  }

  /**
   * What was made from this one, which serves until the next has taken its place.
   * @param all every entry of it
   */
  amended(
    all: () => Iterable<Entry>,
    changes: { readonly fresh: readonly Entry[]; readonly replaced: readonly Entry[] },
  ): Holding {
    return new Holding(this.#line, this.#place + 1, all, changes)
  }

  /** It is about to serve. To be called before the one it was made from is released. */
  succeed(): void {
    if (this.#state !== 'candidate') return
    this.#state = 'serves'
    this.#line.used.push(this.#place)
    this.#line.newest = this.#place
    for (const entry of this.#replaced) this.#leave(entry)
  }

  /** Idempotent. */
  release(): void {
    const before = this.#state
    this.#state = 'released'
    if (before === 'released') return
    if (before === 'candidate') {
      for (const entry of this.#fresh) this.#close(entry)
      return
    }
    const line = this.#line
    line.used.splice(line.used.indexOf(this.#place), 1)
    const left = line.left.get(this.#place) ?? []
    line.left.delete(this.#place)
    for (const entry of left) this.#leave(entry)
    if (line.newest === this.#place) for (const entry of this.#all()) this.#leave(entry)
  }

  /** Nobody from here on uses it: it is left to the youngest before that does, or closed. */
  #leave(entry: Entry): void {
    const { used, left, cameAt } = this.#line
    const from = cameAt.get(entry) ?? 0
    const user = used.findLast((place) => place < this.#place && place >= from)
    if (user === undefined) {
      this.#close(entry)
      return
    }
    const list = left.get(user)
    if (list === undefined) left.set(user, [entry])
    else list.push(entry)
  }

  #close(entry: Entry): void {
    this.#line.cameAt.delete(entry)
    releaseEntry(entry)
  }
}

/** Configurations that were made one from the other. */
interface Line {
  /** Places of those that are not released, the oldest first. */
  readonly used: number[]
  /** What is to be given up with the one at this place, unless an older one uses it. */
  readonly left: Map<number, Entry[]>
  newest: number
  /** Where an entry came into the line; not here: with the first. */
  readonly cameAt: Map<Entry, number>
}
