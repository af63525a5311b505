import { type ErrorCode, GatewayError } from '../../core/errors.ts'
import type { Principal } from '../../core/principal.ts'
import type { Role } from '../../core/role.ts'

/** Errors of management routes, in the three forms in which LiteLLM tells them (contract 0). */

type RefusedStatus = 400 | 401 | 403 | 404 | 409

const codes: Readonly<Record<RefusedStatus, ErrorCode>> = {
  400: 'bad_request',
  401: 'admin_only',
  403: 'permission_denied',
  404: 'record_not_found',
  409: 'record_exists',
}

/** An error body whose type and parameter the contract names. */
export function refusal(status: RefusedStatus, message: string, type: string, param: string): GatewayError {
  return new GatewayError(codes[status], message, { param, wire: { type, status } })
}

/** What LiteLLM raises inside and wraps: type `internal_server_error` whatever the status, the message as Python prints the dictionary. */
export function wrapped(status: RefusedStatus, message: string): GatewayError {
  return refusal(status, `{'error': ${pythonText(message)}}`, 'internal_server_error', 'None')
}

/** FastAPI's `{"detail":{"error":…}}`. */
export function detailed(status: RefusedStatus, message: string): GatewayError {
  return new GatewayError(codes[status], message, { detail: { error: message }, wire: { status } })
}

/** FastAPI's `{"detail":"…"}`. */
export function plainDetail(status: RefusedStatus, message: string): GatewayError {
  return new GatewayError(codes[status], message, { detail: message, wire: { status } })
}

/** A text as Python's `repr` writes it: in double quotes if that saves escaping. */
function pythonText(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`)
  return quote + escaped + quote
}

/** What a role that a route does not name is told (contract 3.7), for routes where the row decides. */
export function adminOnly(route: string, principal: Principal): GatewayError {
  const { userId } = principal
  const masked = userId.length <= 8 ? '****' : `${userId.slice(0, 4)}****${userId.slice(-4)}`
  return new GatewayError(
    'admin_only',
    `Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=${route}. Your role=${principal.role}. Your user_id=${masked}`,
    { param: 'None' },
  )
}

/** What the price map's routes tell a role that they do not name (contract 1.1). */
export function accessDenied(role: Role): GatewayError {
  return plainDetail(403, `Access denied. Admin role required. Current role: ${role}`)
}
