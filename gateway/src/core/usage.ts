/**
 * Tokens of one call, in one convention whatever the provider's: totals include their parts.
 * `inputTokens` counts cached and cache-written tokens too; `outputTokens` counts reasoning tokens too. An absent part is unknown, not 0.
 */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cachedInputTokens?: number
  /** The part of `cachedInputTokens` that is sound; `audioInputTokens` counts it too. */
  readonly cachedAudioInputTokens?: number
  readonly cacheWriteTokens?: number
  /** The part of `cacheWriteTokens` written with a lifetime of one hour. */
  readonly cacheWriteOneHourTokens?: number
  readonly reasoningTokens?: number
  readonly audioInputTokens?: number
  readonly audioOutputTokens?: number
  readonly imageInputTokens?: number
  readonly imageOutputTokens?: number
  /** At which of its prices the provider served the call; absent: the standard one. */
  readonly serviceTier?: ServiceTier
  /** The model that the provider says answered. */
  readonly model?: string
  /** Searches of the web that the provider made for the answer. */
  readonly webSearches?: number
  /** What is not counted in tokens. */
  readonly units?: UsageUnits
  /** The provider never told; the gateway counted what passed. */
  readonly estimated?: true
}

/** `standard`: the provider says that it is the plain one, whatever was asked for. */
export type ServiceTier = 'standard' | 'flex' | 'priority' | 'batch'

/** Quantities of calls that are billed by something else than tokens; durations in ms. */
export interface UsageUnits {
  readonly inputCharacters?: number
  readonly outputCharacters?: number
  readonly inputImages?: number
  readonly outputImages?: number
  /** Of all images that were made. */
  readonly outputPixels?: number
  readonly audioMs?: number
  readonly inputVideoMs?: number
  readonly outputVideoMs?: number
  /** How long the provider worked; what deployments billed by time cost. */
  readonly responseMs?: number
  /** Search units of a reranking. */
  readonly queries?: number
  readonly requests?: number
  readonly pages?: number
  readonly annotatedPages?: number
  readonly citationTokens?: number
  readonly searchContextSize?: 'low' | 'medium' | 'high'
  readonly codeInterpreterSessions?: number
  readonly fileSearches?: number
  readonly computerUseInputTokens?: number
  readonly computerUseOutputTokens?: number
}

/**
 * A usage with what the provider says beside it: which model answered, and at which of its prices.
 * @param model what names no model is no news
 * @param tier the provider's word; one that is not known leaves it to what was asked for
 */
export function servedAs(usage: Usage, model: unknown, tier?: unknown): Usage {
  const named = typeof model === 'string' && model !== '' && model.length <= longestModel ? model : usage.model
  const served = toldTierOf(tier) ?? usage.serviceTier
  if (named === usage.model && served === usage.serviceTier) return usage
  const told: { -readonly [Name in keyof Usage]: Usage[Name] } = { ...usage }
  if (named !== undefined) told.model = named
  if (served !== undefined) told.serviceTier = served
  return told
}

/** Names of models are remembered with their prices; what is longer is none. */
const longestModel = 256

/** The tier that a provider says it served: OpenAI's `default`, Anthropic's and Gemini's `standard`, Groq's `on_demand` are the plain one. */
export function toldTierOf(word: unknown): ServiceTier | undefined {
  if (word === 'default' || word === 'standard' || word === 'on_demand') return 'standard'
  return serviceTierOf(word)
}

/** The tier as a request words it; `undefined` for the standard one and for words without a price of their own. */
export function serviceTierOf(word: unknown): ServiceTier | undefined {
  if (word === 'flex' || word === 'priority' || word === 'batch') return word
  return undefined
}
