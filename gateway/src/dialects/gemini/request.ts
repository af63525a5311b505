import { optional, readObject, readString, readStrings } from '../../core/body-fields.ts'
import type { ChatRequest, Reasoning } from '../../core/chat.ts'
import type { ParameterNames } from '../../core/parameter-names.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import type { Encoded } from '../dialect.ts'
import { camelCase, field, readCount, readNumber } from '../gemini-wire/fields.ts'
import { openReport, type Report } from '../gemini-wire/report.ts'
import { decodeContents, decodeSystem } from './decode-contents.ts'
import { encodeContents } from './encode-contents.ts'
import { type ModelTraits, modelTraits } from './model-traits.ts'
import { decodeOutputFormat, encodeOutputFormat, formatWords } from './output-format.ts'
import { decodeReasoning, encodeReasoning } from './reasoning.ts'
import { decodeToolConfig, decodeTools, encodeTools, isToolWord } from './tools.ts'

const config = 'generationConfig'

export const names: ParameterNames = {
  model: 'model',
  messages: 'contents',
  tools: 'tools',
  toolChoice: 'toolConfig.functionCallingConfig',
  outputFormat: `${config}.responseMimeType`,
  maxOutputTokens: `${config}.maxOutputTokens`,
  temperature: `${config}.temperature`,
  topP: `${config}.topP`,
  topK: `${config}.topK`,
  stop: `${config}.stopSequences`,
  seed: `${config}.seed`,
  presencePenalty: `${config}.presencePenalty`,
  frequencyPenalty: `${config}.frequencyPenalty`,
  candidates: `${config}.candidateCount`,
  reasoning: `${config}.thinkingConfig`,
  serviceTier: 'serviceTier',
}

/** Words of the body that are read; `model` and `stream` stand in the URL, from where the route puts them into the body. */
const readWords = new Set(
  'model stream contents systemInstruction tools toolConfig generationConfig serviceTier'.split(' '),
)
const readConfigWords = new Set([
  ...formatWords,
  ...'maxOutputTokens temperature topP topK stopSequences seed presencePenalty frequencyPenalty candidateCount thinkingConfig'.split(
    ' ',
  ),
])

/**
 * A caller's `generateContent` body, in camelCase or snake_case, with `model` and `stream` added from the URL. What has no word
 * in the normal form is kept in `extra` under its path: `safetySettings`, `generationConfig.responseModalities`,
 * `tools[1].googleSearch`.
 * @throws GatewayError `missing_parameter` or `invalid_request` with the path of the value
 */
export function decodeRequest(body: JsonObject): ChatRequest {
  const report = openReport()
  const extra: Record<string, JsonValue> = {}
  const generation = optional(readObject, field(body, config), config) ?? {}
  const messages = [...decodeSystem(field(body, 'systemInstruction')), ...decodeContents(body.contents, report)]
  const tools = optional((value) => decodeTools(value, extra, report), body.tools, 'tools')
  const toolChoice = decodeToolConfig(field(body, 'toolConfig'), extra, report)
  const outputFormat = decodeOutputFormat(generation, config)
  keepUnread(body, readWords, '', extra)
  keepUnread(generation, readConfigWords, `${config}.`, extra)
  if (outputFormat === undefined) keepFormat(generation, extra)
  return {
    model: optional(readString, body.model, 'model')?.replace(/^models\//, '') ?? '',
    messages,
    ...(tools === undefined || tools.length === 0 ? {} : { tools }),
    ...present({ toolChoice, outputFormat, reasoning: decodeThinking(generation) }),
    ...decodeSampling(generation),
    ...present({ serviceTier: decodeServiceTier(field(body, 'serviceTier')) }),
    stream: body.stream === true,
    includeUsage: true,
    extra,
    ...(report.warnings.length === 0 ? {} : { warnings: report.warnings }),
  }
}

function decodeSampling(generation: JsonObject): Partial<ChatRequest> {
  const read = <Value>(
    reader: (value: JsonValue | undefined, path: string) => Value,
    name: string,
  ): Value | undefined => optional(reader, field(generation, name), `${config}.${name}`)
  return present({
    maxOutputTokens: read(readCount, 'maxOutputTokens'),
    temperature: read(readNumber, 'temperature'),
    topP: read(readNumber, 'topP'),
    topK: read(readNumber, 'topK'),
    stop: read(readStrings, 'stopSequences'),
    seed: read(readNumber, 'seed'),
    presencePenalty: read(readNumber, 'presencePenalty'),
    frequencyPenalty: read(readNumber, 'frequencyPenalty'),
    candidates: read(readCount, 'candidateCount'),
  })
}

function decodeThinking(generation: JsonObject): Reasoning | undefined {
  const path = `${config}.thinkingConfig`
  const thinking = optional(readObject, field(generation, 'thinkingConfig'), path)
  return thinking === undefined ? undefined : decodeReasoning(thinking, path)
}

function decodeServiceTier(tier: JsonValue | undefined): string | undefined {
  if (typeof tier !== 'string') return undefined
  const word = tier.toLowerCase().replace(/^service_tier_/, '')
  return word === 'standard' || word === 'unspecified' ? 'default' : word
}

function keepUnread(
  object: JsonObject,
  read: ReadonlySet<string>,
  prefix: string,
  extra: Record<string, JsonValue>,
): void {
  for (const [key, value] of Object.entries(object)) {
    const name = camelCase(key)
    if (!read.has(name) && value !== undefined && value !== null) extra[`${prefix}${name}`] = value
  }
}

/** A format that only Gemini has goes back to it as it came. */
function keepFormat(generation: JsonObject, extra: Record<string, JsonValue>): void {
  for (const name of formatWords) {
    const value = field(generation, name)
    if (value !== undefined) extra[`${config}.${name}`] = value
  }
}

/** Words of the body and of `generationConfig` that callers of any dialect may send, as LiteLLM's callers do, in either spelling. */
const ownWords = new Set('safetySettings cachedContent labels'.split(' '))
const ownConfigWords = new Set(
  'responseModalities speechConfig mediaResolution imageConfig responseLogprobs audioTimestamp thinkingConfig enableEnhancedCivicAnswers'.split(
    ' ',
  ),
)
/** OpenAI's and Anthropic's words that are read below, and heed what else is asked for. */
const understoodWords = new Set(
  'modalities logprobs top_logprobs top_k thinking generationConfig generation_config'.split(' '),
)

/**
 * The body for the upstream model `request.model`, whose name decides which words it takes (model-traits.ts). Functions and
 * formats go as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`).
 */
export function encodeRequest(request: ChatRequest): Encoded {
  const report = openReport()
  const traits = modelTraits(request.model)
  const { system, contents } = encodeContents(request, traits, report)
  const generation = { ...givenConfig(request.extra), ...encodeConfig(request, traits, report) }
  const body = present({
    systemInstruction: system.length === 0 ? undefined : { parts: system },
    contents,
    ...encodeTools(request, report),
    generationConfig: Object.keys(generation).length === 0 ? undefined : generation,
    serviceTier: encodeServiceTier(request.serviceTier, report),
  })
  if (request.endUser !== undefined) report.changed('endUser', 'left out: Gemini has no ids of users')
  return { body: { ...passed(request.extra, report), ...body }, warnings: report.warnings }
}

function encodeConfig(request: ChatRequest, traits: ModelTraits, report: Report): JsonObject {
  const { extra } = request
  return present({
    maxOutputTokens: request.maxOutputTokens,
    temperature: request.temperature,
    topP: request.topP,
    topK: request.topK ?? (typeof extra.top_k === 'number' ? extra.top_k : undefined),
    stopSequences: encodeStop(request.stop, report),
    seed: request.seed,
    presencePenalty: request.presencePenalty,
    frequencyPenalty: request.frequencyPenalty,
    candidateCount: request.candidates === 1 ? undefined : request.candidates,
    thinkingConfig: encodeReasoning(askedReasoning(request), traits, report),
    ...encodeOutputFormat(request.outputFormat),
    ...encodeModalities(extra.modalities),
    ...encodeLogprobs(request, report),
  })
}

/** Gemini refuses more than five, and empty ones. */
function encodeStop(stop: readonly string[] | undefined, report: Report): readonly string[] | undefined {
  const meant = stop?.filter((sequence) => sequence !== '').slice(0, 5)
  if (meant?.length !== stop?.length) report.changed('stop', 'empty sequences and those after the fifth are left out')
  return meant === undefined || meant.length === 0 ? undefined : meant
}

/** Anthropic's `thinking`, which callers of OpenAI's dialect may send to LiteLLM, or else the caller's reasoning. */
function askedReasoning({ reasoning, extra }: ChatRequest): Reasoning | undefined {
  const { thinking } = extra
  if (reasoning !== undefined || !isObject(thinking)) return reasoning
  if (thinking.type === 'disabled') return { enabled: false }
  const budget = thinking.budget_tokens
  return { enabled: true, ...(typeof budget === 'number' && budget > 0 ? { budgetTokens: budget } : {}) }
}

function encodeModalities(modalities: JsonValue | undefined): JsonObject {
  if (!Array.isArray(modalities)) return {}
  const words = modalities.filter((modality) => typeof modality === 'string').map((modality) => modality.toUpperCase())
  return words.length === 1 && words[0] === 'TEXT' ? {} : { responseModalities: words }
}

/** Whole answers bring them; a stream of the normal form has no place for them. */
function encodeLogprobs({ extra, stream }: ChatRequest, report: Report): JsonObject {
  if (extra.logprobs !== true) return {}
  if (stream) {
    report.unsupported('logprobs', 'not in a stream')
    return {}
  }
  return { responseLogprobs: true, ...(typeof extra.top_logprobs === 'number' ? { logprobs: extra.top_logprobs } : {}) }
}

function encodeServiceTier(tier: string | undefined, report: Report): string | undefined {
  if (tier === undefined || tier === 'auto' || tier === 'default' || tier === 'standard_only') return undefined
  if (tier === 'flex' || tier === 'priority') return tier
  report.unsupported('serviceTier', `no tier like \`${tier}\``)
  return undefined
}

/** `generationConfig` in Gemini's own words, whole or word by word. */
function givenConfig(extra: JsonObject): JsonObject {
  const given: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(extra)) {
    if (value === undefined || value === null) continue
    if (camelCase(name) === config && isObject(value)) Object.assign(given, value)
    else if (name.startsWith(`${config}.`)) given[name.slice(config.length + 1)] = value
    else if (ownConfigWords.has(camelCase(name))) given[camelCase(name)] = value
  }
  return given
}

/** The caller's words that are Gemini's too; those that nothing above has taken up are reported. */
function passed(extra: JsonObject, report: Report): JsonObject {
  const own: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(extra)) {
    if (value === undefined || value === null) continue
    const word = camelCase(name)
    if (ownWords.has(word)) own[word] = value
    else if (!isTakenUp(name, value)) report.unsupported(name)
  }
  return own
}

function isTakenUp(name: string, value: JsonValue): boolean {
  if (understoodWords.has(name) || ownConfigWords.has(camelCase(name))) return true
  return name.startsWith(`${config}.`) || isToolWord(name, value)
}
