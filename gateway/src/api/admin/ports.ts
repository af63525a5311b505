import type { CallPorts } from '../../calls/ports.ts'
import type { Snapshot } from '../../config/snapshot.ts'
import type { Trial } from '../../config/trial.ts'
import type { Changes } from '../../core/changes.ts'
import type { Ledger } from '../../core/ledger/ledger.ts'
import type { Spending } from '../../core/spend.ts'
import type { Store } from '../../core/store.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { PriceUpdates } from '../../prices/updates.ts'
import type { HealthChecker } from './health/checker.ts'

/** What the management routes work through; nothing here changes while the process runs. */
export interface AdminPorts {
  readonly changes: Changes
  readonly store: Store
  readonly calls: CallPorts
  readonly ledger: Ledger
  readonly checker: HealthChecker
  readonly prices: PriceUpdates
  readonly spending: Spending
  /** IANA name of the zone in which budgets start again, `litellm_settings.timezone`. */
  readonly timezone: () => string
  /** Of the process, for `STORE_MODEL_IN_DB`. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Makes a deployment ready that nobody has declared; it serves no calls. */
  readonly tryDeployment: (spec: JsonObject, snapshot: Snapshot) => Promise<Trial>
  /** The routing strategies there are. */
  readonly strategies: readonly string[]
  /** The parameter of a deployment that a key of `litellm_params` which nobody knows was probably meant to be. */
  readonly meantParameter: (key: string) => string | undefined
  /** Whether anybody ever heard of a setting (`general_settings.alerting`). */
  readonly isSetting: (path: string) => boolean
  /** Why a setting has no effect; `undefined`: it has one, or is not known. */
  readonly ignoredSetting: (path: string) => string | undefined
}
