import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../core/errors.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { reasonOf } from '../lib/reason.ts'
import { DatabaseFailure, type SqlDriver } from './driver.ts'
import { type SqlAccess, type SqlDatabase, type SqlHealth, type Topic, topics } from './sql.ts'

export interface DatabaseOptions {
  readonly driver: SqlDriver
  readonly clock: Clock
  readonly log: Log
  /** What must be true of the schema before anything is asked. May run again after it failed. */
  prepare(access: SqlAccess): Promise<void>
}

const firstRetryMs = 100
const longestRetryMs = 1_000
const attempts = 3
/** How long the first question after a loss is waited for before everything is refused. */
const longestBlipMs = 250

/**
 * A database that may go away and comes back by itself. The first statement that gets no answer opens the breaker: from then on everything is refused
 * at once, while one probe at a time asks whether the database is back.
 */
export function createDatabase({ driver, clock, log, prepare }: DatabaseOptions): SqlDatabase {
  const watchers = new Set<(topic: Topic) => void>()
  let health: SqlHealth = { up: false, since: clock.wall(), reason: 'it was not opened yet' }
  let prepared = false
  let closed = false
  let probing: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  /** Until the first question after a loss was answered, or took too long. */
  let blip: Promise<void> | undefined
  let retryMs = firstRetryMs
  let unlisten: (() => void) | undefined

  const access: SqlAccess = {
    dialect: driver.dialect,
    query: (text, parameters, weight) => guarded(() => driver.query(text, parameters, weight), isRead(text)),
    notify: (topic, number) => guarded(() => driver.notify(topic, number)),
    transaction: (mode, work) => guarded(() => driver.transaction(mode, work)),
  }

  /** @param repeatable whether it may be asked again when its connection was lost */
  async function guarded<Result>(ask: () => Promise<Result>, repeatable = false): Promise<Result> {
    const start = clock.now()
    for (let attempt = 1; ; attempt += 1) {
      if (!health.up) await blip
      if (!health.up) throw unavailable(driver.label, health.reason ?? '', retryMs)
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof DatabaseFailure)) throw error
        if (error.kind === 'conflict' && attempt < attempts) continue
        if (error.kind === 'away') lost(error)
        // The connection, perhaps, and not the database.
        if (error.kind === 'away' && repeatable && attempt === 1 && clock.now() - start < longestBlipMs) continue
        throw unavailable(driver.label, error.message, retryMs, error)
      }
    }
  }

  function lost(error: DatabaseFailure): void {
    if (closed || !health.up) return
    health = { up: false, since: clock.wall(), reason: error.message }
    log.error('store.database.lost', { database: driver.label, reason: error.message })
    stopListening()
    driver.disconnect()
    retryMs = firstRetryMs
    // At once: it may have been one connection only. Then nobody but its user notices.
    const probed = probe().catch(() => undefined)
    blip = Promise.race([probed, sleep(longestBlipMs, undefined, { ref: false })]).finally(() => {
      blip = undefined
    })
  }

  function probeLater(): void {
    // Replicas that lost it together do not come back together.
    retry = setTimeout(() => void probe().catch(() => undefined), retryMs * (0.75 + Math.random() / 2))
    retry.unref()
    retryMs = Math.min(retryMs * 2, longestRetryMs)
  }

  /** One at a time. Rejects with why it is not up, after it has arranged for the next. */
  function probe(): Promise<void> {
    clearTimeout(retry)
    probing ??= bringUp().finally(() => {
      probing = undefined
      if (!health.up && !closed) probeLater()
    })
    return probing
  }

  async function bringUp(): Promise<void> {
    try {
      await driver.connect()
      if (!prepared) await prepare(driver)
      prepared = true
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== health.reason) {
        health = { up: false, since: health.since, reason }
        log.error('store.database.unreachable', { database: driver.label, reason })
      }
      driver.disconnect()
      throw error instanceof GatewayError ? error : unavailable(driver.label, reason, retryMs, error)
    }
    if (closed) return
    health = { up: true, since: clock.wall(), reason: undefined }
    log.info('store.database.connected', { database: driver.label })
    listen()
    for (const topic of topics) hint(topic)
  }

  function hint(topic: Topic): void {
    for (const watcher of [...watchers]) watcher(topic)
  }

  /** Started by the first watcher, and anew whenever the database comes back; meanwhile the driver sees to it. */
  function listen(): void {
    if (watchers.size === 0 || !health.up || closed) return
    unlisten ??= driver.listen(hint, () => void access.query('SELECT 1 AS one').catch(() => undefined))
  }

  function stopListening(): void {
    unlisten?.()
    unlisten = undefined
  }

  return {
    ...access,
    get health() {
      return health
    },
    open: probe,
    async close() {
      closed = true
      clearTimeout(retry)
      stopListening()
      watchers.clear()
      health = { up: false, since: clock.wall(), reason: 'it was closed' }
      await driver.close()
      await probing?.catch(() => undefined)
    },
    watch(onHint) {
      // Its own function, so that one callback that watches twice ends once.
      const watcher = (topic: Topic) => onHint(topic)
      watchers.add(watcher)
      listen()
      return () => {
        watchers.delete(watcher)
        if (watchers.size === 0) stopListening()
      }
    },
  }
}

function unavailable(label: string, reason: string, retryAfterMs: number, cause?: unknown): GatewayError {
  return new GatewayError('store_unavailable', `The database ${label} cannot serve now: ${reason}`, {
    retryAfterMs,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Functions of our own write, though they are called by a SELECT: the counters of limits would count twice. */
function isRead(text: string): boolean {
  return /^\s*SELECT\b/i.test(text) && !/\b(?:midflight_\w+|pg_\w+)\s*\(/i.test(text)
}
