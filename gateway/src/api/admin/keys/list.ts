import { z } from 'zod'
import type { Principal } from '../../../core/principal.ts'
import type { RecordQuery, StoredRecord } from '../../../core/record.ts'
import { roles } from '../../../core/role.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { textOf } from '../body-changes.ts'
import { pageOf, pagesOf, sortOf } from '../paging.ts'
import { may, memberPermissions, permit, rosterOf, type Standing, teamStandings } from '../permissions.ts'
import { callerOf, type RecordPorts } from '../record-ports.ts'
import { refusal } from '../refusals.ts'
import { page, pageSize, queryFlag } from '../wire-fields.ts'
import { knownTeam } from './find.ts'
import { keyRows } from './row.ts'
import { tokenOfEither } from './token.ts'

const tag = 'key management'

const sortColumns = {
  created_at: 'created_at',
  updated_at: 'updated_at',
  key_alias: 'alias',
  token: 'id',
  user_id: 'user_id',
  team_id: 'team_id',
} as const

const listQuery = z.object({
  page,
  size: pageSize(10, 100),
  user_id: z.string().optional(),
  team_id: z.string().optional(),
  organization_id: z.string().optional(),
  key_hash: z.string().optional(),
  key_alias: z.string().optional(),
  return_full_object: queryFlag,
  include_team_keys: queryFlag,
  include_created_by_keys: queryFlag,
  sort_by: z.string().optional(),
  sort_order: z.enum(['asc', 'desc', 'ASC', 'DESC']).optional(),
  expand: z.union([z.string(), z.array(z.string())]).optional(),
  status: z.enum(['deleted']).optional(),
})

const aliasQuery = z.object({ page, size: pageSize(1_000, 1_000), search: z.string().optional() })

export function listRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/key/list',
      summary: 'Lists keys, a page at a time',
      tag,
      roles,
      query: listQuery,
      async handle({ query, principal }) {
        const sort = sortOf(query.sort_by, query.sort_order, sortColumns)
        const queries = (await queriesFor(ports, principal, query)).map((each) => ({ ...each, sort }))
        const { records, total } = await pageOf(ports.store, queries, query.page, query.size)
        const expands = [query.expand ?? []].flat().includes('user')
        const keys =
          query.return_full_object === true || expands
            ? await fullRows(ports, records, expands)
            : records.map(({ id }) => id)
        return {
          body: { keys, total_count: total, current_page: query.page, total_pages: pagesOf(total, query.size) },
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/key/aliases',
      summary: 'Lists the aliases of keys',
      tag,
      roles,
      query: aliasQuery,
      async handle({ query, principal }) {
        const everybody = principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
        if (!everybody && principal.userId === '') return { body: aliasPage([], 0, query) }
        const { records, total } = await ports.store.records({
          kind: 'key',
          // Part of an alias, so those without one are not there.
          contains: { alias: query.search ?? '' },
          ...(everybody ? {} : { where: { user_id: principal.userId } }),
          sort: { by: 'alias' },
          offset: (query.page - 1) * query.size,
          limit: query.size,
        })
        const aliases = records.flatMap((record) => textOf(record.body.key_alias) ?? [])
        return { body: aliasPage(aliases, total, query) }
      },
    }),
  ]
}

function aliasPage(aliases: readonly string[], total: number, { page, size }: z.output<typeof aliasQuery>) {
  return { aliases, total_count: total, current_page: page, total_pages: pagesOf(total, size), size }
}

type Query = Omit<RecordQuery, 'offset' | 'limit' | 'sort'>

/**
 * What the caller asked for, as far as it may see it: proxy admins everything, others their own keys, a team's keys as members.
 * @throws GatewayError 403, 404
 */
async function queriesFor(
  ports: RecordPorts,
  principal: Principal,
  query: z.output<typeof listQuery>,
): Promise<readonly Query[]> {
  const kind = query.status === 'deleted' ? 'deleted-key' : 'key'
  const where = {
    ...(query.organization_id === undefined ? {} : { organization_id: query.organization_id }),
    ...(query.key_hash === undefined ? {} : { id: tokenOfEither(query.key_hash) }),
    ...(query.key_alias === undefined ? {} : { alias: query.key_alias }),
  }
  const everybody = principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
  const user = query.user_id ?? (everybody ? undefined : principal.userId)
  if (!everybody && user !== principal.userId) {
    throw refusal(403, `You are not authorized to check another user's keys`, 'auth_error', 'user_id')
  }
  const mine = user === undefined || user === '' ? {} : { user_id: user }
  if (query.team_id !== undefined) {
    const whole = everybody || (await seesWholeTeam(ports, principal, query.team_id))
    // A member sees its own of the team's keys.
    const narrowed = whole && query.user_id === undefined ? {} : mine
    if (!whole && principal.userId === '') return ownKeyOnly(principal, kind)
    return [{ kind, where: { ...where, ...narrowed, team_id: query.team_id } }]
  }
  if (!everybody && principal.userId === '') return ownKeyOnly(principal, kind)
  const queries: Query[] = [{ kind, where: { ...where, ...mine } }]
  if (user === undefined || user === '') return queries
  if (query.include_created_by_keys === true) queries.push({ kind, where: { ...where, created_by: user } })
  if (query.include_team_keys === true) {
    const teams = await teamsAdministeredBy(ports, user)
    if (teams.length > 0) queries.push({ kind, where: { ...where, team_id: teams } })
  }
  return queries
}

/** A key that acts for nobody sees itself. */
function ownKeyOnly(principal: Principal, kind: 'key' | 'deleted-key'): readonly Query[] {
  return principal.key === undefined ? [] : [{ kind, where: { id: principal.key.id } }]
}

/** @throws GatewayError 403, 404 for a team that is not the caller's */
async function seesWholeTeam(ports: RecordPorts, principal: Principal, teamId: string): Promise<boolean> {
  const team = await knownTeam(ports.store, teamId)
  const standings: ReadonlySet<Standing> = await teamStandings(ports.store, principal, team)
  permit('key.list-team', standings, { route: '/key/list', teamId, caller: callerOf(principal) })
  return may('key.list-whole-team', standings, memberPermissions(team))
}

export async function teamsAdministeredBy(ports: Pick<RecordPorts, 'store'>, user: string): Promise<readonly string[]> {
  const { records: memberships } = await ports.store.records({ kind: 'team-member', where: { user_id: user } })
  const ids = memberships.flatMap((membership) => textOf(membership.body.team_id) ?? [])
  if (ids.length === 0) return []
  const { records: teams } = await ports.store.records({ kind: 'team', where: { id: ids } })
  return teams
    .filter((team) => rosterOf(team.body).some((member) => member.user_id === user && member.role === 'admin'))
    .map((team) => team.id)
}

async function fullRows(
  ports: RecordPorts,
  records: readonly StoredRecord[],
  withUser: boolean,
): Promise<readonly JsonObject[]> {
  const shown = await keyRows(ports, ports.store, records)
  const rows = shown.map(({ token, row }) => ({ ...row, token }))
  if (!withUser) return rows
  const ids = [...new Set(records.flatMap((record) => textOf(record.body.user_id) ?? []))]
  const { records: users } =
    ids.length === 0 ? { records: [] } : await ports.store.records({ kind: 'user', where: { id: ids } })
  const byId = new Map(users.map((user) => [user.id, user.body]))
  return rows.map((row, index) => {
    const user = byId.get(textOf(records[index]?.body.user_id) ?? '')
    return {
      ...row,
      user:
        user === undefined
          ? null
          : { user_id: user.user_id ?? null, user_email: user.user_email ?? null, user_alias: user.user_alias ?? null },
    }
  })
}
