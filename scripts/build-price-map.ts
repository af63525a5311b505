import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProvider } from '@pydantic/genai-prices'
import { parseRate, rateToNumber } from '../gateway/src/core/cost/rate.ts'
import type { JsonValue } from '../gateway/src/lib/json.ts'
import { dataOf } from '../gateway/src/prices/pack.ts'
import { indexOf } from './generate/bundled-index.ts'

/**
 * Writes the price map that comes with the gateway, in LiteLLM's field names, from `@pydantic/genai-prices` (MIT). What it does
 * not know is absent, never 0. Run when a new version of the package is installed: `node scripts/build-price-map.ts`.
 */

type Entry = Record<string, JsonValue>
type Prices = Readonly<Record<string, unknown>>
type Model = NonNullable<ReturnType<typeof findProvider>>['models'][number]

/** The package's providers, with LiteLLM's name and the prefix of LiteLLM's keys. */
const providers: readonly (readonly [id: string, provider: string, prefix: string])[] = [
  ['openai', 'openai', ''],
  ['anthropic', 'anthropic', ''],
  ['google', 'gemini', 'gemini/'],
  ['azure', 'azure', 'azure/'],
  ['aws', 'bedrock', ''],
  ['avian', 'avian', 'avian/'],
  ['baseten', 'baseten', 'baseten/'],
  ['cerebras', 'cerebras', 'cerebras/'],
  ['cohere', 'cohere', ''],
  ['deepseek', 'deepseek', 'deepseek/'],
  ['fireworks', 'fireworks_ai', 'fireworks_ai/'],
  ['groq', 'groq', 'groq/'],
  ['minimax', 'minimax', 'minimax/'],
  ['mistral', 'mistral', 'mistral/'],
  ['moonshotai', 'moonshot', 'moonshot/'],
  ['novita', 'novita', 'novita/'],
  ['openrouter', 'openrouter', 'openrouter/'],
  ['ovhcloud', 'ovhcloud', 'ovhcloud/'],
  ['perplexity', 'perplexity', 'perplexity/'],
  ['together', 'together_ai', 'together_ai/'],
  ['voyageai', 'voyage', 'voyage/'],
  ['x-ai', 'xai', 'xai/'],
  ['zai', 'zai', 'zai/'],
]

/** The package's prices: LiteLLM's field, and the power of ten from its unit to LiteLLM's. */
const fields: Readonly<Record<string, readonly [field: string, shift: number]>> = {
  input_mtok: ['input_cost_per_token', -6],
  output_mtok: ['output_cost_per_token', -6],
  cache_read_mtok: ['cache_read_input_token_cost', -6],
  cache_write_mtok: ['cache_creation_input_token_cost', -6],
  cache_write_1h_mtok: ['cache_creation_input_token_cost_above_1hr', -6],
  input_audio_mtok: ['input_cost_per_audio_token', -6],
  output_audio_mtok: ['output_cost_per_audio_token', -6],
  cache_audio_read_mtok: ['cache_read_input_audio_token_cost', -6],
  input_image_mtok: ['input_cost_per_image_token', -6],
  output_image_mtok: ['output_cost_per_image_token', -6],
  input_video_mtok: ['input_cost_per_video_token', -6],
  output_video_mtok: ['output_cost_per_video_token', -6],
  output_reasoning_mtok: ['output_cost_per_reasoning_token', -6],
  output_citation_mtok: ['citation_cost_per_token', -6],
  requests_kcount: ['input_cost_per_request', -3],
  input_document_kpages: ['ocr_cost_per_page', -3],
  input_annotated_document_kpages: ['annotation_cost_per_page', -3],
  storage_searches_kcount: ['file_search_cost_per_1k_calls', 0],
}

const secondsPerHour = 3600
const today = new Date()
const models = new Map<string, Entry>()

for (const [id, provider, prefix] of providers) {
  const found = findProvider({ providerId: id })
  if (found === undefined) throw new Error(`the package has no provider ${id}`)
  // Exact names first, so that no other model's pattern takes one.
  for (const model of found.models) add(prefix + model.id, entryOf(model, provider))
  for (const model of found.models)
    for (const name of namesOf(model.match)) add(prefix + name, entryOf(model, provider))
}

const manifest = join(import.meta.dirname, '../node_modules/@pydantic/genai-prices/package.json')
const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
const stamp = `@pydantic/genai-prices ${version}, MIT, ${today.toISOString().slice(0, 10)}`
const { bytes } = dataOf(models)
const folder = join(import.meta.dirname, '../gateway/src/prices')
writeFileSync(join(folder, 'bundled.json'), bytes)
writeFileSync(join(folder, 'bundled-index.json'), indexOf(bytes, stamp))
process.stdout.write(`${models.size} models from ${stamp}\n`)

function add(name: string, entry: Entry | undefined): void {
  if (entry !== undefined && !models.has(name)) models.set(name, entry)
}

/** The names that a rule says are this model: exact ones, and beginnings as they stand. */
function namesOf(rule: unknown): readonly string[] {
  if (typeof rule !== 'object' || rule === null) return []
  if ('or' in rule && Array.isArray(rule.or)) return rule.or.flatMap(namesOf)
  if ('equals' in rule && typeof rule.equals === 'string') return [rule.equals]
  if ('starts_with' in rule && typeof rule.starts_with === 'string' && !/[-:.]$/.test(rule.starts_with)) {
    return [rule.starts_with]
  }
  return []
}

function entryOf(model: Model, provider: string): Entry | undefined {
  const prices = pricesNow(model.prices)
  const entry: Entry = { litellm_provider: provider }
  if (/embed/.test(model.id)) entry.mode = 'embedding'
  if (model.context_window !== undefined) entry.max_input_tokens = model.context_window
  const described = Object.keys(entry).length
  for (const [name, value] of Object.entries(prices)) addPrice(entry, name, value)
  return Object.keys(entry).length === described ? undefined : entry
}

/** Of prices that change by date the ones of today; of those that change by hour the plain ones. */
function pricesNow(prices: unknown): Prices {
  // The package's type is a union of shapes that are all read by name here.
  if (!Array.isArray(prices)) return prices as Prices
  const now = prices.filter(({ constraint }) => {
    if (constraint === undefined) return true
    return constraint.type === 'start_date' && Date.parse(constraint.start_date) <= today.getTime()
  })
  return now.at(-1)?.prices ?? {}
}

function addPrice(entry: Entry, name: string, value: unknown): void {
  if (name === 'web_searches_kcount') {
    const each = shifted(value, -3)
    entry.search_context_cost_per_query = {
      search_context_size_high: each,
      search_context_size_low: each,
      search_context_size_medium: each,
    }
    return
  }
  if (name === 'audio_hours' || name === 'input_audio_hours') {
    entry.input_cost_per_second = Number((Number(value) / secondsPerHour).toPrecision(15))
    return
  }
  const known = fields[name]
  if (known === undefined) return
  const [field, shift] = known
  if (typeof value !== 'object' || value === null) {
    entry[field] = shifted(value, shift)
    return
  }
  if (!('base' in value && 'tiers' in value && Array.isArray(value.tiers))) throw new Error(`${name} has another shape`)
  entry[field] = shifted(value.base, shift)
  for (const { start, price } of value.tiers) {
    entry[`${field}_above_${start % 1000 === 0 ? `${start / 1000}k` : start}_tokens`] = shifted(price, shift)
  }
}

function shifted(value: unknown, shift: number): number {
  const rate = parseRate(value, shift)
  if (rate === undefined) throw new Error(`${String(value)} is no price`)
  return rateToNumber(rate)
}
