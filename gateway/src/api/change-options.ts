import type { Actor, ChangeOptions } from '../core/change.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { headerOf } from '../lib/http1/head-fields.ts'
import type { Exchange } from './route.ts'

/** Without a word: replicas that are well apply a change within milliseconds, and one that is not holds nobody up for long. */
const usualWaitMs = 250
/** Of `?wait=all`. */
const defaultWaitMs = 5_000
const longestWaitMs = 60_000

/**
 * `If-Match: "12"`, `?dry_run=true`, `?wait=all&timeout=5s`, `?wait=none`: the same on every route that changes something.
 * @throws GatewayError `invalid_request` naming the header or parameter
 */
export function readChangeOptions(exchange: Exchange, principal: Principal): ChangeOptions {
  const { head } = exchange
  const query = head.query === '' ? undefined : new URLSearchParams(head.query)
  const ifMatch = readIfMatch(headerOf(exchange.http.request.fields, 'if-match'))
  const dryRun = readFlag('dry_run', query?.get('dry_run'))
  const waitMs = readWait(query?.get('wait'), query?.get('timeout'))
  return {
    actor: actorOf(principal, `${head.method} ${withoutKeys(head.path)}`),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(dryRun ? { dryRun } : {}),
    ...(waitMs === undefined ? {} : { waitMs }),
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

const flags: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'yes', 'on', 't', 'y'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off', 'f', 'n'].map((word) => [word, false] as const),
])

/**
 * Any word that LiteLLM's clients may send for a boolean. Another one is refused: who misspells `true` must not make the change.
 * @throws GatewayError `invalid_request`
 */
export function readFlag(name: string, text: string | null | undefined): boolean {
  if (text === null || text === undefined) return false
  const flag = flags.get(text.toLowerCase())
  if (flag !== undefined) return flag
  throw new GatewayError('invalid_request', `${name} is neither \`true\` nor \`false\`.`, { param: name })
}

/** @returns how long to wait for the other replicas, ms */
function readWait(text: string | null | undefined, timeout: string | null | undefined): number | undefined {
  if (text === null || text === undefined) return usualWaitMs
  if (text === 'all') return readTimeout(timeout)
  if (text === 'none') return undefined
  throw new GatewayError(
    'invalid_request',
    'wait can be `all` or `none`; without it replicas that are well are waited for, a quarter of a second at most.',
    { param: 'wait' },
  )
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
