import { optional } from '../../core/body-fields.ts'
import type { ChatRequest } from '../../core/chat.ts'
import type { Report } from '../../core/report.ts'
import { type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { invalid, readCount, readNumber, readString } from './fields.ts'

/** The words that chat and text completions share. */
export const samplingFields = [
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'n',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'user',
] as const

export type Sampling = Pick<
  ChatRequest,
  | 'maxOutputTokens'
  | 'temperature'
  | 'topP'
  | 'topK'
  | 'candidates'
  | 'stop'
  | 'seed'
  | 'presencePenalty'
  | 'frequencyPenalty'
  | 'endUser'
>

export const samplingNames = {
  maxOutputTokens: 'max_tokens',
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  candidates: 'n',
  stop: 'stop',
  seed: 'seed',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
  endUser: 'user',
} as const satisfies Record<keyof Sampling, (typeof samplingFields)[number]>

/** `top_k` is not OpenAI's word, but LiteLLM's users write it for the providers that know it. */
export function decodeSampling(body: JsonObject, report: Report): Sampling {
  return present({
    maxOutputTokens: decodeLimit(body, report),
    temperature: optional(readNumber, body.temperature, 'temperature'),
    topP: optional(readNumber, body.top_p, 'top_p'),
    topK: optional(readCount, body.top_k, 'top_k'),
    candidates: optional(readCount, body.n, 'n'),
    stop: decodeStop(body.stop),
    seed: optional(readNumber, body.seed, 'seed'),
    presencePenalty: optional(readNumber, body.presence_penalty, 'presence_penalty'),
    frequencyPenalty: optional(readNumber, body.frequency_penalty, 'frequency_penalty'),
    endUser: optional(readString, body.user, 'user'),
  })
}

function decodeLimit(body: JsonObject, report: Report): number | undefined {
  const old = optional(readCount, body.max_tokens, 'max_tokens')
  const limit = optional(readCount, body.max_completion_tokens, 'max_completion_tokens')
  if (old !== undefined && limit !== undefined && old !== limit) {
    report.changed('max_tokens', 'left out: `max_completion_tokens` is sent')
  }
  return limit ?? old
}

function decodeStop(value: JsonValue | undefined): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) throw invalid('stop', 'a string or a list of strings', value)
  return value.map((item: JsonValue, index) => readString(item, `stop[${index}]`))
}

/** Without `topK`, which is not OpenAI's. */
export function encodeSampling(request: ChatRequest) {
  return present({
    max_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    n: request.candidates,
    stop: request.stop === undefined || request.stop.length === 0 ? undefined : request.stop,
    seed: request.seed,
    presence_penalty: request.presencePenalty,
    frequency_penalty: request.frequencyPenalty,
    user: request.endUser,
  })
}
