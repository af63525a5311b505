import type { JsonValue } from '../lib/json.ts'
import type { Problem } from './problem.ts'

/**
 * The one table of every error that ends a call or an admin request. `type` is LiteLLM's wire type (contract 3.7, 4.5).
 * `retryable`: another attempt, on the same or another deployment, may succeed.
 */
export const errorTable = {
  // the caller's request
  invalid_request: { status: 400, type: 'invalid_request_error', retryable: false },
  missing_parameter: { status: 400, type: 'invalid_request_error', retryable: false },
  unsupported_parameter: { status: 400, type: 'invalid_request_error', retryable: false },
  model_not_found: { status: 400, type: 'invalid_request_error', retryable: false },
  body_too_large: { status: 413, type: 'invalid_request_error', retryable: false },
  body_timeout: { status: 408, type: 'invalid_request_error', retryable: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', retryable: false },
  expectation_failed: { status: 417, type: 'invalid_request_error', retryable: false },
  headers_too_many: { status: 431, type: 'invalid_request_error', retryable: false },
  route_not_found: { status: 404, type: 'not_found_error', retryable: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', retryable: false },

  /** The caller hung up; nobody reads this answer (nginx's 499, for the log and the metrics). */
  client_closed: { status: 499, type: 'invalid_request_error', retryable: false },

  // who is calling
  key_missing: { status: 401, type: 'auth_error', retryable: false },
  key_malformed: { status: 401, type: 'auth_error', retryable: false },
  key_unknown: { status: 401, type: 'token_not_found_in_db', retryable: false },
  key_blocked: { status: 401, type: 'auth_error', retryable: false },
  key_expired: { status: 401, type: 'expired_key', retryable: false },
  team_blocked: { status: 401, type: 'auth_error', retryable: false },
  user_blocked: { status: 401, type: 'auth_error', retryable: false },
  organization_blocked: { status: 401, type: 'auth_error', retryable: false },
  admin_only: { status: 401, type: 'auth_error', retryable: false },
  route_denied: { status: 403, type: 'permission_error', retryable: false },
  permission_denied: { status: 403, type: 'auth_error', retryable: false },
  model_blocked: { status: 403, type: 'permission_error', retryable: false },
  key_model_denied: { status: 403, type: 'key_model_access_denied', retryable: false },
  team_model_denied: { status: 403, type: 'team_model_access_denied', retryable: false },
  user_model_denied: { status: 403, type: 'user_model_access_denied', retryable: false },
  organization_model_denied: { status: 403, type: 'org_model_access_denied', retryable: false },
  customer_model_denied: { status: 403, type: 'end_user_model_access_denied', retryable: false },
  customer_blocked: { status: 400, type: 'invalid_request_error', retryable: false },

  // what a caller may use
  budget_exceeded: { status: 422, type: 'budget_exceeded', retryable: false },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', retryable: false },

  // management
  record_not_found: { status: 404, type: 'not_found_error', retryable: false },
  record_exists: { status: 409, type: 'internal_server_error', retryable: false },
  alias_exists: { status: 400, type: 'bad_request_error', retryable: false },
  bad_request: { status: 400, type: 'bad_request_error', retryable: false },
  config_owned: { status: 400, type: 'validation_error', retryable: false },
  price_map_refused: { status: 502, type: 'internal_server_error', retryable: true },
  store_disabled: { status: 500, type: 'auth_error', retryable: false },
  revision_conflict: { status: 412, type: 'invalid_request_error', retryable: false },
  idempotency_mismatch: { status: 422, type: 'invalid_request_error', retryable: false },
  idempotency_in_progress: { status: 409, type: 'invalid_request_error', retryable: true },
  change_conflict: { status: 409, type: 'invalid_request_error', retryable: true },

  // the provider refused or failed (LiteLLM's exception classes)
  upstream_bad_request: { status: 400, type: 'invalid_request_error', retryable: false },
  context_window_exceeded: { status: 400, type: 'invalid_request_error', retryable: false },
  content_policy_violation: { status: 400, type: 'invalid_request_error', retryable: false },
  upstream_authentication: { status: 401, type: 'authentication_error', retryable: true },
  upstream_payment_required: { status: 402, type: 'invalid_request_error', retryable: true },
  upstream_permission: { status: 403, type: 'permission_error', retryable: true },
  upstream_not_found: { status: 404, type: 'not_found_error', retryable: true },
  upstream_timeout: { status: 408, type: 'timeout_error', retryable: true },
  upstream_unprocessable: { status: 422, type: 'invalid_request_error', retryable: false },
  upstream_rate_limited: { status: 429, type: 'rate_limit_error', retryable: true },
  upstream_error: { status: 500, type: 'internal_server_error', retryable: true },
  upstream_unreachable: { status: 500, type: 'internal_server_error', retryable: true },
  upstream_malformed: { status: 502, type: 'internal_server_error', retryable: true },
  upstream_cut: { status: 502, type: 'internal_server_error', retryable: true },
  upstream_bad_gateway: { status: 502, type: 'internal_server_error', retryable: true },
  upstream_unavailable: { status: 503, type: 'internal_server_error', retryable: true },

  // this gateway
  no_deployment_available: { status: 429, type: 'rate_limit_error', retryable: false },
  config_refused: { status: 400, type: 'invalid_request_error', retryable: false },
  /** The disk takes no more rows of the ledger, and memory holds as many as it may (issue #4). */
  ledger_full: { status: 503, type: 'internal_server_error', retryable: false },
  store_unavailable: { status: 503, type: 'internal_server_error', retryable: true },
  not_ready: { status: 503, type: 'internal_server_error', retryable: false },
  shutting_down: { status: 503, type: 'internal_server_error', retryable: false },
  internal: { status: 500, type: 'internal_server_error', retryable: false },
} as const satisfies Record<string, { status: number; type: string; retryable: boolean }>

export type ErrorCode = keyof typeof errorTable

export interface ErrorDetails {
  /** The caller's parameter that is at fault, if one is. */
  readonly param?: string
  readonly cause?: unknown
  /** How long the caller, or the router, should wait before the next try. */
  readonly retryAfterMs?: number
  /** The status the provider answered, where it differs from the table's. */
  readonly upstreamStatus?: number
  /** Sent as FastAPI's `{"detail": …}` in place of the dialect's error body: some management routes do (contract 0). */
  readonly detail?: JsonValue
  /** Response headers of this case alone: name, value, name, value … */
  readonly headers?: readonly string[]
  /** LiteLLM's type or status where a route has its own for this case; the table's otherwise. */
  readonly wire?: { readonly type?: string; readonly status?: number }
  /** All that is wrong with what was to be changed; shown beside the error. */
  readonly problems?: readonly Problem[]
}

/** Ends a call. Caught per attempt, per call and per reconcile turn only; turned into the caller's dialect at the wall. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly param: string | undefined
  readonly retryAfterMs: number | undefined
  readonly upstreamStatus: number | undefined
  readonly detail: JsonValue | undefined
  readonly headers: readonly string[]
  readonly problems: readonly Problem[] | undefined
  readonly #wire: ErrorDetails['wire']

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.param = details.param
    this.retryAfterMs = details.retryAfterMs
    this.upstreamStatus = details.upstreamStatus
    this.detail = details.detail
    this.headers = details.headers ?? none
    this.problems = details.problems
    this.#wire = details.wire
  }

  get status(): number {
    return this.#wire?.status ?? errorTable[this.code].status
  }

  get type(): string {
    return this.#wire?.type ?? errorTable[this.code].type
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }
}

const none: readonly string[] = []

/** The error itself, or `internal` with the unexpected error as its cause. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('internal', 'Internal error. The gateway logged it under this call id.', { cause: error })
}
