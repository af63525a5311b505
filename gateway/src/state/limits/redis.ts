import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { BudgetState, CounterWindow, Demand } from '../../core/limit.ts'
import { redisPackage } from '../../lib/late-package.ts'
import type { Hold, Place, PlaceAnswer, Settlement } from './place.ts'
import { raiseScript, renewScript, reserveScript, setBudgetScript, settleScript } from './redis-scripts.ts'

export interface RedisPlaceOptions {
  /** `redis://…`, `rediss://…`; may hold a password, so it is never shown. */
  readonly url: string
  /** Of every key. Keeps its braces, which put all keys on one node of a cluster. */
  readonly prefix?: string
  /** Told of every change of the connection. */
  readonly onConnection?: (up: boolean, reason: string | undefined) => void
}

const scripts = {
  reserve: reserveScript,
  settle: settleScript,
  renew: renewScript,
  raise: raiseScript,
  setBudget: setBudgetScript,
} as const

type ScriptName = keyof typeof scripts

/** By which Redis knows a script it has run. */
const hashes = Object.fromEntries(
  Object.entries(scripts).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
  // The keys are those of `scripts`.
) as Readonly<Record<ScriptName, string>>

const longestWaitMs = 1_000

/** Counters in Redis or Valkey. Reconnects by itself; while it is away every method rejects at once. */
export class RedisPlace implements Place {
  readonly name = 'redis'
  readonly #redis: Redis
  readonly #prefix: string
  /** Scripts that the server has seen; one that restarted has forgotten them. */
  readonly #loaded = new Set<ScriptName>()

  constructor(options: RedisPlaceOptions) {
    this.#prefix = options.prefix ?? '{midflight}:limit:'
    const { Redis } = redisPackage()
    this.#redis = new Redis(options.url, {
      // A command that cannot be sent now must fail now: the call has 100 ms, and a queue would be played when it is over.
      enableOfflineQueue: false,
      // A command whose answer was lost may have been carried out.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      retryStrategy: (attempt) => Math.min(longestWaitMs, 50 * 2 ** Math.min(attempt, 5)),
      reconnectOnError: (error) => error.message.startsWith('READONLY') || error.message.startsWith('LOADING'),
    })
    this.#redis.on('ready', () => options.onConnection?.(true, undefined))
    this.#redis.on('close', () => options.onConnection?.(false, 'the connection is closed'))
    // Without a listener the process would end; the reason comes with the commands that fail.
    this.#redis.on('error', (error: Error) => options.onConnection?.(false, error.message))
  }

  async reserve(
    id: string,
    demands: readonly Demand[],
    ttlMs: number,
    seeds: readonly BudgetState[],
  ): Promise<PlaceAnswer> {
    const values: (string | number)[] = [id, ttlMs]
    for (const demand of demands) {
      const seed = seeds.find(({ counter }) => counter === demand.counter)
      values.push(demand.measure, demand.limit, demand.amount, ...windowValues(demand.window))
      values.push(seed === undefined ? '' : seed.amount, seed?.resetsAt ?? 0)
    }
    const [outcome, now = 0, ...rest] = numbers(await this.#run('reserve', demands.map(counterOf), values))
    if (outcome === 2) return { type: 'cold', now, indexes: rest }
    if (outcome === 0) {
      const [index = 0, current = 0, held = 0, resetsAt = 0] = rest
      return { type: 'refused', now, index, current, held, resetsAt }
    }
    return {
      type: 'taken',
      now,
      remaining: demands.map((_, index) => rest[index * 2] ?? 0),
      resetsAt: demands.map((_, index) => rest[index * 2 + 1] ?? 0),
    }
  }

  async settle(settlements: readonly Settlement[], repeated: boolean): Promise<void> {
    const values: (string | number)[] = [repeated ? 1 : 0]
    for (const { id, demand, used, takenUntil, releaseOnly } of settlements) {
      values.push(id, demand.measure, demand.amount, used, takenUntil, ...windowValues(demand.window))
      values.push(releaseOnly ? 1 : 0)
    }
    const counters = settlements.map(({ demand }) => demand.counter)
    await this.#run('settle', counters, values)
  }

  async renew(holds: readonly Hold[], ttlMs: number): Promise<void> {
    const values = holds.flatMap(({ id, demand }) => [id, demand.amount])
    const counters = holds.map(({ demand }) => demand.counter)
    await this.#run('renew', counters, [ttlMs, ...values])
  }

  async raise(spent: readonly BudgetState[]): Promise<void> {
    const values = spent.flatMap(({ amount, resetsAt }) => [amount, resetsAt ?? 0])
    await this.#run(
      'raise',
      spent.map(({ counter }) => counter),
      values,
    )
  }

  async setBudget(counter: string, amount: number): Promise<void> {
    await this.#run('setBudget', [counter], [amount])
  }

  async time(): Promise<number> {
    const [seconds = 0, microseconds = 0] = numbers(await this.#redis.time())
    return seconds * 1000 + Math.floor(microseconds / 1000)
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }

  async #run(name: ScriptName, counters: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    const keys = counters.map((counter) => this.#prefix + counter)
    if (this.#loaded.has(name)) {
      try {
        return await this.#redis.evalsha(hashes[name], keys.length, ...keys, ...values)
      } catch (error) {
        // The server restarted: it has carried out nothing, so the script may be sent as a whole.
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
        this.#loaded.delete(name)
      }
    }
    const answer = await this.#redis.call('EVAL', scripts[name], keys.length, ...keys, ...values)
    this.#loaded.add(name)
    return answer
  }
}

function counterOf(demand: Demand): string {
  return demand.counter
}

/** Kind of window and its three numbers, as the scripts read them. */
function windowValues(window: CounterWindow | undefined): readonly (string | number)[] {
  if (window === undefined) return ['none', 0, 0, 0]
  if (window.type === 'rolling') return ['rolling', window.ms, 0, 0]
  return ['calendar', ...window.ends]
}

function numbers(answer: unknown): readonly number[] {
  if (!Array.isArray(answer)) throw new Error('Redis answered a limit script with something that is no list')
  return answer.map(Number)
}
