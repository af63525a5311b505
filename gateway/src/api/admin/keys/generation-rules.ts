import type { GatewayError } from '../../../core/errors.ts'
import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { KeyMakingRules, KeyMakingSettings } from '../../../core/settings.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { pythonList } from '../../caller-checks.ts'
import { rosterOf } from '../permissions.ts'
import { refusal } from '../refusals.ts'

/**
 * Whether the operator lets this caller make such a key (`key_generation_settings`, contract 3.2), in LiteLLM's words. Who is in no team is
 * told so by the permissions.
 * @param sent as the caller sent it, without defaults
 * @param team of the key; `undefined`: the key is personal
 * @throws GatewayError (400)
 */
export function checkKeyMaking(
  settings: KeyMakingSettings,
  { role, userId }: Principal,
  sent: JsonObject,
  team: StoredRecord | undefined,
): void {
  if (team === undefined) {
    const { ofPersonal, personalByAdminsOnly } = settings
    const roles = ofPersonal.roles ?? (personalByAdminsOnly ? ['proxy_admin'] : undefined)
    if (roles !== undefined && !roles.includes(role)) {
      throw refused(
        `Personal key creation has been restricted by admin. Allowed roles=${pythonList(roles)}. Your role=${role}`,
      )
    }
    checkNeeded(ofPersonal, sent)
    return
  }
  if (role === 'proxy_admin') return
  const { ofTeams } = settings
  const standing = rosterOf(team.body).find((member) => member.user_id === userId)?.role
  if (ofTeams.roles !== undefined && typeof standing === 'string' && !ofTeams.roles.includes(standing)) {
    throw refused(`Team member role ${standing} not in allowed_team_member_roles=${pythonList(ofTeams.roles)}`)
  }
  checkNeeded(ofTeams, sent)
}

function checkNeeded({ needed }: KeyMakingRules, sent: JsonObject): void {
  const missing = needed.find((name) => sent[name] === undefined)
  if (missing !== undefined) throw refused(`Required param ${missing} not in data`)
}

function refused(message: string): GatewayError {
  return refusal(400, message, 'internal_server_error', 'None')
}
