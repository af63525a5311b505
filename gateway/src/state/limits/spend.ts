import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import { type BudgetState, counterName, type Demand, type Limiter } from '../../core/limit.ts'
import type { NanoUsd } from '../../core/money.ts'
import { nothingSpent, type Spender, type Spending, type Spent, spenderName } from '../../core/spend.ts'
import type { LimitFigures } from './figures.ts'
import {
  moveRow,
  readSpends,
  type SpendDatabase,
  type SpendEntry,
  type StoredSpend,
  writeAmount,
  writeBatch,
} from './spend-rows.ts'

export interface SpendBookOptions {
  readonly database: SpendDatabase
  /** Unix ms by the clock of the shared place. */
  readonly now: () => number
  readonly figures: LimitFigures
  /** Told when a batch could not be written; it is tried again. */
  readonly onFailure: (error: unknown) => void
}

type CalendarEnds = readonly [number, number, number]

interface Pending {
  readonly spender: string
  amount: number
  readonly window: SpendEntry['window']
  at: number
}

interface Batch {
  readonly id: string
  readonly entries: readonly SpendEntry[]
}

const writeEveryMs = 1_000
const batchSize = 1_000
/** Spenders whose sums wait for a store that is away; what further ones spend is lost to their budgets, and logged. */
const maxPending = 500_000
/** Spenders whose last known sum is kept for response headers. */
const maxKnown = 20_000
const mostReads = 5

/**
 * Sums of what everybody spent. Calls add to memory; every second that goes to the store, in batches that are written once
 * whatever happens to their answers. While the store is away they wait here: nothing is lost while the process lives.
 */
export class SpendBook implements Spending {
  readonly #options: SpendBookOptions
  #limiter: Limiter | undefined
  /** By spender; one entry per window, so nearly always one. */
  readonly #pending = new Map<string, Pending[]>()
  /** Sent, and not known to be written. */
  #batch: Batch | undefined
  /** Grows whenever what is pending or sent becomes something else, so that readers notice. */
  #version = 0
  #writing: Promise<void> | undefined
  readonly #known = new Map<string, StoredSpend>()
  readonly #learning = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #lost = 0

  constructor(options: SpendBookOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.write().catch(() => undefined), writeEveryMs).unref()
  }

  /** The counters that are to know what was spent. */
  feeds(limiter: Limiter): void {
    this.#limiter = limiter
  }

  /**
   * @param spender `spenderName`
   * @param ends of the budget windows before, now and next, Unix ms; `undefined`: its budget is never reset
   * @param at Unix ms
   */
  add(spender: string, amount: number, ends: CalendarEnds | undefined, at: number): void {
    if (amount === 0) return
    const entries = this.#pending.get(spender)
    if (entries === undefined) {
      if (this.#pending.size < maxPending) this.#pending.set(spender, [pendingOf(spender, amount, ends, at)])
      else this.#lose()
      return
    }
    // Nearly always there is one entry: windows change rarely.
    for (const entry of entries) {
      if (entry.window?.end !== ends?.[1]) continue
      entry.amount += amount
      entry.at = at
      return
    }
    entries.push(pendingOf(spender, amount, ends, at))
  }

  #lose(): void {
    this.#lost += 1
    if (this.#lost === 1) {
      this.#options.onFailure(
        new Error(`more than ${maxPending} spenders wait for the store: what others spend is not summed up`),
      )
    }
  }

  /** The spender's sum as far as this process knows it without asking; `undefined`: not at all. */
  known(spender: string): number | undefined {
    const stored = this.#known.get(spender)
    if (stored === undefined) return undefined
    return sumOf(stored, this.#unwrittenOf(spender), this.#options.now()).amount
  }

  /** Reads a spender's sum, so that it is known soon. */
  learn(spender: string): void {
    if (this.#learning.has(spender)) return
    this.#learning.add(spender)
    this.#read([spender])
      .then((found) => this.#remember(found.get(spender) ?? { spender, ...nothingSpent }))
      .catch(() => undefined)
      .finally(() => this.#learning.delete(spender))
  }

  async of(spenders: readonly Spender[]): Promise<ReadonlyMap<string, Spent>> {
    const names = spenders.map(spenderName)
    const stored = await this.#read(names)
    const now = this.#options.now()
    return new Map(
      names.map((name) => {
        const row = stored.get(name) ?? { spender: name, ...nothingSpent }
        return [name, sumOf(row, this.#unwrittenOf(name), now)]
      }),
    )
  }

  /** What budget counters start from. */
  async seeds(demands: readonly Demand[]): Promise<readonly BudgetState[]> {
    // A budget's counter is named after its spender.
    const names = demands.map(({ counter }) => counter.slice(0, -':budget'.length))
    const stored = await this.#read(names)
    const now = this.#options.now()
    return demands.map(({ counter }, index) => {
      const name = names[index] ?? ''
      const { amount, resetsAt } = sumOf(
        stored.get(name) ?? { spender: name, ...nothingSpent },
        this.#unwrittenOf(name),
        now,
      )
      return { counter, amount, resetsAt }
    })
  }

  async set(spender: Spender, amount: NanoUsd): Promise<void> {
    const name = spenderName(spender)
    // What was spent before must not be added after.
    await this.write()
    await writeAmount(this.#options.database, name, amount, Math.round(this.#options.now()))
    this.#known.delete(name)
    await this.#limiter?.setBudget(counterName(spender.kind, spender.value, 'budget'), amount)
  }

  async move(from: Spender, to: Spender): Promise<void> {
    await this.write()
    await moveRow(this.#options.database, spenderName(from), spenderName(to))
    this.#known.delete(spenderName(from))
    this.#known.delete(spenderName(to))
    await this.#limiter?.setBudget(counterName(from.kind, from.value, 'budget'), 0)
    const moved = (await this.of([to])).get(spenderName(to))
    await this.#limiter?.setBudget(counterName(to.kind, to.value, 'budget'), moved?.amount ?? 0)
  }

  /** Spenders whose sums wait to be written. */
  get pending(): number {
    return this.#pending.size + (this.#batch?.entries.length ?? 0)
  }

  /** Writes all that is pending. Rejects with `store_unavailable` when the store is away; it is kept then. */
  async write(): Promise<void> {
    // Somebody else's turn may have begun before what this caller wants written.
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined)
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined
    })
    await this.#writing
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.write().catch(() => undefined)
  }

  async #write(): Promise<void> {
    while (this.#batch !== undefined || this.#pending.size > 0) {
      // Counters learn of these calls before the store does, so that it never looks as if they had missed them.
      await this.#limiter?.flush()
      this.#batch ??= this.#cut()
      const batch = this.#batch
      let sums: readonly StoredSpend[]
      try {
        sums = await writeBatch(this.#options.database, batch.id, batch.entries, Math.round(this.#options.now()))
      } catch (error) {
        this.#options.onFailure(error)
        throw error
      }
      this.#batch = undefined
      this.#version += 1
      for (const sum of sums) this.#remember(sum)
      await this.#raise(sums)
    }
  }

  /** The next batch; what it holds is pending no more. */
  #cut(): Batch {
    const entries: SpendEntry[] = []
    for (const [spender, windows] of this.#pending) {
      // A statement can change a row once: a later window of the same spender goes with the next batch.
      const first = windows.shift()
      if (windows.length === 0) this.#pending.delete(spender)
      if (first !== undefined) entries.push({ ...first, at: Math.round(first.at) })
      if (entries.length === batchSize) break
    }
    this.#version += 1
    return { id: randomUUID(), entries }
  }

  async #raise(sums: readonly StoredSpend[]): Promise<void> {
    if (this.#limiter === undefined) return
    const spent = sums.map(({ spender, amount, resetsAt }) => ({ counter: `${spender}:budget`, amount, resetsAt }))
    // The place is away: the next batch tells it again.
    await this.#limiter.raise(spent).catch(() => undefined)
  }

  /** Sums in the store, read at a moment at which it is known what is not in them. */
  async #read(names: readonly string[]): Promise<ReadonlyMap<string, StoredSpend>> {
    for (let tries = 1; ; tries += 1) {
      if (this.#writing !== undefined) await this.#writing.catch(() => undefined)
      // A batch whose answer was lost may or may not be in the sums.
      if (this.#batch !== undefined) await this.write()
      const version = this.#version
      const rows = await readSpends(this.#options.database, names)
      if (version === this.#version && this.#batch === undefined) return new Map(rows.map((row) => [row.spender, row]))
      if (tries === mostReads) {
        throw new GatewayError('store_unavailable', 'Sums of spending could not be read between two writes.')
      }
    }
  }

  #unwrittenOf(spender: string): readonly SpendEntry[] {
    const sent = this.#batch?.entries.filter((entry) => entry.spender === spender) ?? []
    return [...sent, ...(this.#pending.get(spender) ?? [])]
  }

  #remember(sum: StoredSpend): void {
    this.#known.delete(sum.spender)
    this.#known.set(sum.spender, sum)
    if (this.#known.size <= maxKnown) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

function pendingOf(spender: string, amount: number, ends: CalendarEnds | undefined, at: number): Pending {
  return { spender, amount, window: ends === undefined ? undefined : { start: ends[0], end: ends[1] }, at }
}

/** As the store would have it after writing the entries. */
function sumOf(stored: StoredSpend, unwritten: readonly SpendEntry[], now: number): Spent {
  let amount: number = stored.amount
  let total: number = stored.total
  let { resetsAt } = stored
  for (const { amount: more, window, at } of unwritten) {
    total += more
    if (resetsAt !== undefined && (window?.start ?? at) >= resetsAt) amount = more
    else amount += more
    resetsAt = window?.end
  }
  if (resetsAt !== undefined && resetsAt <= now) {
    amount = 0
    resetsAt = undefined
  }
  // Sums of whole numbers.
  return { amount: amount as NanoUsd, total: total as NanoUsd, resetsAt }
}
