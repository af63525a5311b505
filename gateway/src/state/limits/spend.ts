import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import { type BudgetState, counterName, type Demand, type Limiter } from '../../core/limit.ts'
import type { NanoUsd } from '../../core/money.ts'
import {
  type Charge,
  nothingSpent,
  type SpendEntry,
  type Spender,
  type Spending,
  type Spent,
  spenderName,
} from '../../core/spend.ts'
import { SpendSums } from '../../core/spend-sums.ts'
import { ReadersAndWriter } from '../../lib/readers-and-writer.ts'
import { Recent } from '../../lib/recent.ts'
import type { LimitFigures } from './figures.ts'
import {
  addEntries,
  moveRow,
  readSpends,
  type SpendDatabase,
  type SpendSession,
  type StoredSpend,
  writeAmount,
  writeBatch,
} from './spend-rows.ts'

export interface SpendBookOptions {
  readonly database: SpendDatabase
  /** Unix ms by the clock of the shared place. */
  readonly now: () => number
  readonly figures: LimitFigures
  /** Told when a batch could not be written; it is tried again. Not told again until one was written. */
  readonly onFailure: (error: unknown) => void
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

/** Brings to the store the rows that this process keeps on disk. Rejects when the store is away. */
export type BringRows = () => Promise<void>

/**
 * Sums of what everybody spent. What a call cost that the ledger keeps is added with its row, in one transaction (`moving`), so that the
 * sums have exactly the calls of the ledger, whoever is killed when; until then it is known here only to be told to those who ask. Calls
 * without a row are added here every second, in batches that are written once whatever happens to their answers.
 */
export class SpendBook implements Spending {
  readonly #options: SpendBookOptions
  #limiter: Limiter | undefined
  /** Of calls without rows. */
  readonly #pending = new SpendSums()
  /** Of calls whose rows wait on this process's disk. */
  readonly #kept = new SpendSums()
  /** Whether the last rows are in the store is not known: an answer was lost. */
  #unsure = false
  #bringRows: BringRows = async () => undefined
  readonly #lock = new ReadersAndWriter()
  /** Sent, and not known to be written. */
  #batch: Batch | undefined
  #writing: Promise<void> | undefined
  readonly #known = new Recent<string, StoredSpend>(maxKnown / 2)
  readonly #learning = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #lost = 0
  /** Since a write failed, until one succeeds. */
  #failing = false

  constructor(options: SpendBookOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.write().catch(() => undefined), writeEveryMs).unref()
  }

  /** The counters that are to know what was spent. */
  feeds(limiter: Limiter): void {
    this.#limiter = limiter
  }

  /** Who brings rows to the store when a sum must be exact now. */
  keptBy(bringRows: BringRows): void {
    this.#bringRows = bringRows
  }

  /**
   * Adds what one call cost.
   * @param at Unix ms
   * @param row whether the call has a row that carries the charges to the store
   */
  charge(charges: readonly Charge[], amount: number, at: number, row: 'row' | 'no-row'): void {
    if (row === 'row') this.#kept.addCall(charges, amount, at)
    else for (const { spender, window } of charges) this.#wait(spender, amount, window, at)
  }

  /**
   * Brings rows to the store, and what their calls cost to the sums.
   * @param own whether this process was told of the calls by `charge`
   * @param append keeps the rows, and calls the function it is given in the same transaction, unless they were kept before
   */
  moving(
    own: boolean,
    { spends }: { readonly spends: SpendSums },
    append: (add: (session: SpendSession) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    return this.#lock.write(async () => {
      // Counters learn of these calls before the store does, so that it never looks as if they had missed them.
      await this.#limiter?.flush()
      let sums: readonly StoredSpend[] = []
      try {
        await append(async (session) => {
          sums = await addEntries(session, spends.entries())
        })
        if (own) this.#unsure = false
      } catch (error) {
        // Only a database that did not answer may have kept them. Another failure later says nothing of that.
        if (own && error instanceof GatewayError && error.code === 'store_unavailable') this.#unsure = true
        throw error
      }
      for (const entry of spends.entries()) {
        if (own) this.#kept.subtract(entry)
        // Of rows that were kept before nobody tells the sums.
        this.#known.delete(entry.spender)
      }
      for (const sum of sums) this.#remember(sum)
      await this.#raise(sums)
    })
  }

  #wait(spender: string, amount: number, window: Charge['window'], at: number): void {
    if (this.#pending.size >= maxPending && !this.#pending.has(spender)) this.#lose()
    else this.#pending.add(spender, amount, window, at)
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
    await this.#bringAll()
    await writeAmount(this.#options.database, name, amount, Math.round(this.#options.now()))
    this.#known.delete(name)
    await this.#limiter?.setBudget(counterName(spender.kind, spender.value, 'budget'), amount)
  }

  async move(from: Spender, to: Spender): Promise<void> {
    await this.#bringAll()
    await moveRow(this.#options.database, spenderName(from), spenderName(to))
    this.#known.delete(spenderName(from))
    this.#known.delete(spenderName(to))
    await this.#limiter?.setBudget(counterName(from.kind, from.value, 'budget'), 0)
    const moved = (await this.of([to])).get(spenderName(to))
    await this.#limiter?.setBudget(counterName(to.kind, to.value, 'budget'), moved?.amount ?? 0)
  }

  /** Spenders whose sums wait to be written. */
  get pending(): number {
    return this.#pending.size + this.#kept.size + (this.#batch?.entries.length ?? 0)
  }

  async #bringAll(): Promise<void> {
    await this.write()
    if (this.#kept.size > 0 || this.#unsure) await this.#bringRows()
  }

  /** Writes all that is pending without rows. Rejects with `store_unavailable` when the store is away; it is kept then. */
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
      await this.#lock.write(() => this.#writeBatch())
    }
  }

  async #writeBatch(): Promise<void> {
    // As in `moving`.
    await this.#limiter?.flush()
    // What a batch holds is pending no more.
    this.#batch ??= { id: randomUUID(), entries: this.#pending.cut(batchSize) }
    const batch = this.#batch
    let sums: readonly StoredSpend[]
    try {
      sums = await writeBatch(this.#options.database, batch.id, batch.entries, Math.round(this.#options.now()))
    } catch (error) {
      // It is tried again every second for as long as the store is away.
      if (!this.#failing) this.#options.onFailure(error)
      this.#failing = true
      throw error
    }
    this.#failing = false
    this.#batch = undefined
    for (const sum of sums) this.#remember(sum)
    await this.#raise(sums)
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
      // What was sent and not answered may or may not be in the sums.
      const rows = await this.#lock.read(async () =>
        this.#batch !== undefined || this.#unsure ? undefined : await readSpends(this.#options.database, names),
      )
      if (rows !== undefined) return new Map(rows.map((row) => [row.spender, row]))
      if (tries === mostReads) {
        throw new GatewayError('store_unavailable', 'Sums of spending could not be read between two writes.')
      }
      if (this.#batch !== undefined) await this.write()
      if (this.#unsure) await this.#bringRows()
    }
  }

  #unwrittenOf(spender: string): readonly SpendEntry[] {
    const sent = this.#batch?.entries.filter((entry) => entry.spender === spender) ?? []
    return [...sent, ...this.#pending.of(spender), ...this.#kept.of(spender)]
  }

  #remember(sum: StoredSpend): void {
    this.#known.set(sum.spender, sum)
  }
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
