import { optional, readObject, readString, refused } from '../../core/body-fields.ts'
import type { EmbeddingRequest } from '../../core/embedding.ts'
import { GatewayError } from '../../core/errors.ts'
import { type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import type { Encoded } from '../dialect.ts'
import { camelCase, field, readCount, readObjects } from '../gemini-wire/fields.ts'
import { openReport } from '../gemini-wire/report.ts'

/** Words of one request of the batch that callers of any dialect may send, as LiteLLM's callers do, in either spelling. */
const ownWords = new Set(['taskType', 'title'])
const readWords = new Set(['model', 'content', 'outputDimensionality'])

/**
 * A caller's `batchEmbedContents` body. One request of the normal form has one set of options, so those of the batch must agree.
 * @throws GatewayError `missing_parameter` or `invalid_request` with the path of the value
 */
export function decodeRequest(body: JsonObject): EmbeddingRequest {
  const requests = readObjects(body.requests, 'requests')
  const [first] = requests
  if (first === undefined) throw refused('requests', 'must not be empty')
  const dimensions = optional(readCount, field(first, 'outputDimensionality'), 'requests[0].outputDimensionality')
  const extra: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(first)) {
    if (!readWords.has(camelCase(key)) && value !== undefined && value !== null) extra[camelCase(key)] = value
  }
  return {
    model: (optional(readString, body.model ?? first.model, 'model') ?? '').replace(/^models\//, ''),
    input: requests.map((request, index) => {
      requireSame(request, first, `requests[${index}]`)
      return textOf(request, `requests[${index}]`)
    }),
    ...present({ dimensions }),
    format: 'float',
    extra,
  }
}

function requireSame(request: JsonObject, first: JsonObject, path: string): void {
  const names = new Set([...Object.keys(request), ...Object.keys(first)].map(camelCase))
  names.delete('content')
  for (const name of names) {
    if (field(request, name) !== field(first, name))
      throw refused(`${path}.${name}`, 'must be the same in all requests of the batch')
  }
}

function textOf(request: JsonObject, path: string): string {
  const content = readObject(request.content, `${path}.content`)
  const parts = readObjects(content.parts, `${path}.content.parts`)
  return parts.map((part, index) => readString(part.text, `${path}.content.parts[${index}].text`)).join('')
}

/** The body for the upstream model `request.model`. @throws GatewayError `invalid_request` for tokenised input */
export function encodeRequest(request: EmbeddingRequest): Encoded {
  const report = openReport()
  const options: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(request.extra)) {
    if (value === undefined || value === null) continue
    if (ownWords.has(camelCase(name))) options[camelCase(name)] = value
    else report.unsupported(name)
  }
  if (request.endUser !== undefined) report.changed('endUser', 'left out: Gemini has no ids of users')
  if (request.dimensions !== undefined) options.outputDimensionality = request.dimensions
  const model = /^(models|tunedModels)\//.test(request.model) ? request.model : `models/${request.model}`
  const requests = request.input.map((text) => ({ model, content: { parts: [{ text: readText(text) }] }, ...options }))
  return { body: { requests }, warnings: report.warnings }
}

function readText(input: string | readonly number[]): string {
  if (typeof input === 'string') return input
  // The ids are OpenAI's vocabulary; Gemini could only misread them.
  throw new GatewayError('invalid_request', '`input` holds token ids, which Gemini does not read; send text', {
    param: 'input',
  })
}
