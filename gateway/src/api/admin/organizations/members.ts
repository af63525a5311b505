import { z } from 'zod'
import { memberId } from '../../../core/record.ts'
import { roles } from '../../../core/role.ts'
import type { Transaction } from '../../../core/store.ts'
import { type AdminCall, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { textOf } from '../body-changes.ts'
import { putBudget } from '../budgets/store.ts'
import { managementSettings } from '../management-settings.ts'
import { type Action, changers, organizationStandings, permit } from '../permissions.ts'
import { callerOf, type RecordPorts } from '../record-ports.ts'
import { detailed } from '../refusals.ts'
import { knownOrNew } from '../teams/membership.ts'
import { findUser } from '../users/find.ts'
import { userRows } from '../users/row.ts'
import { dollars, text } from '../wire-fields.ts'
import { unknownOrganization } from './change.ts'
import { joinOrganization } from './membership.ts'
import { organizationMemberRows, wholeOrganizations } from './row.ts'

const tag = 'organization management'
const memberRole = z.enum(['org_admin', 'internal_user', 'internal_user_viewer', 'user', 'admin'])
const member = z.object({ role: memberRole, user_id: text, user_email: text })

export function organizationMemberRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/organization/list',
      summary: 'Lists organizations: all for proxy admins, their own for others',
      tag,
      roles,
      query: z.object({ organization_id: text, org_id: text, org_alias: text }),
      async handle({ query, principal }) {
        const everybody = principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
        const own = everybody ? undefined : await organizationsOf(ports, principal.userId)
        const asked = query.organization_id ?? query.org_id
        const ids =
          asked === undefined || asked === null ? own : own === undefined ? [asked] : own.filter((id) => id === asked)
        if (ids !== undefined && ids.length === 0) return { body: [] }
        const { records } = await ports.store.records({
          kind: 'organization',
          ...(ids === undefined ? {} : { where: { id: ids } }),
          ...(query.org_alias ? { contains: { alias: query.org_alias } } : {}),
          sort: { by: 'created_at' },
        })
        return { body: await wholeOrganizations(ports, records) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/organization/info',
      summary: 'Shows an organization with members and teams',
      tag,
      roles,
      query: z.object({ organization_id: z.string() }),
      async handle(call) {
        const { organization_id: id } = call.query
        const organization = await ports.store.record('organization', id)
        if (organization === undefined) throw unknownOrganization()
        await permitOrganization(ports.store, call, id, 'organization.info', '/organization/info')
        return { body: (await wholeOrganizations(ports, [organization]))[0] }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/organization/info',
      summary: 'Shows several organizations',
      tag,
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      body: z.object({ organizations: z.array(z.string()).min(1) }),
      async handle({ body }) {
        const { records } = await ports.store.records({ kind: 'organization', where: { id: body.organizations } })
        return { body: await wholeOrganizations(ports, records) }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/organization/member_add',
      summary: 'Puts people into an organization; unknown ones become users',
      tag,
      roles: changers,
      body: z.object({
        organization_id: z.string(),
        member: z.union([member, z.array(member)]),
        max_budget_in_organization: dollars,
      }),
      async handle(call) {
        const { organization_id: id, max_budget_in_organization: amount } = call.body
        const settings = managementSettings(call.exchange.snapshot)
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          await permitOrganization(transaction, call, id, 'organization.members', '/organization/member_add')
          const users = []
          const memberships = []
          for (const one of [call.body.member].flat()) {
            const user = await knownOrNew(ports, transaction, one, settings)
            if ((await transaction.record('organization-member', memberId(id, user.id))) !== undefined) {
              throw detailed(400, `User=${user.id} is already a member of organization=${id}`)
            }
            const budget = await budgetOf(ports, transaction, undefined, amount)
            users.push(user)
            memberships.push(await joinOrganization(transaction, id, user.id, one.role, budget))
          }
          return { users, memberships }
        })
        const { users, memberships } = outcome.result
        return changeReply(call.change, outcome, {
          organization_id: id,
          updated_users: await userRows(ports, ports.store, users),
          updated_organization_memberships: await organizationMemberRows(ports, memberships),
        })
      },
    }),
    adminRoute({
      method: 'PATCH',
      path: '/organization/member_update',
      summary: "Changes a member's role and budget in an organization",
      tag,
      roles: changers,
      body: z.object({
        organization_id: z.string(),
        user_id: text,
        user_email: text,
        role: memberRole.nullish(),
        max_budget_in_organization: dollars,
      }),
      async handle(call) {
        const { organization_id: id, role, max_budget_in_organization: amount } = call.body
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          await permitOrganization(transaction, call, id, 'organization.members', '/organization/member_update')
          const before = await membership(transaction, id, call.body)
          const budget = await budgetOf(ports, transaction, textOf(before.body.budget_id), amount)
          return transaction.putRecord('organization-member', before.id, {
            ...before.body,
            ...(role ? { user_role: role } : {}),
            budget_id: budget,
          })
        })
        return changeReply(call.change, outcome, (await organizationMemberRows(ports, [outcome.result]))[0])
      },
    }),
    adminRoute({
      method: 'DELETE',
      path: '/organization/member_delete',
      summary: 'Takes somebody out of an organization',
      tag,
      roles: changers,
      body: z.object({ organization_id: z.string(), user_id: text, user_email: text }),
      async handle(call) {
        const { organization_id: id } = call.body
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          await permitOrganization(transaction, call, id, 'organization.members', '/organization/member_delete')
          const before = await membership(transaction, id, call.body)
          await transaction.deleteRecord('organization-member', before.id)
          return before
        })
        return changeReply(call.change, outcome, (await organizationMemberRows(ports, [outcome.result]))[0])
      },
    }),
  ]
}

/** @throws GatewayError 403, 404 */
async function permitOrganization(
  reader: Pick<Transaction, 'record' | 'records'>,
  call: AdminCall<unknown, unknown>,
  id: string,
  action: Action,
  route: string,
): Promise<void> {
  if ((await reader.record('organization', id)) === undefined) throw unknownOrganization()
  permit(action, await organizationStandings(reader, call.principal, id), { route, caller: callerOf(call.principal) })
}

async function membership(
  transaction: Transaction,
  organization: string,
  named: { readonly user_id?: string | null | undefined; readonly user_email?: string | null | undefined },
) {
  const userId = named.user_id || (await findUser(transaction, undefined, named.user_email))?.id
  const found =
    userId === undefined ? undefined : await transaction.record('organization-member', memberId(organization, userId))
  if (found !== undefined) return found
  throw detailed(404, `User=${userId ?? named.user_email ?? ''} is not a member of organization=${organization}`)
}

/** @param amount `undefined`: the budget stays */
async function budgetOf(
  ports: RecordPorts,
  transaction: Transaction,
  current: string | undefined,
  amount: number | null | undefined,
): Promise<string | null> {
  if (amount === undefined) return current ?? null
  const known = current === undefined ? undefined : await transaction.record('budget', current)
  const budget = await putBudget(ports, transaction, known?.id ?? ports.newId(), known, { max_budget: amount })
  return budget.id
}

async function organizationsOf(ports: RecordPorts, user: string): Promise<readonly string[]> {
  if (user === '') return []
  const { records } = await ports.store.records({ kind: 'organization-member', where: { user_id: user } })
  return records.flatMap((record) => textOf(record.body.organization_id) ?? [])
}
