import type { Changes } from '../../core/changes.ts'
import type { Principal } from '../../core/principal.ts'
import type { Store } from '../../core/store.ts'
import type { Clock } from '../../lib/clock.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Exchange } from '../route.ts'

/** What the routes over records work with. */
export interface RecordTools {
  readonly store: Pick<Store, 'record' | 'records'>
  readonly changes: Changes
  readonly spending: RecordSpending
  readonly clock: Clock
  readonly newId: () => string
  readonly randomBytes: (count: number) => Buffer
  /** Random bytes of a generated key, `LENGTH_OF_LITELLM_GENERATED_KEY`. */
  readonly keyBytes: number
  /** How long a regenerated key goes on counting where the call does not say, `LITELLM_KEY_ROTATION_GRACE_PERIOD`; '': not at all. */
  readonly gracePeriod: string
}

/** Whose spending is counted; the names of the counters are LIMITS'. */
export type SpenderKind = 'key' | 'user' | 'team' | 'team-member' | 'organization' | 'customer' | 'tag'

/** What has been spent, in US dollars. */
export interface RecordSpending {
  /** In the order of the ids. */
  read(kind: SpenderKind, ids: readonly string[]): Promise<readonly number[]>
  write(kind: SpenderKind, id: string, dollars: number): Promise<void>
  /** When a budget of that duration starts again, Unix ms. */
  resetsAt(duration: string): number
}

/** What the settings say about management; LiteLLM's names and values. */
export interface ManagementSettings {
  readonly default_key_generate_params: JsonObject
  readonly upperbound_key_generate_params: JsonObject
  readonly default_internal_user_params: JsonObject
  readonly default_team_params: JsonObject
  readonly team_admin_editable_team_fields: readonly string[]
}

export function callerOf(principal: Principal): string {
  return principal.userId || (principal.key?.alias ?? '') || (principal.key?.shownAs ?? '')
}

export type { Exchange }
