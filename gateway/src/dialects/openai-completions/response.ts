import type { AssistantPart, ChatChoice, ChatResponse } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import { isObject, type JsonObject, present } from '../../lib/json.ts'
import { decodeFinish, encodeFinish } from '../openai-wire/finish.ts'
import { decodeUsage, encodeUsage } from '../openai-wire/usage.ts'
import { encodeLogprobs } from './logprobs.ts'

const known = new Set(['id', 'object', 'created', 'model', 'choices', 'usage'])

export function decodeResponse(body: JsonObject): ChatResponse {
  const { choices } = body
  if (!Array.isArray(choices)) {
    throw new GatewayError('upstream_malformed', "the provider's answer has no list of `choices`")
  }
  return {
    id: typeof body.id === 'string' ? body.id : '',
    model: typeof body.model === 'string' ? body.model : '',
    created: typeof body.created === 'number' ? body.created : 0,
    choices: choices.filter(isObject).map(decodeChoice),
    ...present({ usage: decodeUsage(body.usage) }),
    extra: Object.fromEntries(Object.entries(body).filter(([name, value]) => !known.has(name) && value !== null)),
  }
}

const plain = { toolCalls: false, refusal: false }

function decodeChoice(choice: JsonObject, position: number): ChatChoice {
  const text = typeof choice.text === 'string' ? choice.text : ''
  const { reason, stopSequence } = decodeFinish(choice.finish_reason, choice.stop_reason, plain)
  return {
    index: typeof choice.index === 'number' ? choice.index : position,
    content: text === '' ? [] : [{ type: 'text', text }],
    finish: reason,
    ...present({ stopSequence, logprobs: choice.logprobs ?? undefined }),
  }
}

export function encodeResponse(response: ChatResponse, model: string): JsonObject {
  return {
    ...response.extra,
    id: response.id,
    object: 'text_completion',
    created: response.created,
    model,
    choices: response.choices.map(encodeChoice),
    ...(response.usage === undefined ? {} : { usage: encodeUsage(response.usage) }),
  }
}

function encodeChoice(choice: ChatChoice): JsonObject {
  return {
    text: choice.content.map(shownText).join(''),
    index: choice.index,
    logprobs: encodeLogprobs(choice.logprobs),
    ...encodeFinish(choice.finish, choice.stopSequence, plain),
  }
}

/** A text completion is text: a refusal is read there, thinking has no place. */
function shownText(part: AssistantPart): string {
  return part.type === 'text' || part.type === 'refusal' ? part.text : ''
}
