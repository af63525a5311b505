import type { EmbeddingRequest, EmbeddingResponse } from '../../core/embedding.ts'
import { GatewayError } from '../../core/errors.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { decodeUsage } from '../openai-wire/usage.ts'
import { base64ToVector, vectorToBase64 } from './vector.ts'

export function decodeResponse(body: JsonObject): EmbeddingResponse {
  const { data } = body
  if (!Array.isArray(data)) throw malformed('has no list of `data`')
  const entries = data.map((entry: JsonValue, position) => {
    if (!isObject(entry)) throw malformed(`has no object in \`data[${position}]\``)
    const index = typeof entry.index === 'number' ? entry.index : position
    return { index, vector: readVector(entry.embedding, `data[${position}].embedding`) }
  })
  return {
    model: typeof body.model === 'string' ? body.model : '',
    // Servers that embed in batches may answer out of order.
    vectors: entries.toSorted((a, b) => a.index - b.index).map((entry) => entry.vector),
    ...present({ usage: decodeUsage(body.usage) }),
  }
}

function readVector(value: JsonValue | undefined, path: string): readonly number[] | string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) throw malformed(`has no vector in \`${path}\``)
  return value.map((item: JsonValue, index) => {
    if (typeof item !== 'number') throw malformed(`has no number in \`${path}[${index}]\``)
    return item
  })
}

function malformed(problem: string): GatewayError {
  return new GatewayError('upstream_malformed', `the provider's answer ${problem}`)
}

/** In the format that the caller asked for, whatever the provider's. Unknown usage is written as 0: clients read it unasked. */
export function encodeResponse(response: EmbeddingResponse, request: EmbeddingRequest, model: string): JsonObject {
  const tokens = response.usage?.inputTokens ?? 0
  return {
    object: 'list',
    data: response.vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: inFormat(vector, request.format),
    })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

function inFormat(vector: readonly number[] | string, format: EmbeddingRequest['format']): JsonValue {
  if (typeof vector === 'string') return format === 'base64' ? vector : base64ToVector(vector)
  return format === 'base64' ? vectorToBase64(vector) : vector
}
