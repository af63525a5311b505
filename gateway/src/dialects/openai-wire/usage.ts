import type { Usage } from '../../core/usage.ts'
import { isObject, type JsonObject, type JsonValue, present } from '../../lib/json.ts'

/**
 * Reads a `usage` object, also in the spellings of servers that only resemble OpenAI's: DeepSeek's
 * `prompt_cache_hit_tokens`, Moonshot's `cached_tokens`, LiteLLM's echo of Anthropic's cache counts.
 * @returns `undefined` when it counts nothing
 */
export function decodeUsage(value: JsonValue | undefined): Usage | undefined {
  if (!isObject(value)) return undefined
  const prompt = count(value.prompt_tokens)
  const completion = count(value.completion_tokens)
  const total = count(value.total_tokens)
  if (prompt === undefined && completion === undefined && total === undefined) return undefined
  const input = isObject(value.prompt_tokens_details) ? value.prompt_tokens_details : {}
  const output = isObject(value.completion_tokens_details) ? value.completion_tokens_details : {}
  const written = isObject(input.cache_creation_token_details) ? input.cache_creation_token_details : {}
  const inputTokens = prompt ?? Math.max(0, (total ?? 0) - (completion ?? 0))
  const reasoning = count(output.reasoning_tokens)
  const hidden = hiddenReasoning(inputTokens, completion ?? 0, total, reasoning)
  const usage: { -readonly [Name in keyof Usage]: Usage[Name] } = {
    inputTokens,
    outputTokens: (completion ?? 0) + hidden,
  }
  // Field by field: every call comes here once, and building it from a spread object takes several times as long.
  const cached =
    count(input.cached_tokens) ??
    count(value.prompt_cache_hit_tokens) ??
    count(value.cached_tokens) ??
    count(value.cache_read_input_tokens)
  if (cached !== undefined) usage.cachedInputTokens = cached
  const cacheWrite =
    count(value.cache_creation_input_tokens) ?? count(input.cache_creation_tokens) ?? count(input.cache_write_tokens)
  if (cacheWrite !== undefined) usage.cacheWriteTokens = cacheWrite
  const oneHour = count(written.ephemeral_1h_input_tokens)
  if (oneHour !== undefined) usage.cacheWriteOneHourTokens = oneHour
  const reasoningTokens = reasoning ?? (hidden > 0 ? hidden : undefined)
  if (reasoningTokens !== undefined) usage.reasoningTokens = reasoningTokens
  const audioIn = count(input.audio_tokens)
  if (audioIn !== undefined) usage.audioInputTokens = audioIn
  const cachedParts = input.cached_tokens_details
  const cachedAudio = isObject(cachedParts) ? count(cachedParts.audio_tokens) : undefined
  if (cachedAudio !== undefined && cachedAudio > 0) usage.cachedAudioInputTokens = cachedAudio
  const audioOut = count(output.audio_tokens)
  if (audioOut !== undefined) usage.audioOutputTokens = audioOut
  const imageIn = count(input.image_tokens)
  if (imageIn !== undefined) usage.imageInputTokens = imageIn
  const imageOut = count(output.image_tokens)
  if (imageOut !== undefined) usage.imageOutputTokens = imageOut
  // Perplexity's, and LiteLLM's own echo of what Anthropic and Gemini searched.
  const searches = count(value.num_search_queries) ?? count(input.web_search_requests)
  if (searches !== undefined && searches > 0) usage.webSearches = searches
  const citations = count(value.citation_tokens)
  if (citations !== undefined && citations > 0) usage.units = { citationTokens: citations }
  return usage
}

/**
 * OpenAI counts reasoning in `completion_tokens`. xAI and Gemini's compatible API do not, but bill it: there the total is
 * larger than its two parts, by the reasoning tokens, which Gemini does not name.
 */
function hiddenReasoning(
  input: number,
  completion: number,
  total: number | undefined,
  reasoning: number | undefined,
): number {
  const excess = (total ?? 0) - input - completion
  if (excess <= 0) return 0
  return reasoning === undefined || reasoning === excess ? excess : 0
}

/** OpenAI's `usage`, with LiteLLM's echo of the cache counts where the provider writes caches. */
export function encodeUsage(usage: Usage): JsonObject {
  const promptDetails = present({
    cached_tokens: usage.cachedInputTokens,
    cached_tokens_details:
      usage.cachedAudioInputTokens === undefined ? undefined : { audio_tokens: usage.cachedAudioInputTokens },
    image_tokens: usage.imageInputTokens,
    web_search_requests: usage.webSearches,
    audio_tokens: usage.audioInputTokens,
    cache_creation_tokens: usage.cacheWriteTokens,
    cache_creation_token_details:
      usage.cacheWriteOneHourTokens === undefined
        ? undefined
        : {
            ephemeral_5m_input_tokens: Math.max(0, (usage.cacheWriteTokens ?? 0) - usage.cacheWriteOneHourTokens),
            ephemeral_1h_input_tokens: usage.cacheWriteOneHourTokens,
          },
  })
  const completionDetails = present({
    reasoning_tokens: usage.reasoningTokens,
    audio_tokens: usage.audioOutputTokens,
    image_tokens: usage.imageOutputTokens,
  })
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    ...(Object.keys(promptDetails).length === 0 ? {} : { prompt_tokens_details: promptDetails }),
    ...(Object.keys(completionDetails).length === 0 ? {} : { completion_tokens_details: completionDetails }),
    ...(usage.cacheWriteTokens === undefined
      ? {}
      : present({
          cache_creation_input_tokens: usage.cacheWriteTokens,
          cache_read_input_tokens: usage.cachedInputTokens,
        })),
  }
}

/** A count that can be billed: what is not a whole number of 0 or more is unknown. */
function count(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
