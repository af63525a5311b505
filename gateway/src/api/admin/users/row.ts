import type { StoredRecord } from '../../../core/record.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { clearedOf, isoTime, omit, textOf } from '../body-changes.ts'
import { moneyFields, spentBy } from '../money-fields.ts'
import type { Reader } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { shownBody } from '../secret-places.ts'

/** What a user's row has where nothing was said: LiteLLM's columns. */
export const emptyUser = {
  user_alias: null,
  user_email: null,
  user_role: null,
  sso_user_id: null,
  organization_id: null,
  models: [],
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  tpm_limit: null,
  rpm_limit: null,
  max_parallel_requests: null,
  model_max_budget: {},
  metadata: {},
  allowed_cache_controls: [],
  policies: [],
  object_permission: null,
} as const

export const clearedUser = clearedOf(emptyUser)

/** Rows of users; the teams of each are what the memberships say. */
export async function userRows(
  ports: Pick<RecordPorts, 'spending' | 'timezone' | 'clock'>,
  reader: Reader,
  users: readonly StoredRecord[],
): Promise<readonly JsonObject[]> {
  if (users.length === 0) return []
  const ids = users.map((user) => user.id)
  const spentOf = await spentBy(ports, 'user', ids)
  const teams = await groupsOf(reader, 'team-member', 'team_id', ids)
  const organizations = await reader.records({ kind: 'organization-member', where: { user_id: ids } })
  return users.map((user) => ({
    ...emptyUser,
    ...shownBody(omit(user.body, ['password'])),
    user_id: user.id,
    teams: teams.get(user.id) ?? [],
    organization_memberships: organizations.records
      .filter((membership) => membership.body.user_id === user.id)
      .map((membership) => membership.body),
    ...moneyFields(ports, user.body, spentOf(user.id)),
    created_at: isoTime(user.createdAt),
    updated_at: isoTime(user.updatedAt),
  }))
}

/** Ids of the groups in which users are, by user. */
export async function groupsOf(
  reader: Reader,
  kind: 'team-member' | 'organization-member',
  field: 'team_id' | 'organization_id',
  users: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { records } = await reader.records({ kind, where: { user_id: users }, sort: { by: 'created_at' } })
  const groups = new Map<string, string[]>()
  for (const membership of records) {
    const user = textOf(membership.body.user_id)
    const group = textOf(membership.body[field])
    if (user === undefined || group === undefined) continue
    const known = groups.get(user)
    if (known === undefined) groups.set(user, [group])
    else known.push(group)
  }
  return groups
}
