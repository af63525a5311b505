import { readBoolean, readList, readObject, readString, refused, writeJson } from '../../core/body-fields.ts'
import type {
  AssistantPart,
  FilePart,
  ImagePart,
  Message,
  TextPart,
  ToolResultPart,
  UserPart,
} from '../../core/chat.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { decodeCache, decodeText, decodeUserBlock, readBlocks } from './decode-content.ts'
import type { Report } from './report.ts'

/** The top-level `system`: a string or text blocks. Nothing when it says nothing. */
export function decodeSystem(value: JsonValue | undefined): readonly Message[] {
  if (value === undefined || value === null || value === '') return []
  const content = readBlocks(value, 'system').map((block, index) => decodeText(block, `system[${index}]`))
  return content.length === 0 ? [] : [{ role: 'system', content }]
}

export function decodeMessages(value: JsonValue | undefined, report: Report): readonly Message[] {
  const list = readList(value, 'messages')
  if (list.length === 0) throw refused('messages', 'must hold at least one message')
  return list.flatMap((item, index) => {
    const path = `messages[${index}]`
    return decodeMessage(readObject(item, path), path, report)
  })
}

function decodeMessage(message: JsonObject, path: string, report: Report): readonly Message[] {
  const role = readString(message.role, `${path}.role`)
  const blocks = readBlocks(message.content, `${path}.content`)
  switch (role) {
    case 'user':
      return decodeUserTurn(blocks, `${path}.content`, report)
    case 'assistant':
      return [{ role, content: decodeAssistantBlocks(blocks, `${path}.content`, report) }]
    case 'system':
      return [{ role, content: blocks.map((block, index) => decodeText(block, `${path}.content[${index}]`)) }]
    default:
      throw refused(`${path}.role`, 'must be `user`, `assistant` or `system`')
  }
}

/** A user turn holds what the user says and what tools answered; each run of either becomes a message of its own. */
function decodeUserTurn(blocks: readonly JsonObject[], path: string, report: Report): readonly Message[] {
  const messages: Message[] = []
  let said: UserPart[] = []
  let results: ToolResultPart[] = []
  const flush = (): void => {
    if (said.length > 0) messages.push({ role: 'user', content: said })
    if (results.length > 0) messages.push({ role: 'tool', content: results })
    said = []
    results = []
  }
  for (const [index, block] of blocks.entries()) {
    const blockPath = `${path}[${index}]`
    if (block.type === 'tool_result') {
      if (said.length > 0) flush()
      results.push(decodeToolResult(block, blockPath, report))
    } else {
      if (results.length > 0) flush()
      said.push(...decodeUserBlock(block, blockPath, report))
    }
  }
  flush()
  return messages
}

function decodeToolResult(block: JsonObject, path: string, report: Report): ToolResultPart {
  const given =
    block.content === undefined || block.content === null ? [] : readBlocks(block.content, `${path}.content`)
  const content = given.flatMap((part, index) => decodeUserBlock(part, `${path}.content[${index}]`, report))
  const isError = block.is_error === undefined || block.is_error === null ? undefined : block.is_error
  return {
    type: 'tool-result',
    callId: readString(block.tool_use_id, `${path}.tool_use_id`),
    content: content.filter(isResultContent),
    ...(isError === undefined ? {} : { isError: readBoolean(isError, `${path}.is_error`) }),
    ...decodeCache(block),
  }
}

/** Always true here: Anthropic's blocks have no audio. */
function isResultContent(part: UserPart): part is TextPart | ImagePart | FilePart {
  return part.type !== 'audio'
}

function decodeAssistantBlocks(blocks: readonly JsonObject[], path: string, report: Report): readonly AssistantPart[] {
  return blocks.flatMap((block, index) => decodeAssistantBlock(block, `${path}[${index}]`, report))
}

/** `caller` of a tool call is left behind for the reason that `citations` are: it is an echo of the answer. */
function decodeAssistantBlock(block: JsonObject, path: string, report: Report): readonly AssistantPart[] {
  switch (readString(block.type, `${path}.type`)) {
    case 'text':
      return [decodeText(block, path)]
    case 'thinking':
      return [{ type: 'thinking', text: readString(block.thinking, `${path}.thinking`), ...signed(block.signature) }]
    case 'redacted_thinking':
      return [{ type: 'redacted-thinking', data: readString(block.data, `${path}.data`) }]
    case 'tool_use':
      return [
        {
          type: 'tool-call',
          id: readString(block.id, `${path}.id`),
          name: readString(block.name, `${path}.name`),
          arguments: argumentsText(block.input, `${path}.input`),
          ...decodeCache(block),
        },
      ]
    default:
      report.unsupported(path, `content of type ${String(block.type)}`)
      return []
  }
}

/** Empty where the provider that thought did not sign; see `thinking` in events.ts. */
function signed(signature: JsonValue | undefined): { readonly signature?: string } {
  return typeof signature === 'string' && signature !== '' ? { signature } : {}
}

export function argumentsText(input: JsonValue | undefined, path: string): string {
  if (input === undefined || input === null) return '{}'
  return isObject(input) && Object.keys(input).length === 0 ? '{}' : writeJson(input, path)
}
