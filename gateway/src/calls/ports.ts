import type { DialectName } from '../core/wire.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { Clock } from '../lib/clock.ts'
import type { Deadlines } from '../lib/deadlines.ts'
import type { DeploymentStates } from '../state/deployment-state.ts'
import type { CallLimits } from '../state/limits/call-limits.ts'
import type { Traffic } from '../state/traffic.ts'
import type { Signals, Strategy } from '../strategies/strategy.ts'
import type { CallLedger } from './account.ts'

/** What a call works through; nothing here changes while the process runs. */
export interface CallPorts {
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly states: DeploymentStates
  readonly traffic: Traffic
  readonly limits: CallLimits
  /** Where calls are kept; `undefined`: nowhere. */
  readonly ledger: CallLedger | undefined
  readonly dialect: (name: DialectName) => Dialect
  readonly signals: Signals
  /** The strategy of that name; the default one where this version has none of that name. */
  readonly strategy: (name: string) => Strategy
  /** Told of each error that is not the caller's or the provider's fault, with its cause. */
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>, cause: unknown) => void
  /** Resolves after so many ms. */
  readonly sleep: (ms: number) => Promise<void>
}
