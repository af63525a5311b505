import { toldTierOf, type Usage } from '../../core/usage.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

/**
 * Anthropic counts cached and cache-written tokens beside `input_tokens`; ours include them.
 * @param usage a `usage` object, or several of one message laid over one another (`message_start`, then `message_delta`)
 */
export function decodeUsage(usage: JsonValue | undefined): Usage | undefined {
  if (!isObject(usage)) return undefined
  const input = count(usage.input_tokens)
  const output = count(usage.output_tokens)
  if (input === undefined && output === undefined) return undefined
  const cached = count(usage.cache_read_input_tokens)
  const written = count(usage.cache_creation_input_tokens)
  const oneHour = isObject(usage.cache_creation) ? count(usage.cache_creation.ephemeral_1h_input_tokens) : undefined
  const tier = toldTierOf(usage.service_tier)
  const searches = isObject(usage.server_tool_use) ? count(usage.server_tool_use.web_search_requests) : undefined
  const details = usage.output_tokens_details
  const reasoning = isObject(details) ? count(details.thinking_tokens) : undefined
  return {
    inputTokens: (input ?? 0) + (cached ?? 0) + (written ?? 0),
    outputTokens: output ?? 0,
    ...(cached === undefined ? {} : { cachedInputTokens: cached }),
    ...(written === undefined ? {} : { cacheWriteTokens: written }),
    ...(oneHour === undefined ? {} : { cacheWriteOneHourTokens: oneHour }),
    ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
    ...(searches === undefined || searches <= 0 ? {} : { webSearches: searches }),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  }
}

/** Unknown parts become 0, as Anthropic itself writes them: clients add these fields up without looking. */
export function encodeUsage(usage: Usage | undefined): JsonObject {
  const cached = usage?.cachedInputTokens ?? 0
  const written = usage?.cacheWriteTokens ?? 0
  const oneHour = usage?.cacheWriteOneHourTokens
  const reasoning = usage?.reasoningTokens
  return {
    // A provider whose parts exceed its total must not make a negative count.
    input_tokens: Math.max(0, (usage?.inputTokens ?? 0) - cached - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
    ...(oneHour === undefined
      ? {}
      : {
          cache_creation: {
            ephemeral_5m_input_tokens: Math.max(0, written - oneHour),
            ephemeral_1h_input_tokens: oneHour,
          },
        }),
    output_tokens: usage?.outputTokens ?? 0,
    ...(usage?.webSearches === undefined ? {} : { server_tool_use: { web_search_requests: usage.webSearches } }),
    ...(reasoning === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
    ...(usage?.serviceTier === undefined ? {} : { service_tier: usage.serviceTier }),
  }
}

function count(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
