import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { objectOf, textOf } from '../body-changes.ts'
import { isLonger, never } from '../duration-words.ts'
import type { Reader } from '../permissions.ts'

/**
 * A new key's request with the duration that the team gives its members' keys (`team_member_key_duration`, contract 3.9): where none is
 * named, or a longer one. Keys of the team alone last as long as they say.
 * @throws GatewayError (400) for words that are no duration
 */
export function boundedByTeam(request: JsonObject, team: StoredRecord | undefined): JsonObject {
  const longest = longestOf(team, textOf(request.user_id))
  return longest === undefined ? request : { ...request, duration: shorterOf(request.duration, longest) }
}

/**
 * The same for a change of a key by anybody but proxy admins, of which only a duration that is sent is bounded: else every key of a member
 * would be one call away from lasting for ever.
 * @param key as it is before
 */
export async function changeBoundedByTeam<
  Sent extends {
    readonly duration?: string | null | undefined
    readonly team_id?: string | null | undefined
  },
>(reader: Reader, principal: Principal, key: StoredRecord, sent: Sent): Promise<Sent> {
  if (sent.duration === undefined || principal.role === 'proxy_admin') return sent
  const teamId = sent.team_id || textOf(key.body.team_id)
  const team = teamId === undefined ? undefined : await reader.record('team', teamId)
  const longest = longestOf(team, textOf(key.body.user_id))
  return longest === undefined ? sent : { ...sent, duration: shorterOf(sent.duration, longest) }
}

function longestOf(team: StoredRecord | undefined, userId: string | undefined): string | undefined {
  if (team === undefined || userId === undefined) return undefined
  return textOf(team.body.team_member_key_duration) ?? textOf(objectOf(team.body.metadata).team_member_key_duration)
}

function shorterOf(asked: JsonValue | undefined, longest: string): string {
  return typeof asked === 'string' && asked !== never && !isLonger(asked, longest) ? asked : longest
}
