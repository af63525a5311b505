import { Buffer } from 'node:buffer'
import type { ChatRequest } from '../core/chat.ts'
import type { Deployment } from '../core/deployment.ts'
import type { EmbeddingRequest } from '../core/embedding.ts'
import { GatewayError } from '../core/errors.ts'
import { callersName } from '../core/parameter-names.ts'
import { servedAs } from '../core/usage.ts'
import type { ChatDialect, Dialect, EmbeddingDialect } from '../dialects/dialect.ts'
import { type WireBody, wireBody } from '../lib/bytes.ts'
import { type JsonObject, parseJsonObject } from '../lib/json.ts'
import { asAnswerId } from './answer-id.ts'
import type { Call } from './call.ts'
import { isGatewayField } from './options.ts'
import type { CallPorts } from './ports.ts'
import { relayPipe, relayWhole } from './relay.ts'
import type { Prepared } from './served.ts'
import { type Target, upstreamModelOf } from './target.ts'
import { translatePipe } from './translate-pipe.ts'
import { asksForUsage, relayBody, translatedBody } from './upstream-body.ts'

/**
 * Chooses how caller and provider understand each other and encodes the request for the provider: the same dialect on both sides
 * relays bytes, different ones meet in the normal form.
 * @throws GatewayError `invalid_request`, `missing_parameter` or `unsupported_parameter` for what the caller sent
 */
export function prepare(call: Call, target: Target, deployment: Deployment, ports: CallPorts): Prepared {
  const model = upstreamModelOf(deployment, target.resolution.wildcard)
  // After a fallback the caller is told which model answered; otherwise the name it asked for (contract 4.3).
  const shown = target.fallback === undefined ? call.model : undefined
  if (deployment.speaks.includes(call.dialect)) return prepareRelay(call, deployment, model, shown, ports)
  const dialect = ports.dialect(call.dialect)
  if (dialect.family === 'count-tokens') {
    const body = Buffer.from(JSON.stringify(dialect.estimate(call.body)))
    return {
      type: 'local',
      usage: undefined,
      answer: async () => ({ type: 'whole', headers: [], body: wireBody(body) }),
    }
  }
  const provider = providerDialect(call, deployment, dialect.family, ports)
  if (dialect.family === 'chat' && provider.family === 'chat') {
    return prepareChat(call, deployment, dialect, provider, model, shown, ports)
  }
  if (dialect.family === 'embeddings' && provider.family === 'embeddings') {
    return prepareEmbeddings(call, deployment, dialect, provider, model, shown)
  }
  throw cannotServe(call, deployment, dialect.family)
}

function providerDialect(call: Call, deployment: Deployment, family: Dialect['family'], ports: CallPorts): Dialect {
  for (const name of deployment.speaks) {
    const dialect = ports.dialect(name)
    // Legacy completions are relayed or translated from, never to.
    if (dialect.family === family && name !== 'openai-completions') return dialect
  }
  throw cannotServe(call, deployment, family)
}

function cannotServe(call: Call, deployment: Deployment, family: Dialect['family']): GatewayError {
  return new GatewayError(
    'invalid_request',
    `model ${call.model} is served by provider \`${deployment.provider}\`, which has no ${family} API; choose another model for ${call.route}`,
    { param: 'model' },
  )
}

function prepareRelay(
  call: Call,
  deployment: Deployment,
  model: string,
  shown: string | undefined,
  ports: CallPorts,
): Prepared {
  const dialect = ports.dialect(call.dialect)
  return {
    type: 'upstream',
    dialect: call.dialect,
    body: relayBody(call, deployment, call.dialect, model),
    pipe:
      call.stream && dialect.family === 'chat'
        ? relayPipe(dialect, {
            model: shown,
            includeUsage: asksForUsage(call.body) || call.settings.alwaysIncludeStreamUsage,
          })
        : undefined,
    render: (body) => relayWhole(dialect, body, shown),
  }
}

function prepareChat(
  call: Call,
  deployment: Deployment,
  caller: ChatDialect,
  provider: ChatDialect,
  model: string,
  shown: string | undefined,
  ports: CallPorts,
): Prepared {
  const created = Math.floor(ports.clock.wall() / 1000)
  const decoded = withDefaults(decodeChat(call, caller), deployment)
  const encoded = provider.encodeRequest({ ...decoded, model, stream: call.stream })
  const warnings = [...(decoded.warnings ?? []), ...encoded.warnings]
  return {
    type: 'upstream',
    dialect: provider.name,
    body: translatedBody(call, deployment, provider.name, { body: encoded.body, warnings }, (field) =>
      callersName(caller.names, field),
    ),
    pipe: call.stream
      ? translatePipe(
          provider,
          caller,
          {
            model: shown ?? model,
            includeUsage: decoded.includeUsage || call.settings.alwaysIncludeStreamUsage,
          },
          created,
        )
      : undefined,
    render(body) {
      const decodedBody = provider.decodeResponse(parseUpstream(body))
      const response = decodedBody.created === 0 ? { ...decodedBody, created } : decodedBody
      const answer = caller.encodeResponse(response, shown ?? response.model)
      return {
        bytes: JSON.stringify(answer),
        usage: response.usage && servedAs(response.usage, response.model, response.serviceTier),
        answerId: asAnswerId(answer.id),
      }
    },
  }
}

function prepareEmbeddings(
  call: Call,
  deployment: Deployment,
  caller: EmbeddingDialect,
  provider: EmbeddingDialect,
  model: string,
  shown: string | undefined,
): Prepared {
  const request: EmbeddingRequest = { ...caller.decodeRequest(withoutGatewayFields(call)), model }
  const encoded = provider.encodeRequest(request)
  return {
    type: 'upstream',
    dialect: provider.name,
    body: translatedBody(call, deployment, provider.name, encoded, (field) => field),
    pipe: undefined,
    render(body) {
      const response = provider.decodeResponse(parseUpstream(body))
      return {
        bytes: JSON.stringify(caller.encodeResponse(response, request, shown ?? response.model)),
        usage: response.usage && servedAs(response.usage, response.model),
        answerId: '',
      }
    },
  }
}

/** Decoded once per call; retries and fallbacks use the same normal form. */
function decodeChat(call: Call, caller: ChatDialect): ChatRequest {
  if (call.sent === undefined) return caller.decodeRequest(withoutGatewayFields(call))
  call.progress.decoded ??= caller.decodeRequest(withoutGatewayFields(call))
  return call.progress.decoded
}

/** What the caller says to the gateway is not for the provider, whatever dialect it speaks. */
function withoutGatewayFields(call: Call): JsonObject {
  const names = Object.keys(call.body).filter((name) => isGatewayField(name, call.dialect))
  if (names.length === 0) return call.body
  return Object.fromEntries(Object.entries(call.body).filter(([name]) => !names.includes(name)))
}

/** The operator's body fields (`temperature`, `max_tokens` … in OpenAI's words) where the caller said nothing. */
function withDefaults(request: ChatRequest, deployment: Deployment): ChatRequest {
  const defaults = deployment.chatDefaults
  if (defaults === undefined) return request
  return { ...defaults, ...request, extra: { ...defaults.extra, ...request.extra } }
}

function parseUpstream({ bytes, text }: WireBody): JsonObject {
  const value = parseJsonObject(text ?? bytes)
  if (value === undefined) {
    throw new GatewayError('upstream_malformed', 'the provider answered something that is not a JSON object')
  }
  return value
}
