import type { Snapshot } from '../../../config/snapshot.ts'
import type { Principal } from '../../../core/principal.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { HealthChecker } from './checker.ts'

/** Who checks when nobody asks. */
const operator: Principal = {
  role: 'proxy_admin',
  userId: 'background',
  key: undefined,
  user: undefined,
  team: undefined,
  member: undefined,
  organization: undefined,
}

/** How soon a changed interval is noticed, ms. */
const lookMs = 1_000

interface Hold extends Disposable {
  readonly snapshot: Snapshot
}

export interface BackgroundOptions {
  readonly checker: HealthChecker
  /** A round holds what it checks: connections close when the last lease on them ends. */
  readonly acquire: () => Hold | undefined
  readonly clock: Clock
  readonly onUnexpected: (error: unknown) => void
}

/** Asks every deployment now and then, where `general_settings.background_health_checks` says so; the settings may change at any time. */
export class BackgroundChecks {
  readonly #options: BackgroundOptions
  #timer: NodeJS.Timeout | undefined
  #lastStart = Number.NEGATIVE_INFINITY
  #round: Promise<void> | undefined
  readonly #end = new AbortController()

  constructor(options: BackgroundOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), lookMs)
    this.#timer.unref()
  }

  /** Gives up the round that runs. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#end.abort()
    await this.#round
  }

  #look(): void {
    if (this.#round !== undefined) return
    const lease = this.#options.acquire()
    if (lease === undefined) return
    const { everyMs } = lease.snapshot.settings.health
    const now = this.#options.clock.now()
    if (everyMs === undefined || now - this.#lastStart < everyMs) {
      lease[Symbol.dispose]()
      return
    }
    this.#lastStart = now
    this.#round = this.#check(lease)
      .catch(this.#options.onUnexpected)
      .finally(() => {
        lease[Symbol.dispose]()
        this.#round = undefined
      })
  }

  async #check({ snapshot }: Hold): Promise<void> {
    const wanted = [...snapshot.deployments.values()].filter(
      ({ info }) => String(info.disable_background_health_check).toLowerCase() !== 'true',
    )
    await this.#options.checker.check(wanted, snapshot, operator, this.#end.signal)
  }
}
