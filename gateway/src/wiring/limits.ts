import type { Limiter } from '../core/limit.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { redisUrlOf } from '../lib/redis-url.ts'
import type { PlaceHealth } from '../state/limits/breaker.ts'
import { CallLimits } from '../state/limits/call-limits.ts'
import { LimitFigures } from '../state/limits/figures.ts'
import { MemoryLimiter } from '../state/limits/memory.ts'
import type { Place } from '../state/limits/place.ts'
import { PostgresPlace } from '../state/limits/postgres.ts'
import { RedisPlace } from '../state/limits/redis.ts'
import { type Fallback, SharedLimiter } from '../state/limits/shared.ts'
import { SpendBook } from '../state/limits/spend.ts'
import type { SqlDatabase } from '../stores/sql.ts'

/** Limits and spending of this process, wired. */
export interface Limiting {
  readonly calls: CallLimits
  readonly spending: SpendBook
  readonly figures: LimitFigures
  readonly health: () => LimitHealth
  /** Asks the shared place for the first time. Never rejects. */
  start(): Promise<void>
  /** Writes what was spent and gives back what is settled. */
  stop(): Promise<void>
}

/** Where limits are counted. */
export interface LimitHealth extends PlaceHealth {
  readonly place: 'memory' | 'postgres' | 'redis'
  /** What counts while the place is not up. */
  readonly fallback: Fallback | undefined
}

export interface LimitingOptions {
  readonly database: SqlDatabase
  readonly clock: Clock
  readonly log: Log
  /** Of the environment or its file. */
  readonly variable: (name: string) => Promise<string | undefined>
  /** The Redis that the file names; asked when no variable does. */
  readonly declaredRedis: () => Promise<string | undefined>
}

/** What Redis may take for one command (issue #3). */
const redisTimeoutMs = 100
/** One statement decides for all calls that wait; with a busy database it takes longer than one of Redis. */
const postgresTimeoutMs = 500
const usualWindowSeconds = 60
/** After so long the calls of a replica that died are given back. */
const usualTtlSeconds = 60
const probeEveryMs = 250

/**
 * Chooses where limits are counted: Redis where it is given, PostgreSQL where that is the store, else this process's memory.
 * @throws Error for a setting that cannot be used
 */
export async function openLimiting(options: LimitingOptions): Promise<Limiting> {
  const { database, clock, log, variable, declaredRedis } = options
  const figures = new LimitFigures()
  const spending: SpendBook = new SpendBook({
    database,
    now: () => limiter.now(),
    figures,
    onFailure: (error) => log.error('limits.spend.unwritten', { error }),
  })
  const redisUrl = (await redisOf(variable)) ?? (await declaredRedis())
  const fallback = fallbackOf(await variable('MIDFLIGHT_LIMITS_FALLBACK'))
  const timeoutMs = await number(variable, 'MIDFLIGHT_LIMITS_TIMEOUT_MS', undefined)
  const ttlMs = (await number(variable, 'MIDFLIGHT_LIMITS_TTL_SECONDS', usualTtlSeconds)) * 1_000
  const windowMs = (await number(variable, 'LITELLM_RATE_LIMIT_WINDOW_SIZE', usualWindowSeconds)) * 1_000
  let shared: SharedLimiter | undefined
  const share = (place: Place, usualTimeoutMs: number): SharedLimiter =>
    new SharedLimiter({
      place,
      clock,
      figures,
      seed: (demands) => spending.seeds(demands),
      fallback,
      timeoutMs: timeoutMs ?? usualTimeoutMs,
      ttlMs,
      probeEveryMs,
      onHealth: (health) => {
        const facts = { place: place.name, fallback, reason: health.reason }
        if (health.up) log.info('limits.place.connected', facts)
        else log.error('limits.place.lost', facts)
      },
    })
  if (redisUrl !== undefined) {
    const place = new RedisPlace({
      url: redisUrl,
      onConnection: (up, reason) => {
        if (up) shared?.connectionBack()
        else shared?.connectionLost(reason ?? '')
      },
    })
    shared = share(place, redisTimeoutMs)
  } else if (database.dialect === 'postgres') {
    shared = share(new PostgresPlace(database), postgresTimeoutMs)
  }
  const limiter: Limiter =
    shared ??
    new MemoryLimiter({
      now: () => clock.wall(),
      // A database that cannot be read refuses nobody: what was spent is added when the next sum is written.
      seed: (demands) => spending.seeds(demands).catch(() => []),
    })
  spending.feeds(limiter)
  const startedAt = clock.wall()
  const place = redisUrl !== undefined ? 'redis' : shared === undefined ? 'memory' : 'postgres'
  return {
    calls: new CallLimits({
      limiter,
      clock,
      spending,
      figures,
      windowMs,
      onSoftBudget: (holder, spent, softBudget) => log.warn('limits.budget.soft', { holder, spent, softBudget }),
    }),
    spending,
    figures,
    health: () =>
      shared === undefined
        ? { place, up: true, since: startedAt, reason: undefined, fallback: undefined }
        : { place, ...shared.health, fallback },
    async start() {
      await shared?.start()
    },
    async stop() {
      await spending.stop()
      await limiter.stop()
    },
  }
}

type Variable = LimitingOptions['variable']

/** `REDIS_URL`, or LiteLLM's `REDIS_HOST`, `REDIS_PORT`, `REDIS_USERNAME`, `REDIS_PASSWORD`, `REDIS_DB` and `REDIS_SSL`. */
async function redisOf(variable: Variable): Promise<string | undefined> {
  return redisUrlOf({
    url: await variable('REDIS_URL'),
    host: await variable('REDIS_HOST'),
    port: await variable('REDIS_PORT'),
    username: await variable('REDIS_USERNAME'),
    password: await variable('REDIS_PASSWORD'),
    db: await variable('REDIS_DB'),
    secure: (await variable('REDIS_SSL'))?.toLowerCase() === 'true',
  })
}

function fallbackOf(text: string | undefined): Fallback {
  if (text === undefined || text === 'memory' || text === 'open' || text === 'closed') return text ?? 'memory'
  throw new Error(`MIDFLIGHT_LIMITS_FALLBACK=${text} is none of memory, open, closed`)
}

async function number(variable: Variable, name: string, usual: number): Promise<number>
async function number(variable: Variable, name: string, usual: undefined): Promise<number | undefined>
async function number(variable: Variable, name: string, usual: number | undefined): Promise<number | undefined> {
  const text = await variable(name)
  if (text === undefined) return usual
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`${name}=${text} is not a number above 0`)
}
