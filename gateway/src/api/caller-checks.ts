import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { Route } from './route.ts'
import { routeAllowed } from './route-groups.ts'

/**
 * Why this caller may not call this route now, in LiteLLM's words (contract 3.5, 3.7); `undefined`: it may.
 * @param path as sent
 * @param now Unix ms
 */
export function refusalOf(principal: Principal, route: Route, path: string, now: number): GatewayError | undefined {
  return standingRefusal(principal, now) ?? routeRefusal(principal, route, path)
}

function standingRefusal({ key, user, team, organization }: Principal, now: number): GatewayError | undefined {
  if (key === undefined) return undefined
  if (key.blocked) return refused('key_blocked', "Key is blocked. Update via `/key/unblock` if you're admin.")
  if (key.expiresAt !== undefined && key.expiresAt <= now) {
    return new GatewayError(
      'key_expired',
      `Authentication Error - Expired Key. Key Expiry time ${pythonTime(key.expiresAt)} and current time ${pythonTime(now)}`,
      { param: key.shownAs },
    )
  }
  if (key.teamId !== undefined && team === undefined) {
    // A key of a team may do what the team allows; of a team that is gone nobody knows what that is.
    return refused(
      'team_blocked',
      `Team=${key.teamId} of this key does not exist. Update via \`/key/update\` if you're admin.`,
    )
  }
  if (team?.blocked === true) {
    return refused('team_blocked', `Team=${team.id} is blocked. Update via \`/team/unblock\` if your admin.`)
  }
  if (user?.blocked === true) {
    return refused('user_blocked', `User=${user.id} is blocked. Update via \`/user/update\` if you're admin.`)
  }
  const organizationId = key.organizationId ?? team?.organizationId
  if (organizationId !== undefined && organization === undefined) {
    return refused('organization_blocked', `Organization=${organizationId} of this key does not exist.`)
  }
  if (organization?.blocked === true) {
    return refused('organization_blocked', `Organization=${organization.id} is blocked.`)
  }
  return undefined
}

function refused(code: 'key_blocked' | 'team_blocked' | 'user_blocked' | 'organization_blocked', text: string) {
  return new GatewayError(code, `Authentication Error, ${text}`, { param: 'None' })
}

function routeRefusal(principal: Principal, route: Route, path: string): GatewayError | undefined {
  const allowed = principal.key?.allowedRoutes
  if (allowed !== undefined && !routeAllowed(allowed, route, path)) {
    return new GatewayError(
      'route_denied',
      `Virtual key is not allowed to call this route. Only allowed to call routes: ${pythonList(allowed)}. Tried to call route: ${path}`,
    )
  }
  if (route.access === 'public' || route.access === 'caller' || route.access.includes(principal.role)) return undefined
  if (route.denied !== undefined) return route.denied(principal.role)
  return new GatewayError(
    'admin_only',
    `Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=${path}. Your role=${principal.role}. Your user_id=${maskedId(principal.userId)}`,
    { param: 'None' },
  )
}

function maskedId(id: string): string {
  return id.length <= 8 ? '****' : `${id.slice(0, 4)}****${id.slice(-4)}`
}

/** `2026-11-21 14:45:21.123000+00:00` */
function pythonTime(at: number): string {
  // Years beyond what a date can hold come from rows that somebody wrote by hand.
  const iso = new Date(Math.max(-latest, Math.min(at, latest))).toISOString()
  return iso
    .replace('T', ' ')
    .replace(/\.000Z$/, '+00:00')
    .replace(/Z$/, '000+00:00')
}

/** ECMA-262, 21.4.1.1 */
const latest = 8.64e15

/** As Python prints a list of texts. */
export function pythonList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name.replace(/['\\]/g, '\\$&')}'`).join(', ')}]`
}
