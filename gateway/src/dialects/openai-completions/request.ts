import { optional } from '../../core/body-fields.ts'
import type { ChatRequest, Message } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import { openReport } from '../../core/report.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { Encoded } from '../dialect.ts'
import { invalid, readBoolean, readObject, readString } from '../openai-wire/fields.ts'
import { reportLeftOut } from '../openai-wire/report.ts'
import { decodeSampling, encodeSampling, samplingFields } from '../openai-wire/sampling.ts'

const known = new Set<string>([...samplingFields, 'model', 'prompt', 'stream', 'stream_options'])
const streamFields = new Set(['include_usage', 'include_obfuscation'])

/** A prompt becomes the one message of a user. `suffix`, `echo`, `best_of` and `logprobs` are `extra`. */
export function decodeRequest(body: JsonObject): ChatRequest {
  const report = openReport()
  const options = optional(readObject, body.stream_options, 'stream_options') ?? {}
  reportLeftOut(options, streamFields, 'stream_options', report)
  const extra: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(body)) {
    if (!known.has(name) && value !== undefined && value !== null) extra[name] = value
  }
  const request: ChatRequest = {
    model: optional(readString, body.model, 'model') ?? '',
    messages: [{ role: 'user', content: [{ type: 'text', text: readPrompt(body.prompt) }] }],
    stream: optional(readBoolean, body.stream, 'stream') ?? false,
    includeUsage: optional(readBoolean, options.include_usage, 'stream_options.include_usage') ?? false,
    ...decodeSampling(body, report),
    extra,
  }
  return report.warnings.length === 0 ? request : { ...request, warnings: report.warnings }
}

function readPrompt(value: JsonValue | undefined): string {
  if (!Array.isArray(value)) return readString(value, 'prompt')
  const [first, ...more] = value
  if (first === undefined) throw invalid('prompt', 'a string', value)
  if (typeof first !== 'string') {
    throw refused('`prompt`: token ids can only be sent to a model whose provider has text completions; send text')
  }
  if (more.length > 0) {
    throw refused(
      `\`prompt\`: ${value.length} prompts in one call can only be sent to a model whose provider has text completions; send one call per prompt`,
    )
  }
  return first
}

function refused(message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param: 'prompt' })
}

/**
 * Only what came from this dialect goes back into it: one text of a user.
 * @throws GatewayError `invalid_request` for any other conversation
 */
export function encodeRequest(request: ChatRequest): Encoded {
  const report = openReport()
  if (request.topK !== undefined) report.unsupported('topK')
  for (const name of ['tools', 'toolChoice', 'outputFormat', 'reasoning', 'serviceTier'] as const) {
    if (request[name] !== undefined) report.unsupported(name)
  }
  const body = {
    ...request.extra,
    model: request.model,
    prompt: promptOf(request.messages),
    ...(request.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...encodeSampling(request),
  }
  return { body, warnings: report.warnings }
}

function promptOf(messages: readonly Message[]): string {
  const [only, ...more] = messages
  const texts = only?.role === 'user' ? only.content.filter((part) => part.type === 'text') : []
  if (more.length > 0 || only === undefined || texts.length !== only.content.length || texts.length === 0) {
    throw new GatewayError(
      'invalid_request',
      'a conversation cannot be sent to a provider that has text completions only; use /v1/completions with one prompt, or another model',
      { param: 'messages' },
    )
  }
  return texts.map((part) => part.text).join('')
}
