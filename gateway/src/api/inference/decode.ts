import { type Call, newProgress } from '../../calls/call.ts'
import { readOptions } from '../../calls/options.ts'
import type { Snapshot } from '../../config/snapshot.ts'
import { GatewayError } from '../../core/errors.ts'
import type { DialectName } from '../../core/wire.ts'
import { parseJsonObject } from '../../lib/json.ts'
import { readBody } from '../read-body.ts'
import type { Exchange } from '../route.ts'

/** The fields without which a request of the dialect means nothing (contract 4.1). */
const requiredFields: Partial<Record<DialectName, readonly string[]>> = {
  'openai-chat': ['messages'],
  'openai-completions': ['prompt'],
  'openai-embeddings': ['input'],
  'anthropic-messages': ['messages', 'max_tokens'],
  'anthropic-count-tokens': ['messages'],
}

/**
 * Stop 3: body bytes to a call.
 * @throws GatewayError for a body that is too large, not JSON, or lacks `model` or what the dialect cannot do without
 */
export async function decodeCall(exchange: Exchange, snapshot: Snapshot, dialect: DialectName): Promise<Call> {
  const bytes = await readBody(exchange, snapshot.settings.maxRequestBytes)
  const parsed = parseJsonObject(bytes)
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
  if (typeof model !== 'string' || model === '') throw missing('model')
  for (const needed of requiredFields[dialect] ?? []) {
    if (body[needed] === undefined || body[needed] === null) throw missing(needed)
  }
  const { head, principal } = exchange
  if (principal === undefined) throw new GatewayError('internal', `${head.path} was reached without a principal.`)
  return {
    id: exchange.id,
    startedAt: exchange.startedAt,
    dialect,
    route: head.path,
    snapshot,
    settings: snapshot.settings,
    principal,
    endUser: undefined,
    customer: undefined,
    model,
    routedAs: model,
    stream: body.stream === true,
    body,
    bytes: ofPath === '' || parsed.model !== undefined ? bytes : undefined,
    options: readOptions(body, head, dialect),
    reply: exchange.reply,
    progress: newProgress(),
  }
}

function missing(param: string): GatewayError {
  return new GatewayError('missing_parameter', `Missing required parameter: '${param}'.`, { param })
}
