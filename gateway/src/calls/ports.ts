import type { SettledCall } from '../core/ledger/settled-call.ts'
import type { Charge } from '../core/spend.ts'
import type { DialectName } from '../core/wire.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { Clock } from '../lib/clock.ts'
import type { Deadlines } from '../lib/deadlines.ts'
import type { DeploymentStates } from '../state/deployment-state.ts'
import type { CallLimits } from '../state/limits/call-limits.ts'
import type { Traffic } from '../state/traffic.ts'
import type { Signals, Strategy } from '../strategies/strategy.ts'

/** Where settled calls are kept. */
export interface CallLedger {
  /** Durable before anything is sent that is given to a reply from here on; never throws. */
  keep(call: SettledCall, charges: readonly Charge[]): void
  newId(): string
  /** Nothing more can be kept, on disk or in memory. */
  readonly full: boolean
}

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
