import type {
  AssistantPart,
  AudioPart,
  FilePart,
  ImagePart,
  Message,
  TextPart,
  ToolResultPart,
  UserPart,
} from '../../core/chat.ts'
import type { Report } from '../../core/report.ts'
import { type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { encodeMediaUrl } from './media.ts'

type MessageOf<Role extends Message['role']> = Extract<Message, { readonly role: Role }>

/**
 * The conversation in OpenAI's words. A tool's answer may hold text only, so images and files of results follow in the
 * user message after the last of them, which every server accepts.
 */
export function encodeMessages(messages: readonly Message[], report: Report): readonly JsonObject[] {
  const encoded: JsonObject[] = []
  let attached: readonly JsonObject[] = []
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`
    if (message.role === 'tool') {
      for (const [part, result] of message.content.entries()) {
        const media = encodeAttachments(result, `${path}.content[${part}]`, report)
        encoded.push(encodeToolResult(result, media.length > 0, report))
        attached = [...attached, ...media]
      }
      continue
    }
    if (message.role === 'user') {
      encoded.push(encodeUser(message, path, attached, report))
      attached = []
      continue
    }
    if (attached.length > 0) encoded.push({ role: 'user', content: attached })
    attached = []
    encoded.push(message.role === 'system' ? encodeSystem(message, report) : encodeAssistant(message, report))
  }
  if (attached.length > 0) encoded.push({ role: 'user', content: attached })
  return encoded
}

function encodeSystem(message: MessageOf<'system'>, report: Report): JsonObject {
  return { role: 'system', content: encodeTexts(message.content, report) }
}

/** A string where one says it all: older servers take nothing else. */
function encodeTexts(parts: readonly TextPart[], report: Report): JsonValue {
  reportCache(parts, report)
  const [only, ...rest] = parts
  if (only === undefined) return ''
  if (rest.length === 0 && only.text !== '') return only.text
  return parts.map(encodeText)
}

function encodeText(part: TextPart): JsonObject {
  return { type: 'text', text: part.text }
}

function encodeUser(
  message: MessageOf<'user'>,
  path: string,
  attached: readonly JsonObject[],
  report: Report,
): JsonObject {
  const name = present({ name: message.name })
  const texts = message.content.filter((part) => part.type === 'text')
  if (attached.length === 0 && texts.length === message.content.length) {
    return { role: 'user', content: encodeTexts(texts, report), ...name }
  }
  reportCache(message.content, report)
  const content = message.content.flatMap((part, index) => encodeUserPart(part, `${path}.content[${index}]`, report))
  return { role: 'user', content: [...attached, ...content], ...name }
}

function encodeUserPart(part: UserPart, path: string, report: Report): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
      return [encodeText(part)]
    case 'image':
      return [encodeImage(part)]
    case 'file':
      return encodeFile(part, path, report)
    case 'audio':
      return [encodeAudio(part)]
    default:
      return part satisfies never
  }
}

function encodeImage(part: ImagePart): JsonObject {
  return { type: 'image_url', image_url: { url: encodeMediaUrl(part.source), ...present({ detail: part.detail }) } }
}

function encodeFile(part: FilePart, path: string, report: Report): readonly JsonObject[] {
  const filename = present({ filename: part.name })
  switch (part.source.type) {
    case 'id':
      return [{ type: 'file', file: { file_id: part.source.id, ...filename } }]
    case 'base64':
      return [{ type: 'file', file: { file_data: encodeMediaUrl(part.source), ...filename } }]
    case 'url':
      report.unsupported(path, 'Chat Completions takes files as data or id, not by URL')
      return []
    default:
      return part.source satisfies never
  }
}

function encodeAudio(part: AudioPart): JsonObject {
  return { type: 'input_audio', input_audio: { data: part.data, format: part.format } }
}

function encodeToolResult(result: ToolResultPart, hasMedia: boolean, report: Report): JsonObject {
  reportCache([result], report)
  if (result.isError === true) report.changed('messages[*].content[*].isError', 'left out: the text says what failed')
  const texts = result.content.filter((part) => part.type === 'text')
  const content =
    texts.length === 0 && hasMedia ? 'The result is in the next user message.' : encodeTexts(texts, report)
  return { role: 'tool', tool_call_id: result.callId, content }
}

/** The images and files of a result, under a line that says whose they are. */
function encodeAttachments(result: ToolResultPart, path: string, report: Report): readonly JsonObject[] {
  const parts = result.content.flatMap((part, index) => {
    if (part.type === 'text') return []
    return encodeUserPart(part, `${path}.content[${index}]`, report)
  })
  if (parts.length === 0) return []
  report.changed('messages[*].content[*].content', 'images and files of a tool result follow in a user message')
  reportCache(
    result.content.filter((part) => part.type !== 'text'),
    report,
  )
  return [{ type: 'text', text: `Result of tool call ${result.callId}:` }, ...parts]
}

/**
 * Thinking without a signature was shown by a server of this dialect as `reasoning_content`, and some want it back
 * (DeepSeek refuses a tool's answer without it). Signed or redacted thinking means nothing to any but its maker.
 */
function encodeAssistant(message: MessageOf<'assistant'>, report: Report): JsonObject {
  reportCache(message.content, report)
  const texts: JsonObject[] = []
  const calls: JsonObject[] = []
  let thinking = ''
  let refusal = ''
  for (const part of message.content) {
    switch (part.type) {
      case 'text':
        texts.push(encodeText(part))
        break
      case 'refusal':
        refusal += part.text
        break
      case 'thinking':
        if (part.signature === undefined) thinking += part.text
        else report.changed('messages[*].content[*].thinking', thinkingIsPrivate)
        break
      case 'redacted-thinking':
        report.changed('messages[*].content[*].thinking', thinkingIsPrivate)
        break
      case 'tool-call':
        if (part.signature !== undefined) report.changed('messages[*].content[*].signature', thinkingIsPrivate)
        calls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: part.arguments } })
        break
      default:
        part satisfies never
    }
  }
  return {
    role: 'assistant',
    content: assistantContent(message.content, texts, calls.length > 0 || refusal !== ''),
    ...present({ name: message.name }),
    ...(thinking === '' ? {} : { reasoning_content: thinking }),
    ...(refusal === '' ? {} : { refusal }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}

const thinkingIsPrivate = 'left out: only the provider that signed it can read it'

function assistantContent(parts: readonly AssistantPart[], texts: readonly JsonObject[], hasMore: boolean): JsonValue {
  const [only, ...rest] = parts.filter((part) => part.type === 'text')
  if (only === undefined) return hasMore ? null : ''
  return rest.length === 0 && only.text !== '' ? only.text : texts
}

/** One warning for a whole request, however many marks it has. */
export function reportCache(marked: readonly object[], report: Report): void {
  if (marked.some((part) => 'cache' in part)) {
    report.changed('cache_control', 'left out: the provider caches prompts by itself')
  }
}
