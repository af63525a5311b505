import { z } from 'zod'
import { GatewayError } from '../../../core/errors.ts'
import { memberId, type StoredRecord } from '../../../core/record.ts'
import { roles } from '../../../core/role.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { present, textOf } from '../body-changes.ts'
import { knownTeam } from '../keys/find.ts'
import { managementSettings } from '../management-settings.ts'
import {
  type Action,
  allMemberPermissions,
  changers,
  memberPermissions,
  permit,
  rosterOf,
  teamStandings,
} from '../permissions.ts'
import { callerOf, type RecordPorts } from '../record-ports.ts'
import { detailed, wrapped } from '../refusals.ts'
import { findUser } from '../users/find.ts'
import { userRows } from '../users/row.ts'
import { count, dollars, names, text } from '../wire-fields.ts'
import { warned } from '../without-effect.ts'
import { memberBody } from './fields.ts'
import { addMembers, type MemberLimits, memberBudget, type NamedMember, removeMember } from './membership.ts'
import { membershipRows, teamRow } from './row.ts'

const tag = 'team management'

const limits = {
  max_budget_in_team: dollars,
  tpm_limit: count,
  rpm_limit: count,
  allowed_models: names,
  budget_duration: text,
}

export function teamMemberRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/team/member_add',
      summary: 'Puts people into a team; unknown ones become users',
      tag,
      roles: changers,
      body: z.object({ team_id: z.string(), member: z.union([memberBody, z.array(memberBody)]), ...limits }),
      async handle(call) {
        const members = [call.body.member].flat()
        const { outcome, added } = await add(ports, call, call.body.team_id, members, call.body, '/team/member_add')
        const users = added.map(({ user }) => user)
        const memberships = added.map(({ membership }) => membership)
        const reply = changeReply(call.change, outcome, {
          ...(await teamRow(ports, outcome.result.team)),
          updated_users: await userRows(ports, ports.store, users),
          updated_team_memberships: await membershipRows(ports, ports.store, memberships),
        })
        return warned(reply, present({ ...call.body }))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/team/bulk_member_add',
      summary: 'Puts many people into a team, each on its own',
      tag,
      roles: changers,
      body: z.object({
        team_id: z.string(),
        members: z.array(memberBody).max(500).nullish(),
        all_users: z.boolean().nullish(),
        ...limits,
      }),
      handle: async (call) => ({ body: await addEach(ports, call, call.body) }),
    }),
    adminRoute({
      method: 'POST',
      path: '/team/member_update',
      summary: "Changes a member's limits and role in a team",
      tag,
      roles: changers,
      body: z.object({
        team_id: z.string(),
        user_id: text,
        user_email: text,
        role: z.enum(['admin', 'user']).nullish(),
        ...limits,
      }),
      async handle(call) {
        const { team_id: teamId, user_id: id, user_email: email, role } = call.body
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          const team = await administered(transaction, call, teamId, 'team.members', '/team/member_update')
          const user = await findUser(transaction, id, email)
          const userId = id || user?.id
          const roster = rosterOf(team.body)
          if (userId === undefined || !roster.some((entry) => entry.user_id === userId)) {
            throw wrapped(400, 'User not found in team')
          }
          const membership = await transaction.record('team-member', memberId(teamId, userId))
          const current = textOf(membership?.body.budget_id)
          const budget = await memberBudget(ports, transaction, team, current, limitsIn(call.body))
          await transaction.putRecord('team-member', memberId(teamId, userId), {
            team_id: teamId,
            user_id: userId,
            budget_id: budget ?? null,
          })
          if (role) {
            const changed = roster.map((entry) => (entry.user_id === userId ? { ...entry, role } : entry))
            await transaction.putRecord('team', teamId, { ...team.body, members_with_roles: changed })
          }
          return { userId, email: textOf(user?.body.user_email) }
        })
        const reply = changeReply(call.change, outcome, {
          team_id: teamId,
          user_id: outcome.result.userId,
          user_email: outcome.result.email ?? email ?? null,
          max_budget_in_team: call.body.max_budget_in_team ?? null,
          tpm_limit: call.body.tpm_limit ?? null,
          rpm_limit: call.body.rpm_limit ?? null,
        })
        return warned(reply, present({ ...call.body }))
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/team/member_delete',
      summary: 'Takes somebody out of a team, with the keys he has in it',
      tag,
      roles: changers,
      body: z.object({ team_id: z.string(), user_id: text, user_email: text }),
      async handle(call) {
        const { team_id: teamId } = call.body
        const outcome = await ports.changes.records({ ...call.change, revocation: true }, async (transaction) => {
          const team = await administered(transaction, call, teamId, 'team.members', '/team/member_delete')
          return removeMember(transaction, call.principal, team, call.body)
        })
        return changeReply(call.change, outcome, await teamRow(ports, outcome.result))
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/team/permissions_list',
      summary: "Lists what plain members may do with a team's keys",
      tag,
      roles,
      query: z.object({ team_id: z.string() }),
      async handle(call) {
        const { team_id: teamId } = call.query
        const team = await administered(ports.store, call, teamId, 'team.permissions', '/team/permissions_list')
        return {
          body: {
            team_id: teamId,
            team_member_permissions: memberPermissions(team),
            all_available_permissions: allMemberPermissions,
          },
        }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/team/permissions_update',
      summary: "Sets what plain members may do with a team's keys",
      tag,
      roles: changers,
      body: z.object({ team_id: z.string(), team_member_permissions: z.array(z.string()) }),
      async handle(call) {
        const { team_id: teamId, team_member_permissions: granted } = call.body
        const outcome = await ports.changes.records(call.change, async (transaction) => {
          const team = await administered(transaction, call, teamId, 'team.permissions', '/team/permissions_update')
          const unknown = granted.find((name) => !allMemberPermissions.includes(name))
          if (unknown !== undefined) throw wrapped(400, `Invalid team_member_permissions: ${unknown}`)
          return transaction.putRecord('team', team.id, { ...team.body, team_member_permissions: granted })
        })
        return changeReply(call.change, outcome, await teamRow(ports, outcome.result))
      },
    }),
  ]
}

type Call = AdminCall<unknown, unknown>

/** @throws GatewayError 403, 404 */
async function administered(
  reader: Pick<Transaction, 'record' | 'records'>,
  call: Call,
  teamId: string,
  action: Action,
  route: string,
): Promise<StoredRecord> {
  const team = await knownTeam(reader, teamId)
  const standings = await teamStandings(reader, call.principal, team)
  permit(action, standings, { route, teamId, caller: callerOf(call.principal) })
  return team
}

function limitsIn(body: MemberLimits): MemberLimits {
  const { max_budget_in_team, tpm_limit, rpm_limit, allowed_models, budget_duration } = body
  return { max_budget_in_team, tpm_limit, rpm_limit, allowed_models, budget_duration }
}

async function add(
  ports: RecordPorts,
  call: Call,
  teamId: string,
  members: readonly NamedMember[],
  body: MemberLimits,
  route: string,
) {
  const settings = managementSettings(call.exchange.snapshot)
  const outcome = await ports.changes.records(call.change, async (transaction) => {
    const team = await administered(transaction, call, teamId, 'team.members', route)
    return addMembers(ports, transaction, team, members, limitsIn(body), settings)
  })
  return { outcome, added: outcome.result.added }
}

interface BulkBody extends MemberLimits {
  readonly team_id: string
  readonly members?: readonly NamedMember[] | null | undefined
  readonly all_users?: boolean | null | undefined
}

/** Each in a change of its own, so that one who is in the team already keeps nobody out. */
async function addEach(ports: RecordPorts, call: Call, body: BulkBody): Promise<JsonObject> {
  const { team_id: teamId } = body
  if (body.all_users === true && call.principal.role !== 'proxy_admin') {
    throw detailed(
      403,
      '`all_users=true` is restricted to PROXY_ADMIN. Org/team admins must specify explicit member lists.',
    )
  }
  await administered(ports.store, call, teamId, 'team.members', '/team/bulk_member_add')
  const members = body.all_users === true ? await everybody(ports) : (body.members ?? [])
  const results: JsonObject[] = []
  for (const member of members) {
    const named = { user_id: member.user_id ?? null, user_email: member.user_email ?? null }
    try {
      const { added } = await add(ports, call, teamId, [member], body, '/team/bulk_member_add')
      const [one] = added
      const users = await userRows(
        ports,
        ports.store,
        added.map(({ user }) => user),
      )
      const memberships = await membershipRows(ports, ports.store, one === undefined ? [] : [one.membership])
      results.push({
        ...named,
        // A user that was known by address alone is told by his id; one who was just made is not, as LiteLLM has it.
        user_id:
          named.user_id ?? (one !== undefined && one.user.revision !== one.membership.revision ? one.user.id : null),
        success: true,
        error: null,
        updated_user: users[0] ?? null,
        updated_team_membership: memberships[0] ?? null,
      })
    } catch (error) {
      if (!(error instanceof GatewayError) || error.status >= 500) throw error
      results.push({
        ...named,
        success: false,
        error: error.message,
        updated_user: null,
        updated_team_membership: null,
      })
    }
  }
  const successful = results.filter((result) => result.success === true).length
  return {
    team_id: teamId,
    results,
    total_requested: members.length,
    successful_additions: successful,
    failed_additions: members.length - successful,
    updated_team: await teamRow(ports, await knownTeam(ports.store, teamId)),
  }
}

async function everybody(ports: RecordPorts): Promise<readonly NamedMember[]> {
  const { records } = await ports.store.records({ kind: 'user', sort: { by: 'created_at' } })
  return records.map((user) => ({ role: 'user', user_id: user.id, user_email: textOf(user.body.user_email) ?? null }))
}
