import type { Principal } from '../../../core/principal.ts'
import type { StoredRecord } from '../../../core/record.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { objectOf, textOf } from '../body-changes.ts'
import {
  type Action,
  keyStandings,
  may,
  memberPermissions,
  permit,
  type Reader,
  rosterOf,
  teamStandings,
} from '../permissions.ts'
import { callerOf } from '../record-ports.ts'
import { refusal } from '../refusals.ts'
import { keyLimits, routesOfType } from './fields.ts'

/** Fields that decide what others gave: only proxy admins set them (OWASP API3, mass assignment). */
const adminFields = [
  'spend',
  'permissions',
  'organization_id',
  'budget_id',
  'access_group_ids',
  'allowed_passthrough_routes',
  'config',
]

/** @throws GatewayError as the matrix of contract 3.9 says */
export async function permitKey(
  reader: Reader,
  principal: Principal,
  action: Action,
  key: StoredRecord,
  route: string,
): Promise<void> {
  const { standings, team } = await keyStandings(reader, principal, key)
  permit(action, standings, { route, ...teamFacts(team), caller: callerOf(principal) })
}

export async function mayTouchKey(
  reader: Reader,
  principal: Principal,
  action: Action,
  key: StoredRecord,
): Promise<boolean> {
  const { standings, team } = await keyStandings(reader, principal, key)
  return may(action, standings, memberPermissions(team))
}

/**
 * @param body with the operator's defaults
 * @throws GatewayError 400, 401 or 403
 */
export async function permitNewKey(
  reader: Reader,
  principal: Principal,
  body: JsonObject,
  sent: JsonObject,
  team: StoredRecord | undefined,
  route: string,
): Promise<void> {
  if (principal.role === 'proxy_admin') return
  const user = textOf(body.user_id)
  if (team === undefined) {
    if (principal.userId === '' || user !== principal.userId) {
      throw forbidden('User can only create keys for themselves.', 'user_id')
    }
  } else {
    const action = route.includes('service-account') ? 'key.generate-service-account' : 'key.generate-for-team'
    const standings = await teamStandings(reader, principal, team)
    permit(action, standings, { route, ...teamFacts(team), caller: callerOf(principal) })
    if (user !== undefined && user !== principal.userId) {
      const inTeam = rosterOf(team.body).some((member) => member.user_id === user)
      if (!standings.has('team_admin') || !inTeam) {
        throw forbidden('User can only create keys for themselves.', 'user_id')
      }
      await refuseHigherRole(reader, principal, user)
    }
  }
  refuseAdminFields(sent)
}

/**
 * Who may make this change to a key (contract 3.9): proxy admins any; the owner what is no limit that somebody else set; team
 * admins everything of keys that belong to no user, and the limits of members' keys where the operator says so.
 * @param request what was sent
 * @throws GatewayError 401 or 403
 */
export async function permitUpdate(
  reader: Reader,
  principal: Principal,
  key: StoredRecord,
  request: JsonObject,
  teamAdminFields: readonly string[],
  route: string,
): Promise<void> {
  if (principal.role === 'proxy_admin') return
  const { standings, team } = await keyStandings(reader, principal, key)
  const facts = { route, ...teamFacts(team), caller: callerOf(principal) }
  if (textOf(key.body.user_id) === undefined && team !== undefined) {
    permit('key.update-service-account', standings, facts)
    refuseAdminFields(request)
    refuseWithin(key, request, alwaysKept)
    refuseMoves(key, request)
    return
  }
  const names = Object.keys(request).filter((name) => name !== 'key')
  const limitsOnly = names.every(
    (name) => (keyLimits as readonly string[]).includes(name) && !adminFields.includes(name),
  )
  if (!standings.has('owner') && limitsOnly && teamAdminFields.includes('member_key_budgets')) {
    permit('key.update-member-budget', standings, facts)
    return
  }
  permit('key.update', standings, facts)
  refuseAdminFields(request)
  refuseMoves(key, request)
  const setByOwner = (textOf(key.body.created_by) ?? key.createdBy) === principal.userId
  const lifted = names.find((name) => (keyLimits as readonly string[]).includes(name) || name === 'blocked')
  if (!setByOwner && lifted !== undefined) throw forbidden(`${lifted} was set by somebody else; ask an admin.`, lifted)
  refuseWithin(key, request, setByOwner ? alwaysKept : [...alwaysKept, ...limitsInside])
}

/**
 * A change to many keys of a team at once: its admins set what they could set on a key of the team's own, and no more.
 * @throws GatewayError 401 or 403
 */
export async function permitTeamUpdate(
  reader: Reader,
  principal: Principal,
  key: StoredRecord,
  request: JsonObject,
  teamId: string,
  route: string,
): Promise<void> {
  if (principal.role === 'proxy_admin') return
  const { standings, team } = await keyStandings(reader, principal, key)
  permit('key.bulk-update-team', standings, { route, ...teamFacts(team), caller: callerOf(principal) })
  if (team?.id !== teamId) throw forbidden('The key has left the team.', 'team_id')
  refuseAdminFields(request)
  refuseMoves(key, request)
  refuseWithin(key, request, alwaysKept)
  if (request.allowed_routes !== undefined && routesTold(principal, textOf(key.body.user_id)) !== undefined) {
    throw forbidden("Only its user can change allowed_routes of a member's key.", 'allowed_routes')
  }
}

/** Roles whose keys only their owner and proxy admins may hold. */
const highRoles: readonly unknown[] = ['proxy_admin', 'proxy_admin_viewer', 'org_admin']

/**
 * A key acts with the role of its user, so whoever is told the plaintext of somebody's key gets that role: nobody takes a higher
 * one by making or regenerating a key for a member of his team.
 * @throws GatewayError (403)
 */
export async function refuseHigherRole(reader: Reader, principal: Principal, user: string | undefined): Promise<void> {
  if (principal.role === 'proxy_admin' || user === undefined || user === principal.userId) return
  const record = await reader.record('user', user)
  if (highRoles.includes(record?.body.user_role)) {
    throw forbidden('Only proxy admins can be told keys of users with an admin role.', 'user_id')
  }
}

/**
 * A key also acts in the management API as its user, with his keys and his other teams. One that somebody else than he or a proxy admin
 * is told the plaintext of is for calls alone.
 * @returns its `allowed_routes`; `undefined`: they stay
 */
export function routesTold(principal: Principal, user: string | undefined): readonly string[] | undefined {
  if (principal.role === 'proxy_admin' || user === undefined || user === principal.userId) return undefined
  return routesOfType.llm_api
}

/** What `metadata` holds to guard the calls of a key: an operator's default, too, is not the owner's to take away. */
const alwaysKept = ['guardrails', 'policies', 'enforced_params']
const limitsInside = ['model_rpm_limit', 'model_tpm_limit', 'temp_budget_increase', 'temp_budget_expiry', 'tags']

/** A `metadata` that is replaced replaces these too, so they have to be the same in it. @throws GatewayError (403) */
function refuseWithin(key: StoredRecord, request: JsonObject, names: readonly string[]): void {
  const before = objectOf(key.body.metadata)
  const replaced = request.metadata === undefined ? before : objectOf(request.metadata)
  const changed = names.find((name) => {
    const after = request[name] === undefined ? replaced[name] : request[name]
    return JSON.stringify(after ?? null) !== JSON.stringify(before[name] ?? null)
  })
  if (changed !== undefined) throw forbidden(`Only proxy admins can change ${changed} of this key.`, changed)
}

function refuseAdminFields(body: JsonObject): void {
  const name = adminFields.find((field) => isSaid(body[field]))
  if (name !== undefined) throw forbidden(`Only proxy admins can set ${name} on a key.`, name)
}

/** A key stays with its user and team unless a proxy admin moves it. */
function refuseMoves(key: StoredRecord, request: JsonObject): void {
  for (const name of ['user_id', 'team_id']) {
    const value = request[name]
    if (value !== undefined && (value ?? null) !== (key.body[name] ?? null)) {
      throw forbidden(`Only proxy admins can change the ${name} of a key.`, name)
    }
  }
}

/** Zero, nothing and empty are what a key has anyway. */
function isSaid(value: JsonObject[string]): boolean {
  if (value === undefined || value === null || value === 0 || value === '') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

function teamFacts(team: StoredRecord | undefined) {
  return { granted: memberPermissions(team), ...(team === undefined ? {} : { teamId: team.id }) }
}

function forbidden(message: string, param: string) {
  return refusal(403, message, 'auth_error', param)
}
