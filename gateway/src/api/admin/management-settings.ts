import type { Snapshot } from '../../config/snapshot.ts'
import type { InternalUserSettings, KeyMakingSettings } from '../../core/settings.ts'
import type { JsonObject } from '../../lib/json.ts'
import { namesOf, objectOf } from './body-changes.ts'

/** What the settings say about management; LiteLLM's names and values. */
export interface ManagementSettings {
  readonly default_key_generate_params: JsonObject
  readonly upperbound_key_generate_params: JsonObject
  readonly default_internal_user_params: JsonObject
  readonly default_team_params: JsonObject
  readonly internalUsers: InternalUserSettings
  readonly keyMaking: KeyMakingSettings
  /** Fields of a team that its admins may change, besides `projects` and `member_key_budgets`. */
  readonly team_admin_editable_team_fields: readonly string[]
}

const nothingSaid = {
  internalUsers: { maxBudget: undefined, budgetDuration: undefined },
  keyMaking: {
    ofPersonal: { roles: undefined, needed: [] },
    ofTeams: { roles: undefined, needed: [] },
    personalByAdminsOnly: false,
  },
}

/** Read where they are needed, from the snapshot that the request holds. */
export function managementSettings(snapshot: Snapshot | undefined): ManagementSettings {
  const { litellm_settings: litellm, general_settings: general } =
    snapshot?.declared.get('settings', 'gateway')?.spec ?? {}
  const { team_admin_editable_team_fields: fields } = objectOf(general)
  const section = objectOf(litellm)
  return {
    default_key_generate_params: objectOf(section.default_key_generate_params),
    upperbound_key_generate_params: objectOf(section.upperbound_key_generate_params),
    default_internal_user_params: objectOf(section.default_internal_user_params),
    default_team_params: objectOf(section.default_team_params),
    internalUsers: snapshot?.settings.internalUsers ?? nothingSaid.internalUsers,
    keyMaking: snapshot?.settings.keyMaking ?? nothingSaid.keyMaking,
    team_admin_editable_team_fields: namesOf(fields),
  }
}
