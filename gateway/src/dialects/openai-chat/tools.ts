import { optional } from '../../core/body-fields.ts'
import type { Tool, ToolChoice } from '../../core/chat.ts'
import type { Report } from '../../core/report.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { invalid, readBoolean, readList, readObject, readString } from '../openai-wire/fields.ts'
import { reportLeftOut } from '../openai-wire/report.ts'
import { decodeCache } from './decode-content.ts'

type Field = JsonValue | undefined

const toolFields = new Set(['type', 'function', 'cache_control'])
const functionFields = new Set(['name', 'description', 'parameters', 'strict', 'cache_control'])

/** `tools`, or the `functions` of before them. */
export function decodeTools(body: JsonObject, report: Report): readonly Tool[] | undefined {
  const tools = optional(readList, body.tools, 'tools')?.map((item, index) => {
    const path = `tools[${index}]`
    const tool = readObject(item, path)
    if (tool.type !== 'function') throw invalid(`${path}.type`, '"function"', tool.type)
    reportLeftOut(tool, toolFields, 'tools[*]', report)
    return { ...decodeFunction(tool.function, `${path}.function`, report), ...decodeCache(tool) }
  })
  const functions = optional(readList, body.functions, 'functions')?.map((item, index) =>
    decodeFunction(item, `functions[${index}]`, report),
  )
  if (functions === undefined) return tools
  report.changed('functions', 'sent as tools; the answer calls them in `tool_calls`')
  return [...(tools ?? []), ...functions]
}

function decodeFunction(value: Field, path: string, report: Report): Tool {
  const tool = readObject(value, path)
  reportLeftOut(tool, functionFields, 'tools[*].function', report)
  return {
    name: readString(tool.name, `${path}.name`),
    parameters: optional(readObject, tool.parameters, `${path}.parameters`) ?? { type: 'object', properties: {} },
    ...present({
      description: optional(readString, tool.description, `${path}.description`),
      strict: optional(readBoolean, tool.strict, `${path}.strict`),
    }),
    ...decodeCache(tool),
  }
}

/** `tool_choice`, or the `function_call` of before it. */
export function decodeToolChoice(body: JsonObject, report: Report): ToolChoice | undefined {
  const choice = body.tool_choice ?? undefined
  if (choice !== undefined) return readChoice(choice)
  const legacy = body.function_call ?? undefined
  if (legacy === undefined) return undefined
  report.changed('function_call', 'sent as `tool_choice`')
  if (legacy === 'auto' || legacy === 'none') return { type: legacy }
  if (!isObject(legacy)) throw invalid('function_call', '"auto", "none" or an object with `name`', legacy)
  return { type: 'tool', name: readString(legacy.name, 'function_call.name') }
}

function readChoice(choice: JsonValue): ToolChoice {
  switch (choice) {
    case 'auto':
    case 'none':
    case 'required':
      return { type: choice }
    // Mistral's and Anthropic's word, which LiteLLM's users write as well.
    case 'any':
      return { type: 'required' }
  }
  const expected = '"auto", "none", "required" or {"type": "function", "function": {"name": …}}'
  if (!isObject(choice)) throw invalid('tool_choice', expected, choice)
  if (choice.type !== 'function') throw invalid('tool_choice.type', '"function"', choice.type)
  const chosen = readObject(choice.function, 'tool_choice.function')
  return { type: 'tool', name: readString(chosen.name, 'tool_choice.function.name') }
}

export function encodeTool(tool: Tool): JsonObject {
  return {
    type: 'function',
    function: {
      name: tool.name,
      ...present({ description: tool.description }),
      parameters: tool.parameters,
      ...present({ strict: tool.strict }),
    },
  }
}

export function encodeToolChoice(choice: ToolChoice): JsonValue {
  return choice.type === 'tool' ? { type: 'function', function: { name: choice.name } } : choice.type
}
