import { Buffer } from 'node:buffer'
import type { EmbeddingResponse } from '../../core/embedding.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Usage } from '../../core/usage.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { count, text } from '../gemini-wire/fields.ts'

/**
 * A whole answer of an upstream.
 * @throws GatewayError `upstream_malformed` when it holds something other than vectors of numbers
 */
export function decodeResponse(body: JsonObject): EmbeddingResponse {
  if (!Array.isArray(body.embeddings)) throw malformed('it has no embeddings')
  const usage = decodeUsage(body)
  return {
    model: text(body.modelVersion),
    vectors: body.embeddings.map(readVector),
    ...(usage === undefined ? {} : { usage }),
  }
}

function readVector(embedding: JsonValue): readonly number[] {
  const values = isObject(embedding) ? embedding.values : undefined
  if (!Array.isArray(values) || !values.every((value) => typeof value === 'number'))
    throw malformed('an embedding is not a list of numbers')
  return values
}

function malformed(what: string): GatewayError {
  return new GatewayError('upstream_malformed', `The provider's answer is not Gemini's: ${what}.`)
}

/** Older embedding models tell no usage. */
export function decodeUsage(body: JsonObject): Usage | undefined {
  const input = isObject(body.usageMetadata) ? count(body.usageMetadata.promptTokenCount) : undefined
  return input === undefined ? undefined : { inputTokens: input, outputTokens: 0 }
}

/** A whole answer for a caller: numbers, also where the provider wrote base64 of little-endian float32. */
export function encodeResponse(response: EmbeddingResponse): JsonObject {
  const { usage } = response
  return {
    embeddings: response.vectors.map((vector) => ({ values: typeof vector === 'string' ? floatsOf(vector) : vector })),
    ...(usage === undefined
      ? {}
      : { usageMetadata: { promptTokenCount: usage.inputTokens, totalTokenCount: usage.inputTokens } }),
  }
}

function floatsOf(base64: string): readonly number[] {
  const bytes = Buffer.from(base64, 'base64')
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readFloatLE(index * 4))
}
