import type { StoredRecord } from '../../../core/record.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { clearedOf, isoTime, textOf } from '../body-changes.ts'
import { budgetRow } from '../budgets/row.ts'
import { budgetsOf } from '../keys/row.ts'
import { moneyFields, spentBy } from '../money-fields.ts'
import type { RecordPorts } from '../record-ports.ts'
import { shownBody } from '../secret-places.ts'
import { teamRows } from '../teams/row.ts'

/** What an organization's row has where nothing was said. */
export const emptyOrganization = {
  organization_alias: null,
  budget_id: null,
  metadata: {},
  models: [],
  object_permission: null,
} as const

export const clearedOrganization = clearedOf(emptyOrganization)

type RowTools = Pick<RecordPorts, 'spending' | 'timezone' | 'clock' | 'store'>

export async function organizationRows(
  ports: RowTools,
  organizations: readonly StoredRecord[],
): Promise<readonly JsonObject[]> {
  const spentOf = await spentBy(
    ports,
    'organization',
    organizations.map((organization) => organization.id),
  )
  const budgets = await budgetsOf(ports.store, organizations)
  return organizations.map((organization) => {
    const budget = budgets.get(textOf(organization.body.budget_id) ?? '')
    return {
      ...emptyOrganization,
      ...shownBody(organization.body),
      organization_id: organization.id,
      spend: moneyFields(ports, {}, spentOf(organization.id)).spend,
      litellm_budget_table: budget === undefined ? null : budgetRow(budget),
      created_at: isoTime(organization.createdAt),
      created_by: organization.createdBy,
      updated_at: isoTime(organization.updatedAt),
      updated_by: organization.updatedBy,
    }
  })
}

/** With the members and teams of each. */
export async function wholeOrganizations(
  ports: RowTools,
  organizations: readonly StoredRecord[],
): Promise<readonly JsonObject[]> {
  if (organizations.length === 0) return []
  const ids = organizations.map((organization) => organization.id)
  const where = { organization_id: ids }
  const { records: members } = await ports.store.records({ kind: 'organization-member', where })
  const { records: teams } = await ports.store.records({ kind: 'team', where })
  const memberRows = await organizationMemberRows(ports, members)
  const rows = await teamRows(ports, teams)
  return (await organizationRows(ports, organizations)).map((organization) => ({
    ...organization,
    members: memberRows.filter((member) => member.organization_id === organization.organization_id),
    teams: rows.filter((team) => team.organization_id === organization.organization_id),
  }))
}

export async function organizationMemberRows(
  ports: RowTools,
  members: readonly StoredRecord[],
): Promise<readonly JsonObject[]> {
  const budgets = await budgetsOf(ports.store, members)
  const userIds = [...new Set(members.flatMap((member) => textOf(member.body.user_id) ?? []))]
  const { records: users } =
    userIds.length === 0 ? { records: [] } : await ports.store.records({ kind: 'user', where: { id: userIds } })
  const emails = new Map(users.map((user) => [user.id, user.body.user_email ?? null]))
  return members.map((member) => {
    const budget = budgets.get(textOf(member.body.budget_id) ?? '')
    return {
      user_id: member.body.user_id ?? null,
      organization_id: member.body.organization_id ?? null,
      user_role: member.body.user_role ?? null,
      budget_id: member.body.budget_id ?? null,
      // Members of organizations have no sum of their own.
      spend: 0,
      user_email: emails.get(textOf(member.body.user_id) ?? '') ?? null,
      litellm_budget_table: budget === undefined ? null : budgetRow(budget),
      created_at: isoTime(member.createdAt),
      updated_at: isoTime(member.updatedAt),
    }
  })
}
