import { optional, readObject, readString, readStrings, refused } from '../../core/body-fields.ts'
import type { ChatRequest, Tool, ToolChoice } from '../../core/chat.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import { camelCase, field, readObjects } from '../gemini-wire/fields.ts'
import type { Report } from '../gemini-wire/report.ts'
import { schemaToJsonSchema, withoutDraft } from './schema.ts'

type Extra = Record<string, JsonValue>

/** Tools that Gemini runs itself. */
const builtIn = new Set(
  'googleSearch googleSearchRetrieval codeExecution urlContext fileSearch googleMaps computerUse enterpriseWebSearch retrieval'.split(
    ' ',
  ),
)
const toolPath = /^tools\[\d+\](?:\.(\w+))?$/
const calling = 'toolConfig.functionCallingConfig'
const declarationWords = new Set([
  'name',
  'description',
  'parameters',
  'parametersJsonSchema',
  'parameters_json_schema',
])

/**
 * A caller's functions. Tools that Gemini runs itself go into `extra` under their path (`tools[1].googleSearch`), where
 * `encodeTools` finds them and an encoder of another dialect reports them.
 */
export function decodeTools(value: JsonValue | undefined, extra: Extra, report: Report): readonly Tool[] {
  return readObjects(value, 'tools').flatMap((entry, index) => {
    const path = `tools[${index}]`
    for (const [name, own] of Object.entries(entry)) {
      if (camelCase(name) !== 'functionDeclarations' && own !== undefined && own !== null)
        extra[`${path}.${camelCase(name)}`] = own
    }
    const declarations = field(entry, 'functionDeclarations')
    const place = `${path}.functionDeclarations`
    return (optional(readObjects, declarations, place) ?? []).map((tool, at) =>
      decodeTool(tool, `${place}[${at}]`, report),
    )
  })
}

function decodeTool(tool: JsonObject, path: string, report: Report): Tool {
  for (const [name, value] of Object.entries(tool)) {
    if (!declarationWords.has(name) && value !== undefined && value !== null)
      report.changed(`${path}.${name}`, 'left out')
  }
  const jsonSchema = optional(readObject, field(tool, 'parametersJsonSchema'), `${path}.parametersJsonSchema`)
  const schema = optional(readObject, tool.parameters, `${path}.parameters`)
  return {
    name: readString(tool.name, `${path}.name`),
    ...present({ description: optional(readString, tool.description, `${path}.description`) }),
    parameters: jsonSchema ?? (schema === undefined ? { type: 'object', properties: {} } : schemaToJsonSchema(schema)),
  }
}

/** `toolConfig`. Several allowed functions have no word in the normal form and stay in `extra`. */
export function decodeToolConfig(value: JsonValue | undefined, extra: Extra, report: Report): ToolChoice | undefined {
  const config = optional(readObject, value, 'toolConfig') ?? {}
  for (const [name, own] of Object.entries(config)) {
    if (camelCase(name) !== 'functionCallingConfig' && own !== undefined && own !== null)
      extra[`toolConfig.${camelCase(name)}`] = own
  }
  const functions = optional(readObject, field(config, 'functionCallingConfig'), calling)
  if (functions === undefined) return undefined
  const place = `${calling}.allowedFunctionNames`
  const allowed = optional(readStrings, field(functions, 'allowedFunctionNames'), place) ?? []
  const mode = optional(readString, functions.mode, `${calling}.mode`) ?? 'AUTO'
  const [only, ...others] = allowed
  if (mode.toUpperCase() === 'ANY' && only !== undefined && others.length === 0) return { type: 'tool', name: only }
  if (allowed.length > 0) extra[place] = allowed
  return choiceOf(mode, report)
}

function choiceOf(mode: string, report: Report): ToolChoice | undefined {
  switch (mode.toUpperCase()) {
    case 'AUTO':
    case 'MODE_UNSPECIFIED':
      return { type: 'auto' }
    case 'ANY':
      return { type: 'required' }
    case 'NONE':
      return { type: 'none' }
    case 'VALIDATED':
      report.changed(`${calling}.mode`, 'VALIDATED is taken for AUTO')
      return { type: 'auto' }
    default:
      throw refused(`${calling}.mode`, 'must be AUTO, ANY, NONE or VALIDATED')
  }
}

/** `tools` and `toolConfig` of the body, each where there is something to say. */
export function encodeTools(
  request: ChatRequest,
  report: Report,
): { readonly tools?: readonly JsonObject[]; readonly toolConfig?: JsonObject } {
  const functionDeclarations = (request.tools ?? []).map((tool, index) => encodeTool(tool, `tools[${index}]`, report))
  const tools = [
    ...(functionDeclarations.length === 0 ? [] : [{ functionDeclarations }]),
    ...Object.entries(request.extra).flatMap(([name, value]) => builtInTool(name, value)),
    ...webSearch(request.extra, report),
  ]
  if (request.parallelToolCalls === false)
    report.unsupported('parallelToolCalls', 'Gemini cannot be kept from calling several')
  const config = {
    ...wordsUnder('toolConfig.', request.extra),
    ...callingConfig(request, functionDeclarations.length > 0, report),
  }
  return present({
    tools: tools.length === 0 ? undefined : tools,
    toolConfig: Object.keys(config).length === 0 ? undefined : config,
  })
}

function encodeTool(tool: Tool, path: string, report: Report): JsonObject {
  if (tool.strict === true)
    report.changed(`${path}.strict`, 'left out: Gemini follows the schema of a function as well as it can')
  const schema = withoutDraft(tool.parameters)
  return present({
    name: tool.name,
    description: tool.description,
    parametersJsonSchema: Object.keys(schema).length === 0 ? undefined : schema,
  })
}

/** `tools[1].googleSearch` of a Gemini caller, or the whole `tools[1]` that a caller of another dialect wrote for Gemini. */
function builtInTool(name: string, value: JsonValue | undefined): readonly JsonObject[] {
  const match = toolPath.exec(name)
  if (match === null || value === undefined) return []
  const word = match[1]
  if (word !== undefined) return builtIn.has(word) ? [{ [word]: value }] : []
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, own]) => (builtIn.has(camelCase(key)) ? [{ [camelCase(key)]: own }] : []))
}

/** Whether an entry of `extra` is a tool or a setting of tools that `encodeTools` takes up. */
export function isToolWord(name: string, value: JsonValue | undefined): boolean {
  return name === 'web_search_options' || name.startsWith('toolConfig.') || builtInTool(name, value).length > 0
}

/** OpenAI's word for a search by the provider. */
function webSearch(extra: JsonObject, report: Report): readonly JsonObject[] {
  const options = extra.web_search_options
  if (!isObject(options)) return []
  if (Object.keys(options).length > 0)
    report.changed('web_search_options', 'sent as googleSearch, which has no such options')
  return [{ googleSearch: {} }]
}

function callingConfig({ toolChoice, extra }: ChatRequest, declared: boolean, report: Report): JsonObject {
  if (toolChoice === undefined) return {}
  if (!declared) {
    if (toolChoice.type === 'required' || toolChoice.type === 'tool')
      report.changed('toolChoice', 'left out: there are no functions to choose from')
    return {}
  }
  const allowed = toolChoice.type === 'tool' ? [toolChoice.name] : extra[`${calling}.allowedFunctionNames`]
  return { functionCallingConfig: present({ mode: modes[toolChoice.type], allowedFunctionNames: allowed }) }
}

const modes: Readonly<Record<ToolChoice['type'], string>> = { auto: 'AUTO', none: 'NONE', required: 'ANY', tool: 'ANY' }

/** Words of one level under a prefix: a deeper one (`toolConfig.functionCallingConfig.…`) has its own place. */
function wordsUnder(prefix: string, extra: JsonObject): JsonObject {
  const words = Object.entries(extra).filter(
    ([name]) => name.startsWith(prefix) && !name.slice(prefix.length).includes('.'),
  )
  return Object.fromEntries(words.map(([name, value]) => [name.slice(prefix.length), value]))
}
