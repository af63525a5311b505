import { optional } from '../../core/body-fields.ts'
import type { EmbeddingRequest } from '../../core/embedding.ts'
import { type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import type { Encoded } from '../dialect.ts'
import { invalid, readCount, readString } from '../openai-wire/fields.ts'

const known = new Set(['model', 'input', 'dimensions', 'encoding_format', 'user'])

export function decodeRequest(body: JsonObject): EmbeddingRequest {
  const extra: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(body)) {
    if (!known.has(name) && value !== undefined && value !== null) extra[name] = value
  }
  return {
    model: optional(readString, body.model, 'model') ?? '',
    input: readInput(body.input),
    format: readFormat(body.encoding_format),
    ...present({
      dimensions: optional(readCount, body.dimensions, 'dimensions'),
      endUser: optional(readString, body.user, 'user'),
    }),
    extra,
  }
}

/** A text, texts, the token ids of one text, or of several. */
function readInput(value: JsonValue | undefined): EmbeddingRequest['input'] {
  if (!Array.isArray(value)) return [readString(value, 'input')]
  const items: readonly JsonValue[] = value
  if (items.length === 0) throw invalid('input', 'a text, texts or token ids', items)
  if (typeof items[0] === 'number') return [readTokens(items, 'input')]
  return items.map((item, index) => {
    const path = `input[${index}]`
    if (typeof item === 'string') return item
    if (Array.isArray(item)) return readTokens(item, path)
    throw invalid(path, 'a text or a list of token ids', item)
  })
}

function readTokens(items: readonly JsonValue[], path: string): readonly number[] {
  return items.map((item, index) => readCount(item, `${path}[${index}]`))
}

function readFormat(value: JsonValue | undefined): 'float' | 'base64' {
  if (value === undefined || value === null || value === 'float') return 'float'
  if (value === 'base64') return 'base64'
  throw invalid('encoding_format', '"float" or "base64"', value)
}

/** The format is left to the provider where the caller wants numbers: many servers refuse the field. */
export function encodeRequest(request: EmbeddingRequest): Encoded {
  const [only, ...more] = request.input
  const body = {
    ...request.extra,
    model: request.model,
    input: only !== undefined && more.length === 0 ? only : request.input,
    ...(request.format === 'base64' ? { encoding_format: 'base64' } : {}),
    ...present({ dimensions: request.dimensions, user: request.endUser }),
  }
  return { body, warnings: [] }
}
