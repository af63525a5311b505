import type { Actor, ChangeOptions } from '../core/change.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { Exchange } from './route.ts'

const defaultWaitMs = 5_000
const longestWaitMs = 60_000

/**
 * `If-Match: "12"`, `?dry_run=true`, `?wait=all&timeout=5s`: the same on every route that changes something.
 * @throws GatewayError `invalid_request` naming the header or parameter
 */
export function readChangeOptions(exchange: Exchange, principal: Principal): ChangeOptions {
  const { head } = exchange
  const query = head.query === '' ? undefined : new URLSearchParams(head.query)
  const ifMatch = readIfMatch(exchange.request.headers['if-match'])
  const dryRun = query?.get('dry_run')?.toLowerCase() === 'true'
  const waits = query?.get('wait') === 'all'
  return {
    actor: actorOf(principal, `${head.method} ${withoutKeys(head.path)}`),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(dryRun ? { dryRun } : {}),
    ...(waits ? { waitMs: readTimeout(query?.get('timeout')) } : {}),
  }
}

export function actorOf(principal: Principal, via: string): Actor {
  return { id: principal.userId || (principal.key?.id ?? ''), role: principal.role, via }
}

/** `/key/{key}/regenerate` takes a key in its path, and what made a change is kept and shown. */
function withoutKeys(path: string): string {
  const shown = path.split('/').map((segment) => (/^(sk|%73k|s%6b|%73%6b)(-|%2d)/i.test(segment) ? 'sk-...' : segment))
  return shown.join('/')
}

function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined
  const text = header.trim().replace(/^"(.*)"$/, '$1')
  const revision = Number(text)
  if (text !== '' && Number.isSafeInteger(revision) && revision >= 0) return revision
  throw new GatewayError('invalid_request', 'If-Match is not a revision; send the number of `x-midflight-revision`.', {
    param: 'If-Match',
  })
}

function readTimeout(text: string | null | undefined): number {
  if (text === null || text === undefined) return defaultWaitMs
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text)
  const ms = match === null ? Number.NaN : Number(match[1]) * (match[2] === 'ms' ? 1 : 1000)
  if (ms <= longestWaitMs) return ms
  throw new GatewayError('invalid_request', 'timeout is not a time of at most 60 s, such as `5s` or `500ms`.', {
    param: 'timeout',
  })
}
