import type { BudgetState, CounterWindow, Demand } from '../../core/limit.ts'
import type { Hold, Place, PlaceAnswer, Settlement } from './place.ts'

/** What the counters need of a database; the `SqlDatabase` of `stores/sql.ts` has it. */
export interface CounterDatabase {
  query(
    text: string,
    parameters?: readonly (string | number | null)[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** Calls that are decided in one statement at most; more wait for the next. */
const batchSize = 64
const sweepMs = 60_000

/**
 * Counters in PostgreSQL, in functions of the database, so that a decision is one statement. Calls that come while a statement is
 * under way are decided together in the next: 200 callers of one key would otherwise queue for one row, a connection each.
 */
export class PostgresPlace implements Place {
  readonly name = 'postgres'
  readonly #database: CounterDatabase
  #waiting: Asked[] = []
  #asking = false
  readonly #sweeper: NodeJS.Timeout

  constructor(database: CounterDatabase) {
    this.#database = database
    this.#sweeper = setInterval(() => {
      void this.#call('sweep', []).catch(() => undefined)
    }, sweepMs).unref()
  }

  reserve(id: string, demands: readonly Demand[], ttlMs: number, seeds: readonly BudgetState[]): Promise<PlaceAnswer> {
    const wanted = demands.map((demand) => {
      const seed = seeds.find(({ counter }) => counter === demand.counter)
      const { counter, measure, limit, amount, window } = demand
      return [counter, measure, limit, amount, ...windowValues(window), seed?.amount ?? null, seed?.resetsAt ?? 0]
    })
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ask: { id, ttl: ttlMs, demands: wanted }, count: demands.length, resolve, reject })
      if (!this.#asking) void this.#askAll()
    })
  }

  async settle(settlements: readonly Settlement[], repeated: boolean): Promise<void> {
    const values = settlements.map(({ id, demand, used, takenUntil, releaseOnly }) => {
      const { counter, measure, amount, window } = demand
      return [counter, id, measure, amount, used, takenUntil, ...windowValues(window), releaseOnly]
    })
    await this.#call('settle', [JSON.stringify(values), repeated ? 1 : 0])
  }

  async renew(holds: readonly Hold[], ttlMs: number): Promise<void> {
    const values = holds.map(({ id, demand }) => [demand.counter, id])
    await this.#call('renew', [JSON.stringify(values), ttlMs])
  }

  async raise(spent: readonly BudgetState[]): Promise<void> {
    const values = spent.map(({ counter, amount, resetsAt }) => [counter, amount, resetsAt ?? 0])
    await this.#call('raise', [JSON.stringify(values)])
  }

  async setBudget(counter: string, amount: number): Promise<void> {
    await this.#call('set', [counter, amount])
  }

  async time(): Promise<number> {
    return Number(await this.#call('now', []))
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper)
  }

  async #askAll(): Promise<void> {
    this.#asking = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, batchSize)
      this.#waiting = this.#waiting.slice(batch.length)
      try {
        const text = await this.#call('reserve', [JSON.stringify(batch.map(({ ask }) => ask))])
        // The function answers `[now, [an answer per ask]]`, numbers only.
        const [now, answers] = JSON.parse(String(text)) as [number, (readonly number[])[]]
        for (const [index, asked] of batch.entries()) asked.resolve(answerOf(now, answers[index] ?? [], asked.count))
      } catch (error) {
        for (const asked of batch) asked.reject(error)
      }
    }
    this.#asking = false
  }

  async #call(name: keyof typeof statements, parameters: readonly (string | number)[]): Promise<unknown> {
    const [row] = await this.#database.query(statements[name], parameters)
    return row?.answer
  }
}

interface Asked {
  readonly ask: { readonly id: string; readonly ttl: number; readonly demands: readonly unknown[] }
  readonly count: number
  resolve(answer: PlaceAnswer): void
  reject(error: unknown): void
}

const statements = {
  reserve: 'SELECT midflight_limit_reserve(CAST($1 AS jsonb))::text AS answer',
  settle: 'SELECT midflight_limit_settle(CAST($1 AS jsonb), CAST($2 AS int)) AS answer',
  renew: 'SELECT midflight_limit_renew(CAST($1 AS jsonb), CAST($2 AS bigint)) AS answer',
  raise: 'SELECT midflight_limit_raise(CAST($1 AS jsonb)) AS answer',
  set: 'SELECT midflight_limit_set($1, CAST($2 AS bigint)) AS answer',
  now: 'SELECT CAST(midflight_limit_now() AS float8) AS answer',
  sweep: 'SELECT midflight_limit_sweep() AS answer',
} as const

function answerOf(now: number, [outcome, ...rest]: readonly number[], count: number): PlaceAnswer {
  if (outcome === 2) return { type: 'cold', now, indexes: rest }
  if (outcome === 0) {
    const [index = 0, current = 0, held = 0, resetsAt = 0] = rest
    return { type: 'refused', now, index, current, held, resetsAt }
  }
  const remaining: number[] = []
  const resetsAt: number[] = []
  for (let index = 0; index < count; index += 1) {
    remaining.push(rest[index * 2] ?? 0)
    resetsAt.push(rest[index * 2 + 1] ?? 0)
  }
  return { type: 'taken', now, remaining, resetsAt }
}

function windowValues(window: CounterWindow | undefined): readonly (string | number)[] {
  if (window === undefined) return ['none', 0, 0, 0]
  if (window.type === 'rolling') return ['rolling', window.ms, 0, 0]
  return ['calendar', ...window.ends]
}
