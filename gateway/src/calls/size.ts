import type { Terms } from '../core/cost/cost-of.ts'
import { costOf } from '../core/cost/cost-of.ts'
import type { Price } from '../core/cost/price.ts'
import type { JsonValue } from '../lib/json.ts'
import type { CallSize } from '../state/limits/limited-call.ts'
import type { Call } from './call.ts'
import type { CallPorts } from './ports.ts'
import { type Target, upstreamModelOf } from './target.ts'

/** Latin text has about four characters to a token; a little more is taken than will be used, so that limits hold. */
const charactersPerToken = 3
/** A token or two for each character of scripts that tokenizers know less well. */
const tokensPerOtherCharacter = 1.2
/** What providers count for an image of usual size. */
const tokensPerFile = 1_000
const tokensPerItem = 4
const deepest = 16
/** Text is judged by so many of its characters. */
const samples = 16
/** Of an answer without `max_tokens`, while no answer of the group is known. */
const usualOutput = 4_096
/** The dearest of so many deployments is taken; larger groups are of one kind. */
const pricedDeployments = 8

/** Dialects whose answers have no tokens of their own. */
const withoutOutput: ReadonlySet<string> = new Set(['openai-embeddings', 'anthropic-count-tokens'])

/** How much a call may use, as far as one can know before it is made. */
export function sizeOf(call: Call, target: Target, ports: Pick<CallPorts, 'clock' | 'limits'>): CallSize {
  const { group, wildcard } = target.resolution
  const { prices, settings } = call.snapshot
  const inputTokens = inputTokensOf(call)
  let known: number | undefined
  let dearest = 0
  let free = true
  const rates: (Rates | undefined)[] = []
  for (const deployment of group.deployments.slice(0, pricedDeployments)) {
    const price = prices.priceOf(deployment, upstreamModelOf(deployment, wildcard))
    const most = price?.fields.max_output_tokens
    if (typeof most === 'number') known = Math.max(known ?? 0, most)
    const rate = price === undefined ? undefined : ratesOf(price, settings.terms.of(deployment.provider))
    if (rate === undefined || rate.input > 0 || rate.output > 0) free = false
    rates.push(rate)
  }
  const longest = ports.limits.sizes.longestOutput(group.name, ports.clock.now()) ?? usualOutput
  const expected = withoutOutput.has(call.dialect) ? 0 : (askedOutput(call) ?? Math.min(longest, known ?? longest))
  const outputTokens = Math.ceil(expected * choices(call))
  for (const rate of rates) {
    if (rate !== undefined) dearest = Math.max(dearest, inputTokens * rate.input + outputTokens * rate.output)
  }
  return { group: group.name, inputTokens, outputTokens, cost: Math.ceil(dearest), free }
}

/** `max_tokens` under any of its names. */
function askedOutput({ body }: Call): number | undefined {
  const asked = body.max_completion_tokens ?? body.max_tokens ?? body.max_output_tokens
  return typeof asked === 'number' && asked >= 0 ? Math.min(asked, 1e9) : undefined
}

function choices({ body }: Call): number {
  return typeof body.n === 'number' && body.n > 1 ? Math.min(body.n, 1_000) : 1
}

/** Content only: settings of the request cost nothing. */
const contentFields = ['messages', 'system', 'tools', 'functions', 'response_format', 'prompt', 'input'] as const

function inputTokensOf({ body }: Call): number {
  let tokens = 0
  for (const name of contentFields) {
    const value = body[name]
    if (value !== undefined) tokens += tokensIn(value, 0)
  }
  return Math.ceil(tokens)
}

function tokensIn(value: JsonValue, depth: number): number {
  if (typeof value === 'string') return tokensOfText(value)
  // A prompt may be given as tokens.
  if (typeof value === 'number') return 1
  if (value === null || typeof value !== 'object' || depth === deepest) return 0
  let tokens = 0
  if (Array.isArray(value)) {
    for (const item of value) tokens += tokensIn(item, depth + 1)
    return tokens
  }
  tokens += tokensPerItem
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue
    tokens += isFile(name, field) ? tokensPerFile : tokensIn(field, depth + 1)
  }
  return tokens
}

/** Files are sent as base64, in which no token is counted by its letters. */
function isFile(name: string, value: JsonValue): boolean {
  if (typeof value !== 'string' || value.length < 256) return false
  return name === 'data' || name === 'file_data' || value.startsWith('data:')
}

function tokensOfText(text: string): number {
  const step = Math.max(1, Math.floor(text.length / samples))
  let seen = 0
  let other = 0
  for (let index = 0; index < text.length; index += step) {
    seen += 1
    if (text.charCodeAt(index) > 0x24f) other += 1
  }
  if (other === 0) return text.length / charactersPerToken
  const share = other / seen
  return text.length * (share * tokensPerOtherCharacter + (1 - share) / charactersPerToken)
}

/** Billionths of a dollar for one token. */
interface Rates {
  readonly input: number
  readonly output: number
}

const many = 1_000_000
const knownRates = new WeakMap<Price, { readonly terms: Terms | undefined; readonly rates: Rates | undefined }>()

/** Rounded from a million tokens, for an estimate; what a call costs in the end is counted exactly. */
function ratesOf(price: Price, terms: Terms | undefined): Rates | undefined {
  const known = knownRates.get(price)
  if (known !== undefined && known.terms === terms) return known.rates
  const input = costOf({ inputTokens: many, outputTokens: 0 }, price, terms)
  const both = costOf({ inputTokens: many, outputTokens: many }, price, terms)
  const rates =
    input === undefined || both === undefined
      ? undefined
      : { input: input.total / many, output: Math.max(0, both.total - input.total) / many }
  knownRates.set(price, { terms, rates })
  return rates
}
