import { z } from 'zod'
import { GatewayError } from '../../../core/errors.ts'
import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import { roles } from '../../../core/role.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { objectOf, textOf } from '../body-changes.ts'
import { budgetRow } from '../budgets/row.ts'
import { keyRows } from '../keys/row.ts'
import { pagesOf, sortOf } from '../paging.ts'
import { permit, teamStandings } from '../permissions.ts'
import { callerOf, type RecordPorts } from '../record-ports.ts'
import { adminOnly, refusal } from '../refusals.ts'
import { page, pageSize } from '../wire-fields.ts'
import { membershipRows, teamRow, teamRows } from './row.ts'

const tag = 'team management'

const sortColumns = {
  team_id: 'id',
  team_alias: 'alias',
  organization_id: 'organization_id',
  created_at: 'created_at',
  updated_at: 'updated_at',
} as const

export function teamInfoRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/team/info',
      summary: 'Shows a team with keys and members',
      tag,
      roles,
      query: z.object({ team_id: z.string().optional() }),
      async handle({ query, principal }) {
        const { team_id: id } = query
        if (id === undefined || id === '') {
          throw new GatewayError('invalid_request', "{'message': 'Malformed request. No team id passed in.'}", {
            param: 'None',
            wire: { type: 'auth_error', status: 422 },
          })
        }
        const team = await ports.store.record('team', id)
        if (team === undefined) {
          throw refusal(404, `{'message': 'Team not found, passed team id: ${id}.'}`, 'auth_error', 'None')
        }
        const standings = await teamStandings(ports.store, principal, team)
        permit('team.info', standings, { route: '/team/info', teamId: id, caller: callerOf(principal) })
        return { body: await wholeTeam(ports, team) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/team/list',
      summary: 'Lists teams: all for proxy admins, their own for others',
      tag,
      roles,
      query: z.object({ user_id: z.string().optional(), organization_id: z.string().optional() }),
      async handle({ query, principal }) {
        const user = userWanted(principal, query.user_id, '/team/list')
        const where = await teamsWhere(ports, user, query.organization_id)
        if (where === undefined) return { body: [] }
        const { records } = await ports.store.records({ kind: 'team', where, sort: { by: 'created_at' } })
        return { body: await withKeysAndMembers(ports, records) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/v2/team/list',
      summary: 'Lists teams, a page at a time',
      tag,
      roles,
      query: z.object({
        user_id: z.string().optional(),
        organization_id: z.string().optional(),
        team_id: z.string().optional(),
        team_alias: z.string().optional(),
        page,
        page_size: pageSize(10, 100),
        sort_by: z.string().optional(),
        sort_order: z.enum(['asc', 'desc']).optional(),
      }),
      async handle({ query, principal }) {
        const { page: number, page_size: size } = query
        const user = userWanted(principal, query.user_id, '/v2/team/list')
        const where = await teamsWhere(ports, user, query.organization_id, query.team_id)
        const { records, total } =
          where === undefined
            ? { records: [], total: 0 }
            : await ports.store.records({
                kind: 'team',
                where,
                ...(query.team_alias === undefined ? {} : { contains: { alias: query.team_alias } }),
                sort: sortOf(query.sort_by, query.sort_order, sortColumns),
                offset: (number - 1) * size,
                limit: size,
              })
        const teams = await teamRows(ports, records)
        return { body: { teams, total, page: number, page_size: size, total_pages: pagesOf(total, size) } }
      },
    }),
  ]
}

/** Whose teams; `undefined`: everybody's. @throws GatewayError (401) for those of somebody else */
function userWanted(principal: Principal, asked: string | undefined, route: string): string | undefined {
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return asked
  const user = asked ?? principal.userId
  if (user === '' || user !== principal.userId) throw adminOnly(route, principal)
  return user
}

/** @returns `undefined` when no team can be meant */
async function teamsWhere(
  ports: RecordPorts,
  user: string | undefined,
  organization: string | undefined,
  team?: string,
): Promise<{ organization_id?: string; id?: string | readonly string[] } | undefined> {
  const inOrganization = organization === undefined ? {} : { organization_id: organization }
  if (user === undefined) return { ...inOrganization, ...(team === undefined ? {} : { id: team }) }
  const { records } = await ports.store.records({ kind: 'team-member', where: { user_id: user } })
  const own = records.flatMap((membership) => textOf(membership.body.team_id) ?? [])
  const ids = team === undefined ? own : own.filter((id) => id === team)
  return ids.length === 0 ? undefined : { ...inOrganization, id: ids }
}

async function wholeTeam(ports: RecordPorts, team: StoredRecord) {
  const { records: memberships } = await ports.store.records({ kind: 'team-member', where: { team_id: team.id } })
  const { records: keys } = await ports.store.records({ kind: 'key', where: { team_id: team.id } })
  const shared = textOf(objectOf(team.body.metadata).team_member_budget_id)
  const budget = shared === undefined ? undefined : await ports.store.record('budget', shared)
  return {
    team_id: team.id,
    team_info: {
      ...(await teamRow(ports, team)),
      team_member_budget_table: budget === undefined ? null : budgetRow(budget),
    },
    keys: (await keyRows(ports, ports.store, keys)).map(({ row }) => row),
    team_memberships: await membershipRows(ports, ports.store, memberships),
  }
}

async function withKeysAndMembers(ports: RecordPorts, teams: readonly StoredRecord[]): Promise<readonly JsonObject[]> {
  if (teams.length === 0) return []
  const ids = teams.map((team) => team.id)
  const { records: memberships } = await ports.store.records({ kind: 'team-member', where: { team_id: ids } })
  const { records: keys } = await ports.store.records({ kind: 'key', where: { team_id: ids } })
  const rows = await keyRows(ports, ports.store, keys)
  const members = await membershipRows(ports, ports.store, memberships)
  return (await teamRows(ports, teams)).map((team) => ({
    ...team,
    team_memberships: members.filter((member) => member.team_id === team.team_id),
    keys: rows.filter(({ row }) => row.team_id === team.team_id).map(({ row }) => row),
  }))
}
