import { GatewayError } from '../../../core/errors.ts'
import type { JsonObject } from '../../../lib/json.ts'

/** Errors of the settings routes: FastAPI's `{"detail":{"error":…}}` (contract 6.2). */
export function bad(message: string): GatewayError {
  return new GatewayError('bad_request', message, { detail: { error: message } })
}

export function missing(message: string, more: JsonObject = {}): GatewayError {
  return new GatewayError('record_not_found', message, { detail: { error: message, ...more } })
}
