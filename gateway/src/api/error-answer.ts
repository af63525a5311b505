import { withCallId } from '../calls/error-body.ts'
import { errorHead } from '../calls/response-head.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Dialect } from '../dialects/dialect.ts'

export interface ErrorAnswer {
  readonly status: number
  /** Name, value, name, value … */
  readonly fields: string[]
  readonly body: string
}

/** An error at the wall, in the caller's dialect. */
export function errorAnswer(
  error: GatewayError,
  dialect: Dialect,
  callId: string,
  snapshot: Snapshot | undefined,
): ErrorAnswer {
  const told =
    error.detail === undefined
      ? withCallId(dialect.encodeError(error), callId, snapshot?.settings)
      : { detail: error.detail }
  return {
    status: error.status,
    fields: errorHead(callId, snapshot?.revision, error),
    body: JSON.stringify(error.problems === undefined ? told : { ...told, problems: error.problems }),
  }
}
