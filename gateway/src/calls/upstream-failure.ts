import type { Buffer } from 'node:buffer'
import type { Deployment } from '../core/deployment.ts'
import { carriesError } from '../core/error-inside.ts'
import type { GatewayError } from '../core/errors.ts'
import { secretsSent, withoutSecrets, withoutValues } from '../core/secret-text.ts'
import type { Endpoint, UpstreamFailure } from '../core/wire.ts'
import type { WireBody } from '../lib/bytes.ts'
import type { UpstreamHeaders } from '../lib/http-client.ts'
import { parseJsonObject } from '../lib/json.ts'
import { attemptError } from './failure.ts'

/** What an exchange that failed becomes, without the secrets that it was sent with. */

/** An error body longer than this is cut: it is for a message only. */
export const maxErrorBytes = 65_536

/** Where an attempt went. */
export interface Upstream {
  readonly deployment: Deployment
  readonly endpoint: Endpoint | undefined
}

/** Of a whole answer that is an error, or that is not what was asked for. */
export function failureOfAnswer(
  upstream: Upstream,
  status: number,
  headers: UpstreamHeaders,
  body: Buffer,
): GatewayError {
  const said = body.subarray(0, maxErrorBytes).toString('utf8')
  // Before it is shortened: of a key that stands at the end nothing may be left.
  const heard = withoutValues(said, secretsOf(upstream))
  return attemptError(upstream.deployment, upstream.deployment.classify(status, headerMap(headers), heard), status)
}

/** What a provider says inside a stream is classified by nobody. */
export function failureInStream(upstream: Upstream, failure: UpstreamFailure): GatewayError {
  const message = withoutSecrets(withoutValues(failure.message, secretsOf(upstream)))
  return attemptError(upstream.deployment, { ...failure, message })
}

/** @param sent whether the provider may have the request */
export function failureOfConnection({ deployment }: Upstream, error: Error, sent: boolean): GatewayError {
  const reason = `${errorCodeOf(error)}${error.message}`
  return sent
    ? attemptError(deployment, { code: 'upstream_cut', message: `connection lost: ${reason}` })
    : attemptError(deployment, { code: 'upstream_unreachable', message: `connection failed: ${reason}` })
}

/** An error that came with a 200 (reliability F90). Few answers hold the word at all, so few are parsed for it. */
export function isErrorInside({ bytes, text }: WireBody): boolean {
  if (!(text ?? bytes).includes('"error"')) return false
  const value = parseJsonObject(text ?? bytes)
  return value !== undefined && carriesError(value)
}

function secretsOf({ deployment, endpoint }: Upstream): readonly string[] {
  return endpoint === undefined ? [] : secretsSent(endpoint, deployment.defaults)
}

function headerMap(headers: UpstreamHeaders): ReadonlyMap<string, string> {
  const map = new Map<string, string>()
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    const value = headers[index + 1] ?? ''
    const before = map.get(name)
    map.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return map
}

function errorCodeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? `${error.code} ` : ''
}
