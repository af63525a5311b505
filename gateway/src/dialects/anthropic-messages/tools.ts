import { optional, readBoolean, readList, readObject, readString, refused } from '../../core/body-fields.ts'
import type { ChatRequest, Message, Tool, ToolChoice } from '../../core/chat.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { decodeCache } from './decode-content.ts'
import { encodeCache } from './encode-content.ts'
import type { ModelTraits } from './model-traits.ts'
import type { Report } from './report.ts'
import { fitSchema } from './schema.ts'

const toolWords = new Set(['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'])

/**
 * The caller's own tools. Tools that Anthropic runs (`web_search_…`) have a `type` of their own; they and the words of
 * `input_schema`'s neighbours that only Anthropic knows go into `extra` under their path (`tools[2]`,
 * `tools[0].defer_loading`), where an encoder of this dialect finds them and any other reports them.
 */
export function decodeTools(value: JsonValue | undefined, extra: Record<string, JsonValue>): readonly Tool[] {
  const tools: Tool[] = []
  for (const [index, item] of readList(value, 'tools').entries()) {
    const path = `tools[${index}]`
    const tool = readObject(item, path)
    if (typeof tool.type === 'string' && tool.type !== 'custom') {
      extra[path] = tool
      continue
    }
    tools.push(decodeTool(tool, path))
    for (const [key, word] of Object.entries(tool)) {
      if (!toolWords.has(key) && word !== undefined && word !== null) extra[`${path}.${key}`] = word
    }
  }
  return tools
}

function decodeTool(tool: JsonObject, path: string): Tool {
  return {
    name: readString(tool.name, `${path}.name`),
    ...present({ description: optional(readString, tool.description, `${path}.description`) }),
    parameters: readObject(tool.input_schema, `${path}.input_schema`),
    ...present({ strict: optional(readBoolean, tool.strict, `${path}.strict`) }),
    ...decodeCache(tool),
  }
}

export function decodeToolChoice(
  value: JsonValue | undefined,
): { readonly toolChoice: ToolChoice; readonly parallelToolCalls?: boolean } | undefined {
  if (value === undefined || value === null) return undefined
  const choice = readObject(value, 'tool_choice')
  const path = 'tool_choice.disable_parallel_tool_use'
  const single = optional(readBoolean, choice.disable_parallel_tool_use, path)
  return {
    toolChoice: readChoice(choice),
    ...(single === undefined ? {} : { parallelToolCalls: !single }),
  }
}

function readChoice(choice: JsonObject): ToolChoice {
  switch (readString(choice.type, 'tool_choice.type')) {
    case 'auto':
      return { type: 'auto' }
    case 'any':
      return { type: 'required' }
    case 'none':
      return { type: 'none' }
    case 'tool':
      return { type: 'tool', name: readString(choice.name, 'tool_choice.name') }
    default:
      throw refused('tool_choice.type', 'must be `auto`, `any`, `tool` or `none`')
  }
}

/** `tools` and `tool_choice` of the body, each where there is something to say. */
export interface EncodedTools {
  readonly tools: readonly JsonObject[]
  readonly choice?: JsonObject
  /** Whether the model must call a tool, which excludes thinking. */
  readonly forced: boolean
}

export function encodeTools(request: ChatRequest, traits: ModelTraits, report: Report): EncodedTools {
  const own = (request.tools ?? []).map((tool, index) => encodeTool(tool, `tools[${index}]`, traits, report))
  const tools = withAnthropicsOwn(own, request.extra)
  if (tools.length === 0) return toolsOfHistory(request, report)
  const choice = encodeChoice(request, traits, report)
  return {
    tools,
    ...(choice === undefined ? {} : { choice }),
    forced: choice?.type === 'any' || choice?.type === 'tool',
  }
}

const serverTool = /^tools\[(\d+)\]$/
const toolWord = /^tools\[(\d+)\]\.(.+)$/

/** Whether a name in `extra` is one that `decodeTools` put there, which `encodeTools` takes up again. */
export function isToolLeftover(name: string): boolean {
  return serverTool.test(name) || toolWord.test(name)
}

/** Puts back what `decodeTools` set aside, in the order of the caller's indexes, which grow. */
function withAnthropicsOwn(own: readonly JsonObject[], extra: JsonObject): readonly JsonObject[] {
  const tools = [...own]
  for (const [name, value] of Object.entries(extra)) {
    const index = serverTool.exec(name)?.[1]
    if (index !== undefined && isObject(value)) tools.splice(Number(index), 0, value)
  }
  for (const [name, value] of Object.entries(extra)) {
    const [, index, word] = toolWord.exec(name) ?? []
    const tool = index === undefined ? undefined : tools[Number(index)]
    if (tool !== undefined && word !== undefined) tools[Number(index)] = { ...tool, [word]: value }
  }
  return tools
}

function encodeTool(tool: Tool, path: string, traits: ModelTraits, report: Report): JsonObject {
  const strict = tool.strict === true && traits.structuredOutputs
  if (tool.strict === true && !strict) report.unsupported(`${path}.strict`, 'the model has no strict tools')
  return {
    name: tool.name,
    ...present({ description: tool.description }),
    input_schema: inputSchema(tool.parameters, strict ? `${path}.parameters` : undefined, report),
    ...(strict ? { strict: true } : {}),
    ...encodeCache(tool),
  }
}

/** Anthropic wants `type: object` at the top, also where there is nothing to pass. */
function inputSchema(parameters: JsonObject, strictPath: string | undefined, report: Report): JsonObject {
  const schema = parameters.type === undefined ? { type: 'object', properties: {}, ...parameters } : parameters
  return strictPath === undefined ? schema : fitSchema(schema, strictPath, report)
}

function encodeChoice(request: ChatRequest, traits: ModelTraits, report: Report): JsonObject | undefined {
  const single = request.parallelToolCalls === false ? { disable_parallel_tool_use: true } : {}
  const choice = request.toolChoice
  if (choice === undefined) return request.parallelToolCalls === false ? { type: 'auto', ...single } : undefined
  if (choice.type === 'none') return { type: 'none' }
  if (choice.type === 'auto') return { type: 'auto', ...single }
  if (!traits.forcedTools) {
    report.changed('toolChoice', 'sent as `auto`: the model cannot be made to call a tool')
    return { type: 'auto', ...single }
  }
  return choice.type === 'tool' ? { type: 'tool', name: choice.name, ...single } : { type: 'any', ...single }
}

/**
 * Anthropic wants the tools of a conversation's earlier calls declared; OpenAI's callers may leave them out of a last,
 * tool-less turn. They are declared by name, and forbidden.
 */
function toolsOfHistory(request: ChatRequest, report: Report): EncodedTools {
  if (request.toolChoice !== undefined && request.toolChoice.type !== 'auto' && request.toolChoice.type !== 'none') {
    report.changed('toolChoice', 'left out: there are no tools to choose from')
  }
  const names = new Set(request.messages.flatMap(calledTools))
  if (names.size === 0) return { tools: [], forced: false }
  report.changed('tools', 'the tools that the conversation called before are declared, and forbidden')
  const tools = [...names].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }))
  return { tools, choice: { type: 'none' }, forced: false }
}

function calledTools(message: Message): readonly string[] {
  if (message.role !== 'assistant') return []
  return message.content.flatMap((part) => (part.type === 'tool-call' ? [part.name] : []))
}
