import type { Buffer } from 'node:buffer'
import { aliased } from '../../calls/access.ts'
import { type Call, newProgress } from '../../calls/call.ts'
import { type CallOptions, readOptions } from '../../calls/options.ts'
import { namesTags, tagsOfRequest } from '../../calls/tags.ts'
import type { Snapshot } from '../../config/snapshot.ts'
import { GatewayError } from '../../core/errors.ts'
import type { DialectName } from '../../core/wire.ts'
import { type WireBody, wireBody } from '../../lib/bytes.ts'
import { isObject, type JsonObject, parseJsonObject } from '../../lib/json.ts'
import { addressOf } from '../caller-address.ts'
import type { Exchange } from '../route.ts'
import type { Named } from './named.ts'

/** The fields without which a request of the dialect means nothing (contract 4.1). */
const requiredFields: Partial<Record<DialectName, readonly string[]>> = {
  'openai-chat': ['messages'],
  'openai-completions': ['prompt'],
  'openai-embeddings': ['input'],
  'anthropic-messages': ['messages', 'max_tokens'],
  'anthropic-count-tokens': ['messages'],
}

/** What a caller sent, read and checked as far as no configuration is needed. */
export interface DecodedRequest {
  readonly dialect: DialectName
  readonly body: JsonObject
  /** `undefined` when `body` is not what they say. */
  readonly sent: WireBody | undefined
  readonly model: string
  readonly options: CallOptions
  /** End user of the application that calls (contract 3.8). */
  readonly endUser: string | undefined
  readonly tags: readonly string[]
  /** Whether it names tags, or tries to. */
  readonly namesTags: boolean
}

/**
 * Stop 3: body bytes to a request.
 * @throws GatewayError for a body that is not JSON, or lacks `model` or what the dialect cannot do without
 */
export function decodeRequest(exchange: Exchange, bytes: Buffer, dialect: DialectName): DecodedRequest {
  const sent = wireBody(bytes)
  const parsed = parseJsonObject(sent.text ?? bytes)
  if (parsed === undefined) {
    throw new GatewayError(
      'invalid_request',
      bytes.length === 0
        ? 'The body is empty; send a JSON object.'
        : 'The body is not a JSON object; check quotes, commas and the encoding (UTF-8).',
    )
  }
  const ofPath = exchange.pathParameter
  const body = ofPath === '' ? parsed : { ...parsed, model: ofPath }
  const model = body.model
  if (model === undefined || model === null || model === '') throw missing('model')
  if (typeof model !== 'string') throw notText('model')
  for (const needed of requiredFields[dialect] ?? []) {
    if (body[needed] === undefined || body[needed] === null) throw missing(needed)
  }
  return {
    dialect,
    body,
    sent: ofPath === '' || parsed.model !== undefined ? sent : undefined,
    model,
    options: readOptions(body, exchange.head, dialect),
    endUser: endUserOf(exchange.head.endUser, body),
    tags: tagsOfRequest(body, exchange.head.tags),
    namesTags: namesTags(body, exchange.head.tags),
  }
}

/** The call that a request is under the exchange's configuration and principal. */
export function callOf(
  exchange: Exchange,
  snapshot: Snapshot,
  request: DecodedRequest,
  { customer, endUserLimits, tags, tagged }: Named,
): Call {
  const { head, principal } = exchange
  if (principal === undefined) throw new GatewayError('internal', `${head.path} was reached without a principal.`)
  const { model, body } = request
  return {
    id: exchange.id,
    startedAt: exchange.startedAt,
    dialect: request.dialect,
    route: head.path,
    snapshot,
    settings: snapshot.settings,
    principal,
    clientAddress: addressOf(exchange.http, snapshot.settings.addresses),
    endUser: request.endUser,
    customer,
    endUserLimits,
    tags,
    namesTags: request.namesTags,
    tagged,
    model,
    routedAs: aliased(principal, model),
    stream: body.stream === true,
    body,
    sent: request.sent,
    options: request.options,
    reply: exchange.reply,
    progress: newProgress(),
  }
}

/** The header first, then what OpenAI's and Anthropic's clients send (contract 3.8). */
function endUserOf(header: string | undefined, body: JsonObject): string | undefined {
  if (header !== undefined && header !== '') return header
  const { user, litellm_metadata: ours, metadata } = body
  if (typeof user === 'string' && user !== '') return user
  if (isObject(ours) && typeof ours.user === 'string' && ours.user !== '') return ours.user
  if (isObject(metadata) && typeof metadata.user_id === 'string' && metadata.user_id !== '') return metadata.user_id
  return undefined
}

function missing(param: string): GatewayError {
  return new GatewayError('missing_parameter', `Missing required parameter: '${param}'.`, { param })
}

function notText(param: string): GatewayError {
  return new GatewayError('invalid_request', `Invalid type for '${param}': expected a string.`, { param })
}
