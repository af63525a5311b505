import type { StoredRecord } from '../../../core/record.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { clearedOf, isoTime, objectOf, textOf } from '../body-changes.ts'
import { budgetRow } from '../budgets/row.ts'
import { budgetsOf } from '../keys/row.ts'
import { moneyFields, spentBy } from '../money-fields.ts'
import { type Reader, rosterOf } from '../permissions.ts'
import type { RecordPorts } from '../record-ports.ts'
import { shownBody } from '../secret-places.ts'

/** What a team's row has where nothing was said: LiteLLM's columns. */
export const emptyTeam = {
  team_alias: null,
  organization_id: null,
  members_with_roles: [],
  team_member_permissions: [],
  metadata: {},
  models: [],
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  tpm_limit: null,
  rpm_limit: null,
  max_parallel_requests: null,
  model_max_budget: {},
  model_aliases: {},
  blocked: false,
  router_settings: {},
  access_group_ids: [],
  policies: [],
  object_permission: null,
  allowed_vector_store_indexes: [],
} as const

export const clearedTeam = { ...clearedOf(emptyTeam), blocked: false }

type RowTools = Pick<RecordPorts, 'spending' | 'timezone' | 'clock'>

export async function teamRows(ports: RowTools, teams: readonly StoredRecord[]): Promise<readonly JsonObject[]> {
  const spentOf = await spentBy(
    ports,
    'team',
    teams.map((team) => team.id),
  )
  return teams.map((team) => {
    const roster = rosterOf(team.body)
    const named = (wanted: (role: unknown) => boolean) =>
      roster.filter((member) => wanted(member.role)).flatMap((member) => textOf(member.user_id) ?? [])
    const aliases = objectOf(team.body.model_aliases)
    return {
      ...emptyTeam,
      ...shownBody(team.body),
      team_id: team.id,
      admins: named((role) => role === 'admin'),
      members: named((role) => role !== 'admin'),
      ...moneyFields(ports, team.body, spentOf(team.id)),
      litellm_model_table: Object.keys(aliases).length === 0 ? null : { model_aliases: aliases },
      created_at: isoTime(team.createdAt),
      updated_at: isoTime(team.updatedAt),
    }
  })
}

export async function teamRow(ports: RowTools, team: StoredRecord): Promise<JsonObject> {
  return (await teamRows(ports, [team]))[0] ?? {}
}

/** What members may use and have used: `team_memberships` of `/team/info`. */
export async function membershipRows(
  ports: RowTools,
  reader: Reader,
  memberships: readonly StoredRecord[],
): Promise<readonly JsonObject[]> {
  const spentOf = await spentBy(
    ports,
    'team_member',
    memberships.map((membership) => membership.id),
  )
  const budgets = await budgetsOf(reader, memberships)
  return memberships.map((membership) => {
    const budget = budgets.get(textOf(membership.body.budget_id) ?? '')
    const spent = spentOf(membership.id)
    return {
      user_id: membership.body.user_id ?? null,
      team_id: membership.body.team_id ?? null,
      budget_id: membership.body.budget_id ?? null,
      spend: moneyFields(ports, {}, spent).spend,
      total_spend: moneyFields(ports, {}, { ...spent, amount: spent.total }).spend,
      litellm_budget_table: budget === undefined ? null : budgetRow(budget),
    }
  })
}
