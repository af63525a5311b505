import { optional } from '../../core/body-fields.ts'
import type { ChatRequest } from '../../core/chat.ts'
import { openReport, type Report } from '../../core/report.ts'
import { type JsonObject, type JsonValue, present } from '../../lib/json.ts'
import type { Encoded } from '../dialect.ts'
import { readBoolean, readObject, readString } from '../openai-wire/fields.ts'
import { reportLeftOut } from '../openai-wire/report.ts'
import { decodeSampling, encodeSampling, samplingFields } from '../openai-wire/sampling.ts'
import { decodeMessages } from './decode-messages.ts'
import { encodeMessages, reportCache } from './encode-messages.ts'
import { encodeExtra } from './extra.ts'
import { decodeOutputFormat, encodeOutputFormat } from './output-format.ts'
import { decodeReasoning, encodeReasoning } from './reasoning.ts'
import { decodeToolChoice, decodeTools, encodeTool, encodeToolChoice } from './tools.ts'

/** Fields of the body with a word in the normal form; all others are `extra`. */
const known = new Set([
  ...samplingFields,
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_completion_tokens',
  'tools',
  'functions',
  'tool_choice',
  'function_call',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'reasoning',
  'thinking',
  'service_tier',
])

export function decodeRequest(body: JsonObject): ChatRequest {
  const report = openReport()
  const options = optional(readObject, body.stream_options, 'stream_options') ?? {}
  reportLeftOut(options, streamFields, 'stream_options', report)
  const request: ChatRequest = {
    // Routes with the model in their path need none in the body.
    model: optional(readString, body.model, 'model') ?? '',
    messages: decodeMessages(body.messages, report),
    stream: optional(readBoolean, body.stream, 'stream') ?? false,
    includeUsage: optional(readBoolean, options.include_usage, 'stream_options.include_usage') ?? false,
    ...readParameters(body, report),
  }
  return report.warnings.length === 0 ? request : { ...request, warnings: report.warnings }
}

// `include_obfuscation` pads chunks against eavesdroppers; a translated stream has other lengths anyway.
const streamFields = new Set(['include_usage', 'include_obfuscation'])

/** Everything of a body but the conversation itself: an operator's defaults for a deployment hold no more than this. */
export type ChatParameters = Omit<ChatRequest, 'model' | 'messages' | 'stream' | 'includeUsage'>

/** @throws GatewayError `invalid_request` naming the field */
export function decodeParameters(body: JsonObject): ChatParameters {
  const report = openReport()
  const parameters = readParameters(body, report)
  return report.warnings.length === 0 ? parameters : { ...parameters, warnings: report.warnings }
}

function readParameters(body: JsonObject, report: Report): ChatParameters {
  const extra: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(body)) {
    if (!known.has(name) && value !== undefined && value !== null) extra[name] = value
  }
  return {
    ...decodeSampling(body, report),
    ...present({
      tools: decodeTools(body, report),
      toolChoice: decodeToolChoice(body, report),
      parallelToolCalls: optional(readBoolean, body.parallel_tool_calls, 'parallel_tool_calls'),
      outputFormat: decodeOutputFormat(body.response_format, report),
      reasoning: decodeReasoning(body, report),
      serviceTier: optional(readString, body.service_tier, 'service_tier'),
    }),
    extra,
  }
}

/**
 * The limit goes as `max_completion_tokens`, the only spelling that OpenAI's reasoning models take; services that know
 * just `max_tokens` say so in their provider's `renames`. Usage is always asked for, so that the call can be accounted for.
 */
export function encodeRequest(request: ChatRequest): Encoded {
  const report = openReport()
  const { max_tokens, ...sampling } = encodeSampling(request)
  const own = {
    model: request.model,
    messages: encodeMessages(request.messages, report),
    ...(request.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...(max_tokens === undefined ? {} : { max_completion_tokens: max_tokens }),
    ...sampling,
    ...encodeToolbox(request, report),
    ...(request.outputFormat === undefined ? {} : { response_format: encodeOutputFormat(request.outputFormat) }),
    ...encodeReasoning(request.reasoning, report),
    ...encodeServiceTier(request.serviceTier, report),
  }
  if (request.topK !== undefined) report.unsupported('topK')
  return { body: { ...encodeExtra(request.extra, report), ...own }, warnings: report.warnings }
}

/** OpenAI refuses an empty list of tools, and a choice without tools. */
function encodeToolbox(request: ChatRequest, report: Report): JsonObject {
  const { tools = [], toolChoice, parallelToolCalls } = request
  if (tools.length === 0) {
    if (toolChoice !== undefined) report.changed('toolChoice', 'left out: there are no tools to choose from')
    if (parallelToolCalls !== undefined) report.changed('parallelToolCalls', 'left out: there are no tools to call')
    return {}
  }
  reportCache(tools, report)
  return {
    tools: tools.map(encodeTool),
    ...(toolChoice === undefined ? {} : { tool_choice: encodeToolChoice(toolChoice) }),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
  }
}

/** Anthropic's `standard_only` is OpenAI's `default`. */
function encodeServiceTier(tier: string | undefined, report: Report): JsonObject {
  if (tier === undefined) return {}
  if (tier !== 'standard_only') return { service_tier: tier }
  report.changed('serviceTier', 'sent as `default`')
  return { service_tier: 'default' }
}
