import type { Charge, SpendEntry } from './spend.ts'

/** An entry that still grows. */
type Open = { -readonly [Name in keyof SpendEntry]: SpendEntry[Name] }

/** What calls cost, by spender and window; windows change rarely, so nearly always a spender has one entry. */
export class SpendSums {
  readonly #bySpender = new Map<string, Open[]>()
  /** Entries of the call before. */
  #last: readonly Open[] = []

  /** Spenders. */
  get size(): number {
    return this.#bySpender.size
  }

  has(spender: string): boolean {
    return this.#bySpender.has(spender)
  }

  of(spender: string): readonly SpendEntry[] {
    return this.#bySpender.get(spender) ?? none
  }

  *entries(): Iterable<SpendEntry> {
    for (const entries of this.#bySpender.values()) yield* entries
  }

  /** @param amount billionths of a dollar @param at Unix ms */
  add(spender: string, amount: number, window: Charge['window'], at: number): void {
    if (amount !== 0) grow(this.#entryOf(spender, window), amount, at)
  }

  /** The same for all whom one call is charged to. Neighbours are often charged to the same: then nobody is looked up. */
  addCall(charges: readonly Charge[], amount: number, at: number): void {
    if (amount === 0) return
    if (!isOf(this.#last, charges)) this.#last = charges.map(({ spender, window }) => this.#entryOf(spender, window))
    for (const entry of this.#last) grow(entry, amount, at)
  }

  #entryOf(spender: string, window: Charge['window']): Open {
    const entries = this.#bySpender.get(spender)
    const known = entries?.find((entry) => entry.window?.end === window?.end)
    if (known !== undefined) return known
    const entry = { spender, amount: 0, window, at: 0 }
    if (entries === undefined) this.#bySpender.set(spender, [entry])
    else entries.push(entry)
    return entry
  }

  /** Takes away what is counted elsewhere now. What nothing is left of is gone. */
  subtract({ spender, window, amount }: SpendEntry): void {
    this.#last = []
    const entries = this.#bySpender.get(spender)
    const entry = entries?.find((each) => each.window?.end === window?.end)
    if (entries === undefined || entry === undefined) return
    entry.amount -= amount
    if (entry.amount > 0) return
    entries.splice(entries.indexOf(entry), 1)
    if (entries.length === 0) this.#bySpender.delete(spender)
  }

  /** Takes out up to so many entries, at most one of each spender: a statement can change a row once. */
  cut(most: number): readonly SpendEntry[] {
    this.#last = []
    const taken: SpendEntry[] = []
    for (const [spender, entries] of this.#bySpender) {
      if (taken.length === most) break
      const first = entries.shift()
      if (entries.length === 0) this.#bySpender.delete(spender)
      if (first !== undefined) taken.push(first)
    }
    return taken
  }
}

const none: readonly SpendEntry[] = []

function grow(entry: Open, amount: number, at: number): void {
  entry.amount += amount
  if (at > entry.at) entry.at = at
}

function isOf(entries: readonly Open[], charges: readonly Charge[]): boolean {
  if (entries.length !== charges.length) return false
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index]
    const charge = charges[index]
    if (entry?.spender !== charge?.spender || entry?.window?.end !== charge?.window?.end) return false
  }
  return true
}
