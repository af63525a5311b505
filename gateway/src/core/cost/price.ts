import type { ServiceTier } from '../usage.ts'
import { isOffPeak, type OffPeak, offPeakOf, withOffPeak } from './off-peak.ts'
import { thresholdsOf } from './price-fields.ts'
import { halfOf, parseRate, type Rate } from './rate.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * What one unit of each kind costs, for one service tier and size of input; what has no price of its own has that of the
 * kind it is part of. `undefined`: unknown, which is never 0.
 */
export interface RateCard {
  readonly input: Rate | undefined
  readonly output: Rate | undefined
  readonly cacheRead: Rate | undefined
  /** Of sound that was cached. */
  readonly cacheReadAudio: Rate | undefined
  readonly cacheWrite: Rate | undefined
  readonly cacheWriteOneHour: Rate | undefined
  readonly reasoning: Rate | undefined
  readonly audioInput: Rate | undefined
  readonly audioOutput: Rate | undefined
  readonly imageInput: Rate | undefined
  readonly imageOutput: Rate | undefined
  readonly citation: Rate | undefined
  readonly inputCharacter: Rate | undefined
  readonly outputCharacter: Rate | undefined
  /** Per ms of the answer's time. */
  readonly responseMs: Rate | undefined
  readonly audioMs: Rate | undefined
  readonly inputVideoMs: Rate | undefined
  readonly outputVideoMs: Rate | undefined
  readonly inputImage: Rate | undefined
  readonly outputImage: Rate | undefined
  readonly pixel: Rate | undefined
  readonly query: Rate | undefined
  readonly request: Rate | undefined
  readonly page: Rate | undefined
  readonly annotatedPage: Rate | undefined
}

/** Tokens from `from` (0-based) up to the next slice cost this much each, whatever the size of the whole (`tiered_pricing`). */
export interface Slice {
  readonly from: number
  readonly input: Rate | undefined
  readonly output: Rate | undefined
  readonly reasoning: Rate | undefined
}

/** What tools of the provider cost. */
export interface ToolRates {
  readonly webSearch: { readonly low?: Rate; readonly medium?: Rate; readonly high?: Rate }
  /** Gemini bills one search for each prompt, however many it made, unless its entry says otherwise. */
  readonly webSearchOncePerRequest: boolean
  readonly codeInterpreterSession: Rate | undefined
  readonly fileSearch: Rate | undefined
  readonly computerUseInput: Rate | undefined
  readonly computerUseOutput: Rate | undefined
}

/** The prices of one model, or the operator's own of one deployment. Immutable; its cards are made when they are first asked for. */
export class Price {
  readonly name: string
  /** `litellm_provider`; '' for a deployment's own. */
  readonly provider: string
  readonly mode: string
  /** The entry as it is written. */
  readonly fields: Fields
  readonly slices: readonly Slice[]
  readonly #thresholds: readonly { readonly tokens: number; readonly suffix: string }[]
  readonly #cards = new Map<string, RateCard>()
  readonly #offPeak: { readonly hours: OffPeak; readonly price: Price } | undefined
  #tools: ToolRates | undefined

  /** @param fields LiteLLM's names; what is not a number of 0 or more counts as absent */
  constructor(name: string, fields: Fields) {
    this.name = name
    this.fields = fields
    this.provider = text(fields.litellm_provider)
    this.mode = text(fields.mode)
    this.slices = slicesOf(fields.tiered_pricing)
    this.#thresholds = thresholdsOf(fields)
    const hours = offPeakOf(fields.off_peak_pricing)
    if (hours !== undefined) {
      const { off_peak_pricing: _, ...rest } = withOffPeak(fields, hours)
      this.#offPeak = { hours, price: new Price(name, rest) }
    }
    this.billsMore = ['input_cost_per_second', 'output_cost_per_second', 'input_cost_per_request'].some(
      (field) => fields[field] !== undefined,
    )
  }

  /** Whether it is another one at some hours. */
  get hasHours(): boolean {
    return this.#offPeak !== undefined
  }

  /** @param unixMs when the call began */
  at(unixMs: number): Price {
    return this.#offPeak !== undefined && isOffPeak(this.#offPeak.hours, unixMs) ? this.#offPeak.price : this
  }

  /** @param inputTokens of the whole request, cached ones included: thresholds are compared with them (contract 1.8) */
  card(served: ServiceTier | undefined, inputTokens: number): RateCard {
    const tier = served === 'standard' ? undefined : served
    let suffix = ''
    for (const threshold of this.#thresholds) {
      if (inputTokens <= threshold.tokens) continue
      suffix = threshold.suffix
      break
    }
    const key = tier === undefined ? suffix : `${tier}${suffix}`
    let card = this.#cards.get(key)
    if (card === undefined) {
      card = rateCard(this.fields, tier, suffix)
      this.#cards.set(key, card)
    }
    return card
  }

  /** Whether more than what is in a usage may be billed: the time of the answer, or the request itself. */
  readonly billsMore: boolean

  get tools(): ToolRates {
    this.#tools ??= toolRates(this.fields, this.provider)
    return this.#tools
  }
}

const tierSuffixes = { flex: '_flex', priority: '_priority', batch: '_batches' } as const

function rateCard(fields: Fields, tier: keyof typeof tierSuffixes | undefined, above: string): RateCard {
  const service = tier === undefined ? '' : tierSuffixes[tier]

  /** The most special one that is written: of the size at the tier, of the size, of the tier, the plain one. */
  function rate(base: string, { sized = true, shift = 0 } = {}): Rate | undefined {
    const size = sized ? above : ''
    const special = service === '' ? undefined : parseRate(fields[`${base}${size}${service}`], shift)
    if (special !== undefined) return special
    const ofTier = service === '' ? undefined : parseRate(fields[`${base}${service}`], shift)
    // A batch costs half of what the same costs at once, where its price is not written (contract 1.8).
    if (tier === 'batch') return ofTier ?? half(parseRate(fields[`${base}${size}`], shift) ?? plain(base, shift))
    const ofSize = size === '' ? undefined : parseRate(fields[`${base}${size}`], shift)
    return ofSize ?? ofTier ?? plain(base, shift)
  }

  function plain(base: string, shift: number): Rate | undefined {
    return parseRate(fields[base], shift)
  }

  const perSecond = (base: string): Rate | undefined => rate(base, { shift: -3 })
  const input = rate('input_cost_per_token')
  const output = rate('output_cost_per_token')
  const cacheWrite = rate('cache_creation_input_token_cost') ?? input
  // Cached tokens without a price of their own are not free, they are input (contract 1.8).
  const cacheRead = rate('cache_read_input_token_cost') ?? rate('input_cost_per_token_cache_hit') ?? input
  return {
    input,
    output,
    cacheRead,
    cacheReadAudio: rate('cache_read_input_audio_token_cost', { sized: false }) ?? cacheRead,
    cacheWrite,
    cacheWriteOneHour: rate('cache_creation_input_token_cost_above_1hr') ?? cacheWrite,
    reasoning: rate('output_cost_per_reasoning_token') ?? output,
    audioInput: rate('input_cost_per_audio_token', { sized: false }) ?? input,
    audioOutput: rate('output_cost_per_audio_token', { sized: false }) ?? output,
    imageInput: rate('input_cost_per_image_token', { sized: false }) ?? input,
    imageOutput: rate('output_cost_per_image_token', { sized: false }) ?? output,
    citation: rate('citation_cost_per_token'),
    inputCharacter: rate('input_cost_per_character'),
    outputCharacter: rate('output_cost_per_character'),
    // Entries of transcription write the same price on both sides and mean it once.
    responseMs: larger(perSecond('input_cost_per_second'), perSecond('output_cost_per_second')),
    audioMs: perSecond('input_cost_per_audio_per_second'),
    inputVideoMs: perSecond('input_cost_per_video_per_second'),
    outputVideoMs: perSecond('output_cost_per_video_per_second'),
    inputImage: rate('input_cost_per_image'),
    outputImage: rate('output_cost_per_image'),
    pixel: larger(rate('input_cost_per_pixel'), rate('output_cost_per_pixel')),
    query: rate('input_cost_per_query'),
    request: rate('input_cost_per_request'),
    page: rate('ocr_cost_per_page'),
    annotatedPage: rate('annotation_cost_per_page'),
  }
}

function toolRates(fields: Fields, provider: string): ToolRates {
  const context = asFields(fields.search_context_cost_per_query)
  const sizes = ['low', 'medium', 'high'] as const
  const webSearch: { low?: Rate; medium?: Rate; high?: Rate } = {}
  for (const size of sizes) {
    const rate = parseRate(context[`search_context_size_${size}`])
    if (rate !== undefined) webSearch[size] = rate
  }
  return {
    webSearch,
    webSearchOncePerRequest: /^(gemini|vertex_ai)/.test(provider) && fields.web_search_billing_unit !== 'per_query',
    codeInterpreterSession: parseRate(fields.code_interpreter_cost_per_session),
    fileSearch: parseRate(fields.file_search_cost_per_1k_calls, -3),
    computerUseInput: parseRate(fields.computer_use_input_cost_per_1k_tokens, -3),
    computerUseOutput: parseRate(fields.computer_use_output_cost_per_1k_tokens, -3),
  }
}

/** Ascending by where they begin; entries without a usable range are left out. */
function slicesOf(value: unknown): readonly Slice[] {
  if (!Array.isArray(value)) return []
  const slices: Slice[] = []
  for (const item of value) {
    const tier = asFields(item)
    const from: unknown = Array.isArray(tier.range) ? tier.range[0] : undefined
    if (typeof from !== 'number' || !(from >= 0)) continue
    const output = parseRate(tier.output_cost_per_token)
    slices.push({
      from: Math.floor(from),
      input: parseRate(tier.input_cost_per_token),
      output,
      reasoning: parseRate(tier.output_cost_per_reasoning_token) ?? output,
    })
  }
  return slices.sort((a, b) => a.from - b.from)
}

function asFields(value: unknown): Fields {
  // Any object may be read by name; what is found is checked where it is used.
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function larger(left: Rate | undefined, right: Rate | undefined): Rate | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return left > right ? left : right
}

function half(rate: Rate | undefined): Rate | undefined {
  return rate === undefined ? undefined : halfOf(rate)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
