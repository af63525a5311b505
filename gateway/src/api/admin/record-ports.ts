import type { Buffer } from 'node:buffer'
import type { Changes } from '../../core/changes.ts'
import type { Principal } from '../../core/principal.ts'
import type { Spending } from '../../core/spend.ts'
import type { Store } from '../../core/store.ts'
import type { Clock } from '../../lib/clock.ts'

/** What the routes over records work through. */
export interface RecordPorts {
  readonly store: Pick<Store, 'record' | 'records'>
  readonly changes: Changes
  readonly spending: Spending
  readonly clock: Clock
  readonly newId: () => string
  readonly randomBytes: (count: number) => Buffer
  /** IANA name of the zone in which budgets start again, `litellm_settings.timezone`. */
  readonly timezone: () => string
  /** Random bytes of a generated key, `LENGTH_OF_LITELLM_GENERATED_KEY`. */
  readonly keyBytes: number
  /** How long a regenerated key goes on counting where the call does not say, `LITELLM_KEY_ROTATION_GRACE_PERIOD`; '': not at all. */
  readonly gracePeriod: string
}

/** The caller in messages; never a whole key. */
export function callerOf(principal: Principal): string {
  return principal.userId || principal.key?.alias || principal.key?.shownAs || ''
}
