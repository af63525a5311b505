import type { Deployment } from '../core/deployment.ts'
import { type ErrorCode, GatewayError } from '../core/errors.ts'
import type { RetryPolicy } from '../core/settings.ts'
import type { UpstreamFailure } from '../core/wire.ts'

/** LiteLLM's exception class of each upstream failure, the first word of its messages (contract 4.5). */
const exceptionClass: Partial<Record<ErrorCode, string>> = {
  upstream_bad_request: 'BadRequestError',
  context_window_exceeded: 'ContextWindowExceededError',
  content_policy_violation: 'ContentPolicyViolationError',
  upstream_authentication: 'AuthenticationError',
  upstream_payment_required: 'PaymentRequiredError',
  upstream_permission: 'PermissionDeniedError',
  upstream_not_found: 'NotFoundError',
  upstream_timeout: 'Timeout',
  upstream_unprocessable: 'UnprocessableEntityError',
  upstream_rate_limited: 'RateLimitError',
  upstream_error: 'InternalServerError',
  upstream_unreachable: 'APIConnectionError',
  upstream_malformed: 'BadGatewayError',
  upstream_cut: 'BadGatewayError',
  upstream_bad_gateway: 'BadGatewayError',
  upstream_unavailable: 'ServiceUnavailableError',
}

/** The error an attempt ends with, in LiteLLM's words. */
export function attemptError(deployment: Deployment, failure: UpstreamFailure, status?: number): GatewayError {
  const name = exceptionClass[failure.code] ?? 'APIError'
  return new GatewayError(
    failure.code,
    `litellm.${name}: ${name}: ${deployment.providerLabel}Exception - ${failure.message}`,
    {
      ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
      ...(status === undefined ? {} : { upstreamStatus: status }),
    },
  )
}

/** The codes by which providers name an error inside a stream, where no status tells (Anthropic's types, OpenAI's codes). */
const streamCodes: Readonly<Record<string, ErrorCode>> = {
  overloaded_error: 'upstream_unavailable',
  server_overloaded: 'upstream_unavailable',
  rate_limit_error: 'upstream_rate_limited',
  rate_limit_exceeded: 'upstream_rate_limited',
  insufficient_quota: 'upstream_rate_limited',
  authentication_error: 'upstream_authentication',
  invalid_api_key: 'upstream_authentication',
  permission_error: 'upstream_permission',
  timeout_error: 'upstream_timeout',
  context_length_exceeded: 'context_window_exceeded',
  content_filter: 'content_policy_violation',
  content_policy_violation: 'content_policy_violation',
}

export function streamFailure(message: string, code: string | undefined): UpstreamFailure {
  return { code: (code === undefined ? undefined : streamCodes[code]) ?? 'upstream_error', message }
}

export interface CallHistory {
  readonly group: string
  readonly fallbacks: readonly string[]
  readonly retries: number
  readonly maxRetries: number
}

/** The same error with what the router did about it, as LiteLLM appends it. */
export function finalError(error: GatewayError, history: CallHistory): GatewayError {
  const fallbacks = history.fallbacks.length === 0 ? 'None' : JSON.stringify(history.fallbacks)
  const retried =
    history.retries === 0
      ? ''
      : ` LiteLLM Retried: ${history.retries} times, LiteLLM Max Retries: ${history.maxRetries}`
  return new GatewayError(
    error.code,
    `${error.message.replace(/\.$/, '')}. Received Model Group=${history.group}\nAvailable Model Group Fallbacks=${fallbacks}${retried}`,
    {
      cause: error,
      ...(error.param === undefined ? {} : { param: error.param }),
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      ...(error.upstreamStatus === undefined ? {} : { upstreamStatus: error.upstreamStatus }),
    },
  )
}

/** The number that LiteLLM's per-class policy gives for a failure; `undefined`: the general number counts. */
export function policyFor(code: ErrorCode, policy: RetryPolicy): number | undefined {
  switch (code) {
    case 'upstream_bad_request':
    case 'upstream_unprocessable':
      return policy.badRequest
    case 'upstream_authentication':
      return policy.authentication
    case 'upstream_timeout':
      return policy.timeout
    case 'upstream_rate_limited':
      return policy.rateLimit
    case 'content_policy_violation':
      return policy.contentPolicy
    case 'upstream_error':
    case 'upstream_bad_gateway':
    case 'upstream_unavailable':
    case 'upstream_cut':
    case 'upstream_malformed':
      return policy.internal
    default:
      return undefined
  }
}
