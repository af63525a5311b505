import {
  optional,
  readBoolean,
  readCount,
  readNumber,
  readObject,
  readString,
  readStrings,
} from '../../core/body-fields.ts'
import type { ChatRequest, Reasoning } from '../../core/chat.ts'
import type { ParameterNames } from '../../core/parameter-names.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import type { Encoded } from '../dialect.ts'
import { decodeMessages, decodeSystem } from './decode-messages.ts'
import { encodeMessages } from './encode-messages.ts'
import { type ModelTraits, modelTraits } from './model-traits.ts'
import { decodeOutputFormat, encodeOutputFormat } from './output-format.ts'
import { decodeThinking, encodeReasoning, isEffort } from './reasoning.ts'
import { openReport, type Report } from './report.ts'
import { encodeSampling } from './sampling.ts'
import { decodeToolChoice, decodeTools, encodeTools, isToolLeftover } from './tools.ts'

export const names: ParameterNames = {
  model: 'model',
  messages: 'messages',
  tools: 'tools',
  toolChoice: 'tool_choice',
  parallelToolCalls: 'tool_choice.disable_parallel_tool_use',
  outputFormat: 'output_config.format',
  maxOutputTokens: 'max_tokens',
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  stop: 'stop_sequences',
  reasoning: 'thinking',
  endUser: 'metadata.user_id',
  serviceTier: 'service_tier',
  stream: 'stream',
}

const decodedWords = new Set(
  (
    'model messages system max_tokens tools tool_choice thinking output_config output_format stop_sequences temperature ' +
    'top_p top_k metadata service_tier stream'
  ).split(' '),
)

/**
 * A caller's Messages body. What has no word in the normal form is kept in `extra`: whole parameters under their name,
 * words inside one under their path (`output_config.task_budget`, `tools[1].defer_loading`).
 * @throws GatewayError `missing_parameter` or `invalid_request` with the path of the value
 */
export function decodeRequest(body: JsonObject): ChatRequest {
  const report = openReport()
  const extra: Record<string, JsonValue> = {}
  const model = readString(body.model, 'model')
  const maxOutputTokens = readCount(body.max_tokens, 'max_tokens')
  const messages = [...decodeSystem(body.system), ...decodeMessages(body.messages, report)]
  const tools = optional((value) => decodeTools(value, extra), body.tools, 'tools')
  const request: ChatRequest = {
    model,
    messages,
    ...(tools === undefined || tools.length === 0 ? {} : { tools }),
    ...decodeToolChoice(body.tool_choice),
    ...decodeOutput(body, extra, report),
    maxOutputTokens,
    ...present({
      temperature: optional(readNumber, body.temperature, 'temperature'),
      topP: optional(readNumber, body.top_p, 'top_p'),
      topK: optional(readCount, body.top_k, 'top_k'),
      stop: optional(readStrings, body.stop_sequences, 'stop_sequences'),
      endUser: decodeEndUser(body.metadata, extra),
      serviceTier: optional(readString, body.service_tier, 'service_tier'),
    }),
    stream: optional(readBoolean, body.stream, 'stream') ?? false,
    includeUsage: true,
    extra,
  }
  keepUnknown(body, decodedWords, '', extra)
  return report.warnings.length === 0 ? request : { ...request, warnings: report.warnings }
}

/** `thinking`, and `output_config` with its effort and format. */
function decodeOutput(
  body: JsonObject,
  extra: Record<string, JsonValue>,
  report: Report,
): Pick<ChatRequest, 'reasoning' | 'outputFormat'> {
  const config = optional(readObject, body.output_config, 'output_config') ?? {}
  const thinking = optional(readObject, body.thinking, 'thinking')
  const effort = isEffort(config.effort) ? config.effort : undefined
  const alone: Reasoning | undefined = effort === undefined ? undefined : { enabled: true, effort }
  const reasoning = thinking === undefined ? alone : decodeThinking(thinking, effort)
  const outputFormat = decodeOutputFormat(config.format) ?? decodeOutputFormat(body.output_format)
  if (thinking !== undefined && reasoning === undefined) extra.thinking = thinking
  if (typeof thinking?.display === 'string') {
    report.changed('thinking.display', 'how thinking is shown is left to the provider')
  }
  if (body.output_format !== undefined && body.output_format !== null && outputFormat === undefined) {
    extra.output_format = body.output_format
  }
  const understood = new Set([
    ...(effort === undefined ? [] : ['effort']),
    ...(outputFormat === undefined ? [] : ['format']),
  ])
  keepUnknown(config, understood, 'output_config.', extra)
  return present({ reasoning, outputFormat })
}

function decodeEndUser(value: JsonValue | undefined, extra: Record<string, JsonValue>): string | undefined {
  const metadata = optional(readObject, value, 'metadata')
  if (metadata === undefined) return undefined
  keepUnknown(metadata, new Set(['user_id']), 'metadata.', extra)
  return optional(readString, metadata.user_id, 'metadata.user_id')
}

function keepUnknown(
  object: JsonObject,
  known: ReadonlySet<string>,
  prefix: string,
  extra: Record<string, JsonValue>,
): void {
  for (const [key, value] of Object.entries(object)) {
    if (!known.has(key) && value !== undefined && value !== null) extra[`${prefix}${key}`] = value
  }
}

/**
 * Words of Anthropic's own that a caller of any dialect may send, as LiteLLM's callers do; they pass as they are.
 * `thinking`, `output_config`, `output_format`, `metadata` and `top_k` are read, and heed what else is asked for.
 */
const ownWords = new Set(
  'container context_management mcp_servers inference_geo speed diagnostics cache_control stop_sequences'.split(' '),
)
const readWords = new Set('thinking output_config output_format metadata top_k'.split(' '))

/**
 * The body for the upstream model `request.model`, whose name decides which words it takes (model-traits.ts).
 * `max_tokens` is 4096, or 16384 for models that think by themselves, where the caller gave none.
 */
export function encodeRequest(request: ChatRequest): Encoded {
  const report = openReport()
  const traits = modelTraits(request.model)
  const { extra } = request
  const { tools, choice, forced } = encodeTools(request, traits, report)
  const { reasoning, rawThinking } = askedReasoning(request)
  const circumstances = { forcedTool: forced, messages: request.messages }
  const thought = encodeReasoning(reasoning, circumstances, traits, report)
  const topK = request.topK ?? (typeof extra.top_k === 'number' ? extra.top_k : undefined)
  const sampled = { ...request, ...present({ topK }) }
  const asked = request.outputFormat ?? decodeOutputFormat(extra.output_format)
  const { format, instruction } = encodeOutputFormat(asked, traits, report)
  const { system, messages } = encodeMessages(request.messages, traits, report)
  const systemText = instruction === undefined ? system : [...system, { type: 'text', text: instruction }]
  const outputConfig = {
    ...(isObject(extra.output_config) ? extra.output_config : {}),
    ...wordsUnder('output_config.', extra),
    ...present({ effort: thought.effort, format }),
  }
  const metadata = encodeMetadata(request, report)
  const body = present({
    model: request.model,
    max_tokens: maxTokens(request.maxOutputTokens, thought.budgetTokens, traits, report),
    system: systemText.length === 0 ? undefined : systemText,
    messages,
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: choice,
    thinking: rawThinking ?? thought.thinking,
    output_config: Object.keys(outputConfig).length === 0 ? undefined : outputConfig,
    ...encodeSampling(sampled, thought.thinks, traits, report),
    stop_sequences: encodeStop(request.stop, report),
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
    service_tier: encodeServiceTier(request.serviceTier, report),
    stream: request.stream ? true : undefined,
  })
  reportUnsayable(request, report)
  return { body: { ...passed(extra, report), ...body }, warnings: report.warnings }
}

/** `thinking` in Anthropic's own words, read where we know them and passed where we do not; else the caller's reasoning. */
function askedReasoning(request: ChatRequest): { readonly reasoning?: Reasoning; readonly rawThinking?: JsonObject } {
  const { thinking } = request.extra
  if (!isObject(thinking)) return present({ reasoning: request.reasoning })
  const reasoning = decodeThinking(thinking, request.reasoning?.effort)
  return reasoning === undefined ? { rawThinking: thinking } : { reasoning }
}

function maxTokens(asked: number | undefined, budgetTokens: number, traits: ModelTraits, report: Report): number {
  if (asked === undefined) {
    const value = budgetTokens + traits.defaultMaxTokens
    report.changed('maxOutputTokens', `sent as ${value}: Anthropic requires a limit`)
    return value
  }
  if (budgetTokens === 0 || asked > budgetTokens) return asked
  const value = budgetTokens + asked
  report.changed('maxOutputTokens', `raised to ${value}: it must leave room after the thinking budget`)
  return value
}

/** Anthropic refuses a stop sequence of white space alone. */
function encodeStop(stop: readonly string[] | undefined, report: Report): readonly string[] | undefined {
  const visible = stop?.filter((sequence) => /\S/.test(sequence))
  if (visible?.length !== stop?.length) report.changed('stop', 'sequences of white space alone are left out')
  return visible === undefined || visible.length === 0 ? undefined : visible
}

function encodeMetadata(request: ChatRequest, report: Report): JsonObject {
  const { extra, endUser } = request
  const given =
    isObject(extra.metadata) && typeof extra.metadata.user_id === 'string' ? extra.metadata.user_id : undefined
  const words = wordsUnder('metadata.', extra)
  const user = endUser ?? given
  if (isObject(extra.metadata) && Object.keys(extra.metadata).some((key) => key !== 'user_id')) {
    report.changed('metadata', 'only `user_id` of it is sent')
  }
  if (user === undefined) return words
  if (!isPersonal(user)) return { ...words, user_id: user }
  report.changed('endUser', 'left out: Anthropic refuses e-mail addresses and telephone numbers as user ids')
  return words
}

function isPersonal(user: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(user) || /^\+?[\d\s().-]{7,20}$/.test(user)
}

function encodeServiceTier(tier: string | undefined, report: Report): string | undefined {
  if (tier === undefined || tier === 'auto' || tier === 'standard_only') return tier
  if (tier === 'default') {
    report.changed('serviceTier', 'sent as `standard_only`')
    return 'standard_only'
  }
  report.unsupported('serviceTier', `no tier like \`${tier}\``)
  return undefined
}

function reportUnsayable(request: ChatRequest, report: Report): void {
  if (request.seed !== undefined) report.unsupported('seed')
  // Many clients send penalties of 0, which ask for nothing.
  for (const name of ['presencePenalty', 'frequencyPenalty'] as const) {
    if (request[name] !== undefined && request[name] !== 0) report.unsupported(name)
  }
  if (request.candidates !== undefined && request.candidates !== 1) {
    report.unsupported('candidates', 'Anthropic gives one answer')
  }
}

/** The caller's words that are Anthropic's too; the others are reported, unless they ask for nothing. */
function passed(extra: JsonObject, report: Report): JsonObject {
  const own: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(extra)) {
    if (value === undefined || value === null) continue
    if (ownWords.has(name) || (name === 'output_format' && decodeOutputFormat(value) === undefined)) own[name] = value
    else if (!readWords.has(name) && !isLeftover(name) && !asksNothing(value)) report.unsupported(name)
  }
  return own
}

/** `logprobs: false`, `logit_bias: {}`, `store: false`: what clients send whether they need it or not. */
function asksNothing(value: JsonValue): boolean {
  if (value === false || value === '') return true
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function isLeftover(name: string): boolean {
  return isToolLeftover(name) || name.startsWith('output_config.') || name.startsWith('metadata.')
}

function wordsUnder(prefix: string, extra: JsonObject): JsonObject {
  const words = Object.entries(extra).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(words.map(([name, value]) => [name.slice(prefix.length), value]))
}
