import type { ChangeOptions } from '../core/change.ts'
import { GatewayError } from '../core/errors.ts'
import type { Clock } from '../lib/clock.ts'
import { type MapRecord, nextRunAt } from './record.ts'
import { MapRefused } from './refusal.ts'
import type { PriceUpdates } from './updates.ts'

const checkMs = 15_000
/** Longer than a fetch with all its attempts; a replica that dies at it holds the others up for so long. */
const claimMs = 180_000
/** After a failed run. */
const retryMs = 300_000
const firstRetryMs = 60_000

const by: ChangeOptions = {
  actor: { id: 'schedule', role: 'proxy_admin', via: 'schedule of the price map' },
}

export interface ScheduleOptions {
  readonly updates: PriceUpdates
  readonly clock: Clock
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>, cause: unknown) => void
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/**
 * Runs the stored schedule. Every replica looks at it; who finds it due claims it in the store, by compare-and-set, so that each
 * due time has one run whichever replica it is. A schedule survives restarts because nothing of it is here.
 */
export class PriceSchedule {
  readonly #options: ScheduleOptions
  /** A map whose URL the operator names is looked at once when the replicas start. */
  #startedAt: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: ScheduleOptions) {
    this.#options = options
    this.#startedAt = options.clock.wall()
  }

  start(): void {
    this.#startedAt = this.#options.clock.wall()
    this.#plan(0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  /** Looks once, and runs what is due. Never rejects. */
  async check(): Promise<void> {
    const { clock, report, updates } = this.#options
    try {
      const { record } = updates.current
      if (!this.#isDue(record, clock.wall())) return
      const claimed = await this.#claim()
      if (claimed) await this.#run()
    } catch (error) {
      // The store is away: nobody can claim anything, and the next check comes.
      report('prices.schedule.failed', {}, error)
    }
  }

  #plan(ms: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.check().finally(() => this.#plan(this.#untilNextCheck()))
    }, ms)
    this.#timer.unref()
  }

  /** At the due time, or soon: another replica may change the schedule at any time. Jittered, so that not all claim at once. */
  #untilNextCheck(): number {
    const { clock, random, updates } = this.#options
    const next = nextRunAt(updates.current.record)
    const untilDue = next === undefined ? checkMs : Math.max(0, next - clock.wall())
    return Math.min(untilDue, checkMs) + 50 + random() * 450
  }

  #isDue(record: MapRecord, now: number): boolean {
    if (record.claimedUntil !== undefined && record.claimedUntil > now) return false
    const next = nextRunAt(record)
    if (next !== undefined && next <= now) return true
    const { isNamed, forcedLocal, url } = this.#options.updates.origin
    if (!isNamed || forcedLocal) return false
    return record.url !== url || (record.lastRunAt ?? 0) < this.#startedAt - firstRetryMs
  }

  /** Whether the run is ours. */
  async #claim(): Promise<boolean> {
    const { clock, updates } = this.#options
    let ours = false
    await updates.edit(by, (record) => {
      const now = clock.wall()
      // Another replica may have been faster; the newest state tells.
      ours = this.#isDue(record, now)
      return ours ? { ...record, claimedUntil: now + claimMs } : undefined
    })
    return ours
  }

  async #run(): Promise<void> {
    const { clock, updates } = this.#options
    try {
      await updates.reload(by)
    } catch (error) {
      if (!(error instanceof GatewayError) || !(error.cause instanceof MapRefused)) throw error
      const { message } = error.cause
      await updates.edit(by, (record) => ({
        ...record,
        claimedUntil: clock.wall() + (record.content === undefined ? firstRetryMs : retryMs),
        lastFailure: message,
      }))
    }
  }
}
