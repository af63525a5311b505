/**
 * Names of the fields that hold a price (contract 1.6). A name may carry `_above_200k_tokens` (the rate of a whole request
 * whose input is larger) and `_flex`, `_priority` or `_batches` (the rate at that service tier).
 */
const bases: readonly string[] = [
  'input_cost_per_token',
  'output_cost_per_token',
  'input_cost_per_token_cache_hit',
  'cache_read_input_token_cost',
  'cache_creation_input_token_cost',
  'cache_creation_input_token_cost_above_1hr',
  'output_cost_per_reasoning_token',
  'input_cost_per_audio_token',
  'output_cost_per_audio_token',
  'cache_read_input_audio_token_cost',
  'cache_creation_input_audio_token_cost',
  'input_cost_per_image_token',
  'output_cost_per_image_token',
  'input_cost_per_video_token',
  'output_cost_per_video_token',
  'citation_cost_per_token',
  'input_cost_per_character',
  'output_cost_per_character',
  'input_cost_per_second',
  'output_cost_per_second',
  'input_cost_per_audio_per_second',
  'output_cost_per_audio_per_second',
  'input_cost_per_video_per_second',
  'output_cost_per_video_per_second',
  'input_cost_per_image',
  'output_cost_per_image',
  'input_cost_per_pixel',
  'output_cost_per_pixel',
  'input_cost_per_query',
  'input_cost_per_request',
  'ocr_cost_per_page',
  'annotation_cost_per_page',
  'code_interpreter_cost_per_session',
  'computer_use_input_cost_per_1k_tokens',
  'computer_use_output_cost_per_1k_tokens',
  'file_search_cost_per_1k_calls',
  'file_search_cost_per_gb_per_day',
  'vector_store_cost_per_gb_per_day',
]
const flat: ReadonlySet<string> = new Set(bases)

/** Prices that are objects or lists of prices. */
const structured: readonly string[] = ['search_context_cost_per_query', 'tiered_pricing', 'off_peak_pricing']

/** Every price field without suffixes. */
export const priceFields: readonly string[] = [...bases, ...structured]

const serviceSuffix = /_(?:flex|priority|batches)$/
const aboveTokens = /_above_(\d{1,7})(k?)_tokens$/
/** Any name of a price, known or not: the guard looks at all of them. */
const priceLike = /(?:^|_)costs?(?:_|$)/

/** Whether the gateway counts with the field. */
export function isPriceField(name: string): boolean {
  return isFlatPrice(name) || structured.includes(name)
}

/** Whether the field is a single number that the gateway counts with. */
export function isFlatPrice(name: string): boolean {
  return flat.has(name) || flat.has(name.replace(serviceSuffix, '').replace(aboveTokens, ''))
}

/** Whether the field looks like a price, so that it must be a number of 0 or more. */
export function looksLikePrice(name: string): boolean {
  return priceLike.test(name)
}

/** The sizes of input, in tokens, above which some price differs; largest first, compared as numbers. */
export function thresholdsOf(fields: Readonly<Record<string, unknown>>): readonly { tokens: number; suffix: string }[] {
  const found = new Map<string, number>()
  for (const name in fields) {
    const match = aboveTokens.exec(name.replace(serviceSuffix, ''))
    if (match !== null && isFlatPrice(name)) found.set(match[0], Number(match[1]) * (match[2] === 'k' ? 1000 : 1))
  }
  return Array.from(found, ([suffix, tokens]) => ({ tokens, suffix })).sort((a, b) => b.tokens - a.tokens)
}
