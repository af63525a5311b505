import type { Principal } from '../core/principal.ts'
import type { NounKind, Nouns } from './nouns.ts'

/**
 * What is known of one record, or that there is none. Never changed but for `until` and the principal: a changed record is a
 * new cell, so what was made of a cell is good for as long as that very cell is kept.
 */
export class Cell<Kind extends NounKind = NounKind> {
  readonly kind: Kind
  readonly id: string
  readonly noun: Nouns[Kind] | undefined
  /** Cells of other records that the noun was made of. */
  readonly needs: readonly Cell[]
  /** In seconds of `Clock.now()`; whole ones, because V8 keeps those in the object itself. */
  until: number
  /** Of keys: the caller that was made of this cell and of those in `principalNeeds`. */
  principal: Principal | undefined = undefined
  principalNeeds: readonly Cell[] = none

  constructor(kind: Kind, id: string, noun: Nouns[Kind] | undefined, needs: readonly Cell[], until: number) {
    this.kind = kind
    this.id = id
    this.noun = noun
    this.needs = needs.length === 0 ? none : needs
    this.until = until
  }
}

const none: readonly Cell[] = Object.freeze([])

type Tables = { readonly [Kind in NounKind]: Map<string, Cell<Kind>> }

/**
 * A bounded number of cells; those that nobody asks for are forgotten first. Two generations instead of a list in order of use:
 * a cell that is used stays in, or moves to, the young generation, and when that is full it becomes the old one and what was old
 * goes. A hit costs one look-up and writes nothing.
 */
export class Cells {
  readonly #half: number
  #young = tables()
  #old = tables()
  #youngSize = 0

  /** @param capacity cells of both generations together, 2 or more */
  constructor(capacity: number) {
    this.#half = Math.ceil(capacity / 2)
  }

  get<Kind extends NounKind>(kind: Kind, id: string): Cell<Kind> | undefined {
    const young = this.#young[kind].get(id)
    if (young !== undefined) return young
    const old = this.#old[kind].get(id)
    if (old === undefined) return undefined
    this.#old[kind].delete(id)
    this.set(old)
    return old
  }

  set<Kind extends NounKind>(cell: Cell<Kind>): void {
    // The table of a kind holds cells of that kind, which TypeScript cannot follow through a generic index.
    const table = this.#young[cell.kind] as unknown as Map<string, Cell<Kind>>
    const before = table.size
    table.set(cell.id, cell)
    this.#youngSize += table.size - before
    this.#old[cell.kind].delete(cell.id)
    if (this.#youngSize < this.#half) return
    this.#old = this.#young
    this.#young = tables()
    this.#youngSize = 0
  }

  delete(kind: NounKind, id: string): void {
    if (this.#young[kind].delete(id)) this.#youngSize -= 1
    this.#old[kind].delete(id)
  }

  clear(): void {
    this.#young = tables()
    this.#old = tables()
    this.#youngSize = 0
  }

  get size(): number {
    let size = 0
    for (const generation of [this.#young, this.#old]) for (const table of Object.values(generation)) size += table.size
    return size
  }
}

function tables(): Tables {
  return {
    key: new Map(),
    'retired-key': new Map(),
    user: new Map(),
    team: new Map(),
    'team-member': new Map(),
    organization: new Map(),
    customer: new Map(),
    tag: new Map(),
    budget: new Map(),
    'access-group': new Map(),
  }
}
