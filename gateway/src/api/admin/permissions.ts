import type { GatewayError } from '../../core/errors.ts'
import type { Principal } from '../../core/principal.ts'
import { memberId, type StoredRecord } from '../../core/record.ts'
import { type Role, roles } from '../../core/role.ts'
import type { Transaction } from '../../core/store.ts'
import { isObject, type JsonObject } from '../../lib/json.ts'
import { namesOf, textOf } from './body-changes.ts'
import { detailed, refusal } from './refusals.ts'

/**
 * Who may touch which row, as data (contract 3.9). Which roles may call a route at all is declared on the route; what is here
 * depends on the row: a caller has standings to it, and an action names those that suffice.
 */

/**
 * - `owner`: the key's user, or the user itself
 * - `self`: the very key that calls
 * - `team_admin`, `member`: by the team's roster
 * - `team_key`: a key of that team without a user
 * - `org_admin`: by the membership in the organization that the team belongs to
 */
export type Standing = 'proxy_admin' | 'viewer' | 'owner' | 'self' | 'team_admin' | 'org_admin' | 'member' | 'team_key'

type Refuse = (facts: { readonly route: string; readonly teamId: string; readonly caller: string }) => GatewayError

interface Rule {
  readonly allows: readonly Standing[]
  /** An entry of the team's `team_member_permissions` that lets plain members do it too. */
  readonly memberPermission?: string
  readonly refuse: Refuse
  /** Where LiteLLM answers a plain member differently. */
  readonly refuseMember?: Refuse
}

const unauthorized: Refuse = ({ route, caller }) =>
  refusal(
    401,
    `Authentication Error, Only proxy admins, team admins and members with permission may call ${route} for this row. Your user_id=${caller}`,
    'auth_error',
    'None',
  )
const forbidden: Refuse = ({ route, caller }) =>
  refusal(403, `Not allowed: ${route} for this row is not yours to call. Your user_id=${caller}`, 'auth_error', 'None')
const notAssigned: Refuse = ({ teamId, caller }) =>
  refusal(400, `User=${caller} not assigned to team=${teamId}`, 'bad_request_error', 'None')
const notTeamAdmin: Refuse = ({ route, teamId }) =>
  detailed(403, `Call not allowed. User not proxy admin OR team admin. route=${route}, team_id=${teamId}`)

export const permissions = {
  'key.generate-for-team': {
    allows: ['proxy_admin', 'team_admin'],
    memberPermission: '/key/generate',
    refuse: notAssigned,
    refuseMember: unauthorized,
  },
  'key.generate-service-account': {
    allows: ['proxy_admin', 'team_admin'],
    memberPermission: '/key/service-account/generate',
    refuse: notAssigned,
    refuseMember: unauthorized,
  },
  'key.info': {
    allows: ['proxy_admin', 'viewer', 'owner', 'self', 'team_admin'],
    memberPermission: '/key/info',
    refuse: forbidden,
  },
  'key.update': { allows: ['proxy_admin', 'owner'], refuse: forbidden },
  /** Of a key without a user: it belongs to the team. */
  'key.update-service-account': {
    allows: ['proxy_admin', 'team_admin'],
    memberPermission: '/key/update',
    refuse: unauthorized,
  },
  /** Where `team_admin_editable_team_fields` has `member_key_budgets`. */
  'key.update-member-budget': { allows: ['proxy_admin', 'team_admin'], refuse: forbidden },
  'key.delete': {
    allows: ['proxy_admin', 'owner', 'team_admin'],
    memberPermission: '/key/delete',
    refuse: forbidden,
  },
  'key.regenerate': {
    allows: ['proxy_admin', 'owner', 'team_admin'],
    memberPermission: '/key/regenerate',
    refuse: unauthorized,
  },
  'key.reset-spend': { allows: ['proxy_admin', 'team_admin'], refuse: forbidden },
  'key.block': { allows: ['proxy_admin', 'team_admin', 'org_admin'], refuse: forbidden },
  'key.bulk-update-team': { allows: ['proxy_admin', 'team_admin'], refuse: unauthorized },
  /** The team's keys; which of them a member sees is another question: its own, or all with `/key/list`. */
  'key.list-team': { allows: ['proxy_admin', 'viewer', 'team_admin', 'member', 'team_key'], refuse: forbidden },
  'key.list-whole-team': {
    allows: ['proxy_admin', 'viewer', 'team_admin'],
    memberPermission: '/key/list',
    refuse: forbidden,
  },
  'team.info': {
    allows: ['proxy_admin', 'viewer', 'team_admin', 'org_admin', 'member', 'team_key'],
    refuse: ({ teamId }) =>
      refusal(403, `{'error': 'key not allowed to access this team. Team=${teamId}'}`, 'auth_error', 'None'),
  },
  'team.update': { allows: ['proxy_admin', 'org_admin'], refuse: forbidden },
  /** For the fields that `team_admin_editable_team_fields` lists. */
  'team.update-some-fields': { allows: ['proxy_admin', 'org_admin', 'team_admin'], refuse: forbidden },
  'team.members': { allows: ['proxy_admin', 'team_admin', 'org_admin'], refuse: notTeamAdmin },
  /** Viewers cannot call the route that changes them. */
  'team.permissions': { allows: ['proxy_admin', 'viewer', 'team_admin', 'org_admin'], refuse: notTeamAdmin },
  'team.callbacks': { allows: ['proxy_admin', 'team_admin', 'org_admin'], refuse: notTeamAdmin },
  'team.models': { allows: ['proxy_admin', 'org_admin'], refuse: forbidden },
  'organization.members': { allows: ['proxy_admin', 'org_admin'], refuse: forbidden },
  'organization.info': { allows: ['proxy_admin', 'viewer', 'org_admin', 'member'], refuse: forbidden },
} as const satisfies Readonly<Record<string, Rule>>

export type Action = keyof typeof permissions

/** @param granted the team's `team_member_permissions` */
export function may(action: Action, standings: ReadonlySet<Standing>, granted: readonly string[] = []): boolean {
  const rule: Rule = permissions[action]
  if (rule.allows.some((standing) => standings.has(standing))) return true
  return (
    rule.memberPermission !== undefined &&
    (standings.has('member') || standings.has('team_key')) &&
    granted.includes(rule.memberPermission)
  )
}

/** @throws GatewayError as the contract's matrix says for the action and the caller */
export function permit(
  action: Action,
  standings: ReadonlySet<Standing>,
  facts: {
    readonly route: string
    readonly teamId?: string
    readonly granted?: readonly string[]
    readonly caller: string
  },
): void {
  if (may(action, standings, facts.granted)) return
  const rule: Rule = permissions[action]
  const refuse = standings.has('member') ? (rule.refuseMember ?? rule.refuse) : rule.refuse
  throw refuse({ route: facts.route, teamId: facts.teamId ?? '', caller: facts.caller })
}

/** Roles that may change anything at all; viewers only look. */
export const changers: readonly Role[] = roles.filter((role) => !role.endsWith('_viewer'))

export type Reader = Pick<Transaction, 'record' | 'records'>

/** By role alone. */
export function roleStandings(principal: Principal): Set<Standing> {
  const standings = new Set<Standing>()
  if (principal.role === 'proxy_admin') standings.add('proxy_admin')
  if (principal.role === 'proxy_admin_viewer') standings.add('viewer')
  return standings
}

export async function teamStandings(reader: Reader, principal: Principal, team: StoredRecord): Promise<Set<Standing>> {
  const standings = roleStandings(principal)
  if (principal.key !== undefined && principal.key.userId === undefined && principal.key.teamId === team.id) {
    standings.add('team_key')
  }
  const { userId } = principal
  if (userId === '') return standings
  const email = principal.user?.email?.toLowerCase()
  for (const member of rosterOf(team.body)) {
    const named = textOf(member.user_id)
    // A roster may name somebody by address alone; an id, where there is one, is the only name that counts.
    const same =
      named === undefined ? email !== undefined && textOf(member.user_email)?.toLowerCase() === email : named === userId
    if (same) standings.add(member.role === 'admin' ? 'team_admin' : 'member')
  }
  const organization = textOf(team.body.organization_id)
  if (organization !== undefined && (await isOrganizationAdmin(reader, organization, userId)))
    standings.add('org_admin')
  return standings
}

/** To a key: by itself, its user and its team. */
export async function keyStandings(
  reader: Reader,
  principal: Principal,
  key: StoredRecord,
): Promise<{ readonly standings: Set<Standing>; readonly team: StoredRecord | undefined }> {
  const teamId = textOf(key.body.team_id)
  const team = teamId === undefined ? undefined : await reader.record('team', teamId)
  const standings = team === undefined ? roleStandings(principal) : await teamStandings(reader, principal, team)
  if (principal.key?.id === key.id) standings.add('self')
  if (principal.userId !== '' && textOf(key.body.user_id) === principal.userId) standings.add('owner')
  return { standings, team }
}

export async function organizationStandings(
  reader: Reader,
  principal: Principal,
  organization: string,
): Promise<Set<Standing>> {
  const standings = roleStandings(principal)
  if (principal.userId === '') return standings
  const membership = await reader.record('organization-member', memberId(organization, principal.userId))
  if (membership !== undefined) standings.add(membership.body.user_role === 'org_admin' ? 'org_admin' : 'member')
  return standings
}

async function isOrganizationAdmin(reader: Reader, organization: string, user: string): Promise<boolean> {
  const membership = await reader.record('organization-member', memberId(organization, user))
  return membership?.body.user_role === 'org_admin'
}

/** `members_with_roles`, whatever wrote it. */
export function rosterOf(team: JsonObject): readonly JsonObject[] {
  const { members_with_roles: members } = team
  return Array.isArray(members) ? members.filter(isObject) : []
}

/** What plain members of a team may do with its keys; these two unless the team says otherwise. */
export function memberPermissions(team: StoredRecord | undefined): readonly string[] {
  const { team_member_permissions: granted } = team?.body ?? {}
  return Array.isArray(granted) && granted.length > 0 ? namesOf(granted) : defaultMemberPermissions
}

export const defaultMemberPermissions = ['/key/info', '/key/health']

/** Everything that `team_member_permissions` may hold. */
export const allMemberPermissions = [
  '/key/generate',
  '/key/service-account/generate',
  '/key/update',
  '/key/delete',
  '/key/regenerate',
  '/key/{key_id:path}/regenerate',
  '/key/info',
  '/key/health',
  '/key/list',
  '/key/block',
  '/key/unblock',
  '/key/bulk_update',
]
