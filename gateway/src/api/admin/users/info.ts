import { z } from 'zod'
import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import { roles } from '../../../core/role.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { pick, textOf } from '../body-changes.ts'
import { teamsAdministeredBy } from '../keys/list.ts'
import { keyRows } from '../keys/row.ts'
import { pagesOf, sortOf } from '../paging.ts'
import type { RecordPorts } from '../record-ports.ts'
import { refusal } from '../refusals.ts'
import { teamRows } from '../teams/row.ts'
import { page, pageSize, queryNames } from '../wire-fields.ts'
import { unknownUser } from './find.ts'
import { userRows } from './row.ts'

const tag = 'user management'
const readers = ['proxy_admin', 'proxy_admin_viewer'] as const
const infoQuery = z.object({ user_id: z.string().optional() })

/** What a proxy admin sees at once without naming a user; the lists have pages. */
const mostShown = 1_000

const sortColumns = {
  user_id: 'id',
  user_email: 'email',
  user_alias: 'alias',
  created_at: 'created_at',
  updated_at: 'updated_at',
} as const

const briefFields = [
  'user_id',
  'user_email',
  'user_alias',
  'user_role',
  'spend',
  'max_budget',
  'models',
  'budget_duration',
  'budget_reset_at',
  'metadata',
  'created_at',
  'updated_at',
  'sso_user_id',
  'teams',
]

/** The roles that a user may be given, with what dashboards call them. */
const availableRoles = {
  proxy_admin: { description: 'admin over litellm proxy, has all permissions', ui_label: 'Admin (All Permissions)' },
  proxy_admin_viewer: { description: 'view all keys, view all spend', ui_label: 'Admin (View Only)' },
  internal_user: { description: 'view/create/delete their own keys, view their own spend', ui_label: 'Internal User' },
  internal_user_viewer: { description: 'view their own keys, view their own spend', ui_label: 'Internal Viewer' },
}

export function userInfoRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/user/info',
      summary: 'Shows a user with keys and teams; the caller unless one is named',
      tag,
      roles,
      query: infoQuery,
      async handle({ query, principal }) {
        const everybody = seesEverybody(principal)
        if (query.user_id === undefined && everybody) return { body: await everything(ports, principal) }
        const id = query.user_id ?? principal.userId
        if (!everybody && id !== principal.userId) {
          throw refusal(403, `Not allowed to view another user's info. user_id=${id}`, 'auth_error', 'user_id')
        }
        const user = id === '' ? undefined : await ports.store.record('user', id)
        if (user === undefined) throw unknownUser(id)
        return { body: { user_id: id, ...(await withKeysAndTeams(ports, user)) } }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/v2/user/info',
      summary: 'Shows a user without keys and teams',
      tag,
      roles,
      query: infoQuery,
      async handle({ query, principal }) {
        const id = query.user_id ?? principal.userId
        const user = id === '' ? undefined : await ports.store.record('user', id)
        const [row] = user === undefined ? [] : await userRows(ports, ports.store, [user])
        // Whoever may not see a user cannot find out whether there is one.
        if (row === undefined || !(await maySee(ports, principal, id, row))) throw unknownUser(id)
        return { body: pick(row, briefFields) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/user/list',
      summary: 'Lists users, a page at a time',
      tag,
      roles: readers,
      query: z.object({
        page,
        page_size: pageSize(25, 100),
        role: z.string().optional(),
        user_ids: queryNames,
        user_email: z.string().optional(),
        user_alias: z.string().optional(),
        sso_user_ids: queryNames,
        team: z.string().optional(),
        organization_ids: queryNames,
        sort_by: z.string().optional(),
        sort_order: z.enum(['asc', 'desc']).optional(),
      }),
      async handle({ query }) {
        const { page: number, page_size: size } = query
        const { records, total } = await listed(ports, query, (number - 1) * size, size)
        const rows = await userRows(ports, ports.store, records)
        const counted = await Promise.all(
          rows.map(async (row) => {
            const keys = await ports.store.records({
              kind: 'key',
              where: { user_id: textOf(row.user_id) ?? null },
              limit: 1,
            })
            return { ...row, key_count: keys.total }
          }),
        )
        return { body: { users: counted, total, page: number, page_size: size, total_pages: pagesOf(total, size) } }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/user/available_roles',
      summary: 'Lists the roles a user may have',
      tag,
      roles,
      handle: () => ({ body: availableRoles }),
    }),
  ]
}

function seesEverybody(principal: Principal): boolean {
  return principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
}

async function maySee(ports: RecordPorts, principal: Principal, id: string, row: JsonObject): Promise<boolean> {
  if (seesEverybody(principal) || (principal.userId !== '' && principal.userId === id)) return true
  if (principal.userId === '') return false
  const administered = await teamsAdministeredBy(ports, principal.userId)
  return Array.isArray(row.teams) && row.teams.some((team) => typeof team === 'string' && administered.includes(team))
}

async function withKeysAndTeams(ports: RecordPorts, user: StoredRecord) {
  const [row] = await userRows(ports, ports.store, [user])
  const { records: keys } = await ports.store.records({ kind: 'key', where: { user_id: user.id } })
  const teamIds = Array.isArray(row?.teams) ? row.teams.filter((id) => typeof id === 'string') : []
  const { records: teams } =
    teamIds.length === 0 ? { records: [] } : await ports.store.records({ kind: 'team', where: { id: teamIds } })
  const aliases = await aliasesOfTeams(ports, keys)
  const rows = await keyRows(ports, ports.store, keys)
  return {
    user_info: row ?? null,
    keys: rows.map((key) => ({ ...key.row, team_alias: aliases.get(textOf(key.row.team_id) ?? '') ?? null })),
    teams: await teamRows(ports, teams),
  }
}

async function aliasesOfTeams(
  ports: RecordPorts,
  keys: readonly StoredRecord[],
): Promise<ReadonlyMap<string, string | null>> {
  const ids = [...new Set(keys.flatMap((key) => textOf(key.body.team_id) ?? []))]
  if (ids.length === 0) return new Map()
  const { records } = await ports.store.records({ kind: 'team', where: { id: ids } })
  return new Map(records.map((team) => [team.id, textOf(team.body.team_alias) ?? null]))
}

async function everything(ports: RecordPorts, principal: Principal) {
  const newest = { by: 'created_at', descending: true } as const
  const { records: keys } = await ports.store.records({ kind: 'key', sort: newest, limit: mostShown })
  const { records: teams } = await ports.store.records({ kind: 'team', sort: newest, limit: mostShown })
  const user = await ports.store.record('user', principal.userId)
  const [row] = user === undefined ? [] : await userRows(ports, ports.store, [user])
  const aliases = await aliasesOfTeams(ports, keys)
  const rows = await keyRows(ports, ports.store, keys)
  return {
    user_id: principal.userId,
    user_info: row ?? null,
    keys: rows.map((key) => ({ ...key.row, team_alias: aliases.get(textOf(key.row.team_id) ?? '') ?? null })),
    teams: await teamRows(ports, teams),
  }
}

interface ListQuery {
  readonly role?: string | undefined
  readonly user_ids?: readonly string[] | undefined
  readonly user_email?: string | undefined
  readonly user_alias?: string | undefined
  readonly sso_user_ids?: readonly string[] | undefined
  readonly team?: string | undefined
  readonly organization_ids?: readonly string[] | undefined
  readonly sort_by?: string | undefined
  readonly sort_order?: string | undefined
}

/** A page of users. Roles and single sign-on ids have no index, so with them the rest is looked through. */
async function listed(ports: RecordPorts, query: ListQuery, offset: number, limit: number) {
  const ids = await idsWanted(ports, query)
  const where = ids === undefined ? {} : { where: { id: ids } }
  const contains = {
    ...(query.user_email === undefined ? {} : { email: query.user_email }),
    ...(query.user_alias === undefined ? {} : { alias: query.user_alias }),
  }
  const all = { kind: 'user', ...where, contains, sort: sortOf(query.sort_by, query.sort_order, sortColumns) } as const
  if (ids !== undefined && ids.length === 0) return { records: [], total: 0 }
  if (query.role === undefined && query.sso_user_ids === undefined) {
    return ports.store.records({ ...all, offset, limit })
  }
  const { records } = await ports.store.records(all)
  const found = records.filter(
    ({ body }) =>
      (query.role === undefined || body.user_role === query.role) &&
      (query.sso_user_ids === undefined || query.sso_user_ids.includes(textOf(body.sso_user_id) ?? '')),
  )
  return { records: found.slice(offset, offset + limit), total: found.length }
}

async function idsWanted(ports: RecordPorts, query: ListQuery): Promise<readonly string[] | undefined> {
  const sets: (readonly string[])[] = []
  if (query.user_ids !== undefined) sets.push(query.user_ids)
  if (query.team !== undefined) {
    const { records } = await ports.store.records({ kind: 'team-member', where: { team_id: query.team } })
    sets.push(records.flatMap((membership) => textOf(membership.body.user_id) ?? []))
  }
  if (query.organization_ids !== undefined) {
    const { records } = await ports.store.records({
      kind: 'organization-member',
      where: { organization_id: query.organization_ids },
    })
    sets.push(records.flatMap((membership) => textOf(membership.body.user_id) ?? []))
  }
  const [first, ...others] = sets
  return first === undefined ? undefined : first.filter((id) => others.every((set) => set.includes(id)))
}
