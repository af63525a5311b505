import { optional } from '../../core/body-fields.ts'
import type {
  AssistantPart,
  Message,
  RedactedThinkingPart,
  TextPart,
  ThinkingPart,
  ToolCallPart,
} from '../../core/chat.ts'
import type { Report } from '../../core/report.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { invalid, readList, readObject, readString } from '../openai-wire/fields.ts'
import { reportLeftOut } from '../openai-wire/report.ts'
import { decodeCache, decodeContent, decodeResultPart, decodeText, decodeUserPart } from './decode-content.ts'
import { decodeSignature } from './signature.ts'

type Field = JsonValue | undefined

/** One message of the normal form for each of the caller's, so that `messages[3]` is the same to both. */
export function decodeMessages(value: Field, report: Report): readonly Message[] {
  const list = readList(value, 'messages')
  if (list.length === 0) throw invalid('messages', 'at least one message', list)
  const functionCalls = new Map<string, string>()
  return list.map((item, index) => {
    const path = `messages[${index}]`
    return decodeMessage(readObject(item, path), path, functionCalls, report)
  })
}

/** @param functionCalls ids given to the legacy function calls so far, by function name */
function decodeMessage(message: JsonObject, path: string, functionCalls: Map<string, string>, report: Report): Message {
  switch (message.role) {
    case 'system':
    case 'developer':
      reportLeftOut(message, systemFields, 'messages[*]', report)
      return { role: 'system', content: decodeTexts(message, path, report) }
    case 'user':
      return decodeUser(message, path, report)
    case 'assistant':
      return decodeAssistant(message, path, functionCalls, report)
    case 'tool':
      return decodeToolResult(message, path, report)
    case 'function':
      return decodeFunctionResult(message, path, functionCalls, report)
    default:
      throw invalid(`${path}.role`, '"system", "developer", "user", "assistant" or "tool"', message.role)
  }
}

const systemFields = new Set(['role', 'content', 'cache_control'])
const userFields = new Set(['role', 'content', 'name', 'cache_control'])
const toolFields = new Set(['role', 'content', 'tool_call_id', 'name', 'cache_control'])
const assistantFields = new Set([
  'role',
  'content',
  'name',
  'cache_control',
  'refusal',
  'reasoning_content',
  'reasoning',
  'thinking_blocks',
  'tool_calls',
  'function_call',
])

function decodeTexts(message: JsonObject, path: string, report: Report): readonly TextPart[] {
  const texts = decodeContent(message.content, `${path}.content`, (part, at) => decodeText(part, at, report))
  return withMessageCache(texts, message)
}

/** LiteLLM also takes `cache_control` beside a string content: it marks the message's last part. */
function withMessageCache<Part extends { readonly type: string }>(
  parts: readonly Part[],
  message: JsonObject,
): readonly Part[] {
  const last = parts.at(-1)
  const mark = decodeCache(message)
  if (last === undefined || last.type === 'audio' || mark.cache === undefined) return parts
  return [...parts.slice(0, -1), { ...last, ...mark }]
}

function decodeUser(message: JsonObject, path: string, report: Report): Message {
  reportLeftOut(message, userFields, 'messages[*]', report)
  const content = decodeContent(message.content, `${path}.content`, (part, at) => decodeUserPart(part, at, report))
  return { role: 'user', content: withMessageCache(content, message), ...decodeName(message, path) }
}

function decodeName(message: JsonObject, path: string): { readonly name?: string } {
  const name = optional(readString, message.name, `${path}.name`)
  return name === undefined ? {} : { name }
}

function decodeToolResult(message: JsonObject, path: string, report: Report): Message {
  reportLeftOut(message, toolFields, 'messages[*]', report)
  const callId = readString(message.tool_call_id, `${path}.tool_call_id`)
  const content = decodeContent(message.content, `${path}.content`, (part, at) => decodeResultPart(part, at, report))
  return { role: 'tool', content: [{ type: 'tool-result', callId, content, ...decodeCache(message) }] }
}

function decodeFunctionResult(
  message: JsonObject,
  path: string,
  functionCalls: Map<string, string>,
  report: Report,
): Message {
  report.changed('messages[*].role', '"function" is sent as the result of a tool')
  const name = readString(message.name, `${path}.name`)
  const callId = functionCalls.get(name)
  if (callId === undefined) throw invalid(`${path}.name`, 'a function that the assistant called before', name)
  const content = decodeContent(message.content ?? '', `${path}.content`, (part, at) => decodeText(part, at, report))
  return { role: 'tool', content: [{ type: 'tool-result', callId, content }] }
}

/** In the order in which models write: thinking, text, refusal, tool calls. */
function decodeAssistant(
  message: JsonObject,
  path: string,
  functionCalls: Map<string, string>,
  report: Report,
): Message {
  reportLeftOut(message, assistantFields, 'messages[*]', report)
  const said = decodeContent(message.content ?? '', `${path}.content`, (part, at) =>
    decodeAssistantPart(part, at, report),
  )
  const refusal = optional(readString, message.refusal, `${path}.refusal`)
  const calls = optional(readList, message.tool_calls, `${path}.tool_calls`) ?? []
  const content: readonly AssistantPart[] = [
    ...decodeThinking(message, path),
    ...said,
    ...(refusal === undefined || refusal === '' ? [] : [{ type: 'refusal', text: refusal } as const]),
    ...calls.map((call, index) => decodeToolCall(call, `${path}.tool_calls[${index}]`)),
    ...decodeFunctionCall(message, path, functionCalls, report),
  ]
  return { role: 'assistant', content: withMessageCacheOnText(content, message), ...decodeName(message, path) }
}

/** Only texts and tool calls of an assistant can be marked. */
function withMessageCacheOnText(parts: readonly AssistantPart[], message: JsonObject): readonly AssistantPart[] {
  const last = parts.at(-1)
  return last?.type === 'text' || last?.type === 'tool-call' ? withMessageCache(parts, message) : parts
}

function decodeAssistantPart(part: JsonObject, path: string, report: Report): AssistantPart {
  switch (part.type) {
    case 'text':
      return decodeText(part, path, report)
    case 'refusal':
      return { type: 'refusal', text: readString(part.refusal, `${path}.refusal`) }
    case 'thinking':
    case 'redacted_thinking':
      return decodeThinkingBlock(part, path)
    default:
      throw invalid(`${path}.type`, '"text", "refusal", "thinking" or "redacted_thinking"', part.type)
  }
}

/** LiteLLM's `thinking_blocks` hold the signatures, so they win over the plain text that stands beside them. */
function decodeThinking(message: JsonObject, path: string): readonly (ThinkingPart | RedactedThinkingPart)[] {
  const blocks = optional(readList, message.thinking_blocks, `${path}.thinking_blocks`) ?? []
  if (blocks.length > 0) {
    return blocks.map((block, index) => {
      const at = `${path}.thinking_blocks[${index}]`
      return decodeThinkingBlock(readObject(block, at), at)
    })
  }
  const text =
    optional(readString, message.reasoning_content, `${path}.reasoning_content`) ??
    optional(readString, message.reasoning, `${path}.reasoning`) ??
    ''
  return text === '' ? [] : [{ type: 'thinking', text }]
}

function decodeThinkingBlock(block: JsonObject, path: string): ThinkingPart | RedactedThinkingPart {
  if (block.type === 'redacted_thinking') {
    return { type: 'redacted-thinking', data: readString(block.data, `${path}.data`) }
  }
  if (block.type !== 'thinking') throw invalid(`${path}.type`, '"thinking" or "redacted_thinking"', block.type)
  const signature = optional(readString, block.signature, `${path}.signature`)
  return {
    type: 'thinking',
    text: readString(block.thinking, `${path}.thinking`),
    ...(signature === undefined || signature === '' ? {} : { signature }),
  }
}

function decodeToolCall(value: JsonValue, path: string): ToolCallPart {
  const call = readObject(value, path)
  if (call.type !== undefined && call.type !== null && call.type !== 'function') {
    throw invalid(`${path}.type`, '"function"', call.type)
  }
  const called = readObject(call.function, `${path}.function`)
  return {
    type: 'tool-call',
    id: readString(call.id, `${path}.id`),
    name: readString(called.name, `${path}.function.name`),
    arguments: decodeArguments(called.arguments, `${path}.function.arguments`),
    ...decodeCache(call),
    ...decodeSignature(call),
  }
}

/** Some clients write the arguments as an object instead of its JSON text. */
function decodeArguments(value: Field, path: string): string {
  if (isObject(value)) return JSON.stringify(value)
  const text = optional(readString, value, path) ?? ''
  return text === '' ? '{}' : text
}

/** The legacy form of one tool call. It has no id, so it gets one from its place. */
function decodeFunctionCall(
  message: JsonObject,
  path: string,
  functionCalls: Map<string, string>,
  report: Report,
): readonly ToolCallPart[] {
  const call = optional(readObject, message.function_call, `${path}.function_call`)
  if (call === undefined) return []
  report.changed('messages[*].function_call', 'sent as a tool call')
  const name = readString(call.name, `${path}.function_call.name`)
  const id = `call_function_${path.replaceAll(/\D/g, '')}`
  functionCalls.set(name, id)
  return [
    { type: 'tool-call', id, name, arguments: decodeArguments(call.arguments, `${path}.function_call.arguments`) },
  ]
}
