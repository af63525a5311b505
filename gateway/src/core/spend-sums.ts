import type { Charge, SpendEntry } from './spend.ts'

/** An entry that still grows. */
type Open = { -readonly [Name in keyof SpendEntry]: SpendEntry[Name] }

/** What calls cost, by spender and window; windows change rarely, so nearly always a spender has one entry. */
export class SpendSums {
  readonly #bySpender = new Map<string, Open[]>()

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
    if (amount === 0) return
    const entries = this.#bySpender.get(spender)
    if (entries === undefined) {
      this.#bySpender.set(spender, [{ spender, amount, window, at }])
      return
    }
    for (const entry of entries) {
      if (entry.window?.end !== window?.end) continue
      entry.amount += amount
      if (at > entry.at) entry.at = at
      return
    }
    entries.push({ spender, amount, window, at })
  }

  /** Takes away what is counted elsewhere now. What nothing is left of is gone. */
  subtract({ spender, window, amount }: SpendEntry): void {
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
