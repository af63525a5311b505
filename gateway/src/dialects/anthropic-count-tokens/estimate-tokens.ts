import type { AssistantPart, ChatRequest, FilePart, Message, ToolResultPart, UserPart } from '../../core/chat.ts'
import { textTokens } from '../../core/text-tokens.ts'
import { isObject, type JsonValue } from '../../lib/json.ts'

/**
 * An estimate, not a count, of a request's input tokens, for providers that cannot count. Text by `textTokens`, tool
 * schemas by their keys and values, images and files by flat figures. Takes time proportional to the request.
 */
export function estimateTokens(request: ChatRequest): number {
  let tokens = promptTokens
  for (const message of request.messages) tokens += messageTokens(message)
  const tools: readonly unknown[] = [...(request.tools ?? []), ...anthropicTools(request)]
  if (tools.length > 0) tokens += toolPromptTokens
  for (const tool of tools) tokens += valueTokens(tool)
  if (request.outputFormat?.type === 'json-schema') tokens += valueTokens(request.outputFormat.schema)
  return Math.ceil(tokens)
}

/** What surrounds a prompt, and each of its messages: 14 tokens for “Hello, Claude” with a four-word system text. */
const promptTokens = 3
const perMessage = 4
/** The instructions that Anthropic adds where there are tools (its pricing page, Claude 4 models). */
const toolPromptTokens = 346
/** An image of 1.15 megapixels, to which Anthropic scales larger ones: width × height / 750. */
const imageTokens = 1600
/** A page of a PDF is 1,500 to 3,000 tokens (Anthropic, PDF support); a typical page is 40 KB of base64. */
const pageTokens = 2000
const pageCharacters = 40_000
const mostPages = 600

function messageTokens(message: Message): number {
  let tokens = message.role === 'system' ? 0 : perMessage
  for (const part of message.content) tokens += partTokens(part)
  return tokens
}

function partTokens(part: UserPart | AssistantPart | ToolResultPart): number {
  switch (part.type) {
    case 'text':
    case 'thinking':
    case 'refusal':
      return textTokens(part.text)
    case 'redacted-thinking':
      return textTokens(part.data)
    case 'image':
      return imageTokens
    case 'file':
      return fileTokens(part)
    case 'audio':
      return textTokens(part.data) / 100
    case 'tool-call':
      return perMessage + textTokens(part.name) + textTokens(part.arguments)
    case 'tool-result': {
      let tokens = perMessage
      for (const piece of part.content) tokens += partTokens(piece)
      return tokens
    }
    default:
      return part satisfies never
  }
}

function fileTokens(part: FilePart): number {
  if (part.source.type !== 'base64') return pageTokens
  return pageTokens * Math.min(mostPages, Math.ceil(part.source.data.length / pageCharacters))
}

/** Tools that Anthropic runs have no word in the normal form and lie in `extra` (see its dialect's tools.ts). */
function anthropicTools(request: ChatRequest): readonly JsonValue[] {
  return Object.entries(request.extra).flatMap(([name, value]) =>
    name.startsWith('tools[') && isObject(value) ? [value] : [],
  )
}

/** A value's keys and strings, and 1 for each of its brackets, commas and numbers. Not recursive: callers may nest deep. */
function valueTokens(root: unknown): number {
  let tokens = 0
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    tokens += 1
    if (typeof value === 'string') tokens += textTokens(value)
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) for (const item of value) open.push(item)
    else {
      for (const [key, item] of Object.entries(value)) {
        tokens += 1 + textTokens(key)
        open.push(item)
      }
    }
  }
  return tokens
}
