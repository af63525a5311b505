import { GatewayError } from '../core/errors.ts'
import type { Settings } from '../core/settings.ts'
import type { RequestStart } from '../lib/http-server/request-reader.ts'
import { ownText } from '../lib/own-text.ts'

/** What the gateway reads of a request line and its headers, read once. The router and the authentication see this same path. */
export interface RequestHead {
  readonly method: string
  /** As sent, without the query; starts with `/`. */
  readonly path: string
  readonly query: string
  readonly keys: KeyHeaders
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly callId: string | undefined
  /** End user of the application that calls (contract 3.8). */
  readonly endUser: string | undefined
  /** `x-litellm-tags` */
  readonly tags: string | undefined
  readonly timeout: string | undefined
  readonly streamTimeout: string | undefined
  readonly retries: string | undefined
}

/** Where callers put their key, by header (contract 3.1). */
export interface KeyHeaders {
  authorization: string | undefined
  readonly other: Map<string, string> | undefined
}

/** More headers than this are refused, none is dropped without a word (reliability 5.5.3). */
const maxHeaders = 100

/** Headers of which a second one makes a request ambiguous: two parties may read two different requests. */
const once: ReadonlySet<string> = new Set([
  'authorization',
  'content-type',
  'x-api-key',
  'api-key',
  'x-litellm-api-key',
  'x-goog-api-key',
  'ocp-apim-subscription-key',
  'idempotency-key',
  'if-match',
])

/** Headers that the operator named. */
export type HeaderSettings = Pick<Settings, 'keyHeader' | 'endUserHeaders'>

/**
 * @throws GatewayError `headers_too_many`, or `invalid_request` for what two parties could read differently: absolute-form targets,
 * odd `Host` values and repeated credentials (reliability F106–F109)
 */
export function readHead(request: RequestStart, settings: HeaderSettings | undefined): RequestHead {
  const { fields, target } = request
  if (fields.length > maxHeaders * 2) {
    throw new GatewayError('headers_too_many', `The request has more than ${maxHeaders} headers.`)
  }
  if (target.charCodeAt(0) !== slash) {
    throw new GatewayError('invalid_request', 'The request target must be a path, e.g. `POST /v1/chat/completions`.')
  }
  const queryAt = target.indexOf('?')
  const head = {
    method: request.method,
    path: queryAt === -1 ? target : target.slice(0, queryAt),
    query: queryAt === -1 ? '' : target.slice(queryAt + 1),
    keys: { authorization: undefined, other: undefined } as {
      authorization: string | undefined
      other: Map<string, string> | undefined
    },
    contentType: undefined as string | undefined,
    contentEncoding: undefined as string | undefined,
    callId: undefined as string | undefined,
    endUser: undefined as string | undefined,
    tags: undefined as string | undefined,
    timeout: undefined as string | undefined,
    streamTimeout: undefined as string | undefined,
    retries: undefined as string | undefined,
  }
  const { keyHeader, endUserHeaders = none } = settings ?? {}
  let seen: string[] | undefined
  let endUserAt = endUserHeaders.length
  let ofOperator: string | undefined
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? ''
    const value = fields[index + 1] ?? ''
    if (once.has(name)) {
      if (seen === undefined) seen = [name]
      else if (seen.includes(name)) {
        throw new GatewayError('invalid_request', `The header \`${name}\` was sent twice; send it once.`)
      } else seen.push(name)
    }
    switch (name) {
      case 'authorization':
        head.keys.authorization = value
        break
      case 'host':
        checkHost(value)
        break
      case 'content-type':
        head.contentType = value
        break
      case 'content-encoding':
        head.contentEncoding = value
        break
      case 'x-litellm-call-id':
        head.callId = ownText(value)
        break
      case 'x-litellm-customer-id':
      case 'x-litellm-end-user-id':
        head.endUser ??= ownText(value)
        break
      case 'x-litellm-tags':
        head.tags = ownText(head.tags === undefined ? value : `${head.tags},${value}`)
        break
      case 'x-litellm-timeout':
        head.timeout = value
        break
      case 'x-litellm-stream-timeout':
        head.streamTimeout = value
        break
      case 'x-litellm-num-retries':
        head.retries = value
        break
      case 'x-litellm-api-key':
      case 'api-key':
      case 'x-api-key':
      case 'x-goog-api-key':
      case 'ocp-apim-subscription-key':
        head.keys.other ??= new Map()
        head.keys.other.set(name, value)
        break
      default:
        if (name === keyHeader) {
          head.keys.other ??= new Map()
          head.keys.other.set(name, value)
        }
        for (let at = 0; at < endUserAt; at += 1) {
          if (endUserHeaders[at] !== name) continue
          // The earlier in the list, the more it counts.
          endUserAt = at
          ofOperator = ownText(value)
        }
    }
  }
  head.endUser ??= ofOperator
  return head
}

const none: readonly string[] = []
const slash = 0x2f

/** A host name or address with an optional port (RFC 9112, 3.2): anything else may carry a path of its own (CVE-2026-48710). */
function checkHost(host: string): void {
  if (!/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.test(host)) {
    throw new GatewayError('invalid_request', 'The header `host` must be a host name or address with an optional port.')
  }
}
