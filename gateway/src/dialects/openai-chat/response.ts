import type { AssistantPart, ChatChoice, ChatResponse, ToolCallPart } from '../../core/chat.ts'
import { GatewayError } from '../../core/errors.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { decodeFinish, encodeFinish } from '../openai-wire/finish.ts'
import { decodeUsage, encodeUsage } from '../openai-wire/usage.ts'
import { decodeSignature, encodeSignature } from './signature.ts'
import { decodeShownThinking, encodeShownThinking, textOf } from './thinking.ts'

const known = new Set(['id', 'object', 'created', 'model', 'choices', 'usage', 'service_tier'])

export function decodeResponse(body: JsonObject): ChatResponse {
  const { choices } = body
  if (!Array.isArray(choices)) {
    throw new GatewayError('upstream_malformed', "the provider's answer has no list of `choices`")
  }
  const id = typeof body.id === 'string' ? body.id : ''
  return {
    id,
    model: typeof body.model === 'string' ? body.model : '',
    created: typeof body.created === 'number' ? body.created : 0,
    choices: choices.filter(isObject).map((choice, position) => decodeChoice(choice, position, id)),
    ...present({
      usage: decodeUsage(body.usage),
      serviceTier: typeof body.service_tier === 'string' ? body.service_tier : undefined,
    }),
    extra: Object.fromEntries(Object.entries(body).filter(([name, value]) => !known.has(name) && value !== null)),
  }
}

function decodeChoice(choice: JsonObject, position: number, responseId: string): ChatChoice {
  const message = isObject(choice.message) ? choice.message : {}
  const text = textOf(message.content)
  const refusal = typeof message.refusal === 'string' ? message.refusal : ''
  const calls = toolCallsOf(message, responseId)
  const content: readonly AssistantPart[] = [
    ...decodeShownThinking(message),
    ...(text === '' ? [] : [{ type: 'text', text } as const]),
    ...(refusal === '' ? [] : [{ type: 'refusal', text: refusal } as const]),
    ...calls,
  ]
  const shown = { toolCalls: calls.length > 0, refusal: refusal !== '' }
  const { reason, stopSequence } = decodeFinish(choice.finish_reason, choice.stop_reason, shown)
  return {
    index: typeof choice.index === 'number' ? choice.index : position,
    content,
    finish: reason,
    ...present({ stopSequence, logprobs: choice.logprobs ?? undefined }),
  }
}

function toolCallsOf(message: JsonObject, responseId: string): readonly ToolCallPart[] {
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isObject) : []
  const legacy = isObject(message.function_call) ? [{ function: message.function_call }] : []
  return [...calls, ...legacy].map((call: JsonObject, index) => {
    const called = isObject(call.function) ? call.function : {}
    return {
      type: 'tool-call',
      id: typeof call.id === 'string' && call.id !== '' ? call.id : madeUpCallId(responseId, 0, index),
      name: typeof called.name === 'string' ? called.name : '',
      arguments: argumentsText(called.arguments) || '{}',
      ...decodeSignature(call),
    }
  })
}

/** Some servers give tool calls no id; callers must have one to answer to. The same call always gets the same. */
export function madeUpCallId(responseId: string, choice: number, call: number): string {
  return `call_${responseId.replaceAll(/[^a-zA-Z0-9_-]/g, '_')}_${choice}_${call}`
}

/** JSON text; some servers send the object itself. */
export function argumentsText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return isObject(value) ? JSON.stringify(value) : ''
}

export function encodeResponse(response: ChatResponse, model: string): JsonObject {
  return {
    ...response.extra,
    id: response.id,
    object: 'chat.completion',
    created: response.created,
    model,
    choices: response.choices.map(encodeChoice),
    ...(response.usage === undefined ? {} : { usage: encodeUsage(response.usage) }),
    ...present({ service_tier: response.serviceTier }),
  }
}

function encodeChoice(choice: ChatChoice): JsonObject {
  const message = encodeMessage(choice.content)
  return {
    index: choice.index,
    message,
    logprobs: choice.logprobs ?? null,
    ...encodeFinish(choice.finish, choice.stopSequence, { refusal: message.refusal !== null }),
  }
}

function encodeMessage(content: readonly AssistantPart[]): JsonObject {
  const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const refusal = content.map((part) => (part.type === 'refusal' ? part.text : '')).join('')
  const calls = content.filter((part) => part.type === 'tool-call')
  const thinking = content.filter((part) => part.type === 'thinking' || part.type === 'redacted-thinking')
  return {
    role: 'assistant',
    content: text === '' && (refusal !== '' || calls.length > 0) ? null : text,
    refusal: refusal === '' ? null : refusal,
    ...encodeShownThinking(thinking),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(encodeToolCall) }),
  }
}

function encodeToolCall(call: ToolCallPart): JsonObject {
  return {
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
    ...encodeSignature(call.signature),
  }
}
