import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { RouteSettings } from '../core/settings.ts'
import type { Route } from './route.ts'
import { routeAllowed } from './route-groups.ts'

/**
 * Whether the operator serves the route at all (`general_settings.allowed_routes`), asked before a key is looked at.
 * @param path as sent
 * @throws GatewayError `permission_denied` (403), in LiteLLM's words
 */
export function checkServed(route: Route, path: string, settings: RouteSettings | undefined): void {
  const served = settings?.served
  if (served === undefined || (served.length > 0 && routeAllowed(served, route, path))) return
  throw new GatewayError('permission_denied', `Access forbidden: Route ${path} not allowed`, { param: 'None' })
}

/**
 * Leaves what the operator keeps for proxy admins (`general_settings.admin_only_routes`) to them.
 * @throws GatewayError `permission_denied` (403), in LiteLLM's words
 */
export function checkKept(
  route: Route,
  path: string,
  principal: Principal | undefined,
  settings: RouteSettings | undefined,
): void {
  const kept = settings?.ofAdmins
  if (kept === undefined || kept.length === 0 || principal === undefined || principal.role === 'proxy_admin') return
  if (!routeAllowed(kept, route, path)) return
  const message = `user not allowed to access this route. Route=${path} is an admin only route`
  throw new GatewayError('permission_denied', message, { param: 'None' })
}
