import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultGuards } from '../../prices/compare.ts'
import { dataOf, pack } from '../../prices/pack.ts'
import type { DeploymentId } from '../brand.ts'
import type { Deployment, DeploymentPricing } from '../deployment.ts'
import { costOf } from './cost-of.ts'
import { noPrices, PriceBook } from './price-book.ts'
import { namesFor } from './price-names.ts'
import { rateToNumber } from './rate.ts'
import { TermsTable } from './terms.ts'

function bookOf(entries: Readonly<Record<string, Readonly<Record<string, string | number>>>>): PriceBook {
  return new PriceBook(dataOf(new Map(Object.entries(entries))))
}

const book = bookOf({
  'gpt-4o': { litellm_provider: 'openai', input_cost_per_token: 1 },
  'GPT-Loud': { litellm_provider: 'openai', input_cost_per_token: 2 },
  'azure/gpt-4o': { litellm_provider: 'azure', input_cost_per_token: 3 },
  'gemini/gemini-x': { litellm_provider: 'gemini', input_cost_per_token: 4 },
  'anthropic.claude-x-v1:0': { litellm_provider: 'bedrock_converse', input_cost_per_token: 5 },
  'ft:gpt-4o-mini': { litellm_provider: 'openai', input_cost_per_token: 6 },
  'claude-x': { litellm_provider: 'anthropic', input_cost_per_token: 7 },
  'together_ai/meta/llama': { litellm_provider: 'together_ai', input_cost_per_token: 8 },
  'groq/größe': { litellm_provider: 'groq', input_cost_per_token: 9 },
})

const inputOf = (provider: string, model: string) => book.findModel(provider, model)?.fields.input_cost_per_token

test('a model is found by each of its names, and only as a model of its provider', () => {
  assert.equal(inputOf('openai', 'gpt-4o'), 1)
  assert.equal(inputOf('openai', 'gpt-loud'), 2, 'in other letters')
  assert.equal(inputOf('openai', 'GPT-4O'), 1)
  assert.equal(inputOf('azure', 'gpt-4o'), 3, 'with its provider first')
  assert.equal(inputOf('gemini', 'gemini-x'), 4)
  assert.equal(inputOf('gemini', 'gemini-x-002'), 4, 'a stable version of it')
  assert.equal(inputOf('vertex_ai', 'gemini/gemini-x'), 4)
  assert.equal(inputOf('bedrock', 'us.anthropic.claude-x-v1:0'), 5, 'in a region')
  assert.equal(inputOf('bedrock', 'us-east-1/anthropic.claude-x-v1:0'), 5)
  assert.equal(inputOf('openai', 'ft:gpt-4o-mini:organization::id'), 6, 'fine-tuned')
  assert.equal(inputOf('anthropic', 'claude-x@20250101'), 7, 'pinned')
  assert.equal(inputOf('openai', 'proxy/gpt-4o'), 1, 'behind the last slash')
  assert.equal(inputOf('together_ai', 'meta/llama'), 8)
  assert.equal(inputOf('groq', 'größe'), 9)
  for (const [provider, model] of [
    ['anthropic', 'gpt-4o'],
    ['groq', 'gpt-4o'],
    ['openai', 'claude-x'],
    ['openai', ''],
    ['', '__proto__'],
    ['openai', 'constructor'],
  ] as const) {
    assert.equal(inputOf(provider, model), undefined, `${provider} ${model}`)
  }
  assert.deepEqual(namesFor('openai', 'a'), ['openai/a', 'a'])
})

test('an empty map knows nothing', () => {
  assert.deepEqual([noPrices.size, noPrices.find('gpt-4o'), noPrices.modelsOf('openai')], [0, undefined, []])
})

function deployment(pricing: Partial<DeploymentPricing>, provider = 'openai', id = 'd'): Deployment {
  // Of a deployment only these three are read.
  return {
    id: id as DeploymentId,
    provider,
    pricing: { own: undefined, baseModel: undefined, ...pricing },
  } as Deployment
}

test('own prices come before the base model’s, and these before the model that answered and the one that was sent', () => {
  const nameOf = (one: Deployment, model: string, answered?: string) => book.priceOf(one, model, answered)?.name
  assert.equal(nameOf(deployment({}), 'gpt-4o'), 'gpt-4o')
  assert.equal(nameOf(deployment({}), 'gpt-4o', 'gpt-loud'), 'GPT-Loud')
  assert.equal(nameOf(deployment({}), 'gpt-4o', 'gpt-nobody-knows'), 'gpt-4o')
  assert.equal(nameOf(deployment({ baseModel: 'gpt-loud' }), 'gpt-4o', 'gpt-4o'), 'GPT-Loud')
  assert.equal(nameOf(deployment({ own: { input_cost_per_token: 1 }, baseModel: 'gpt-loud' }), 'gpt-4o'), 'd')
  assert.equal(nameOf(deployment({}), 'nobody-knows'), undefined)
  const one = deployment({})
  assert.equal(book.priceOf(one, 'gpt-4o'), book.priceOf(one, 'gpt-4o'), 'made once')
})

const ruled = new PriceBook(
  dataOf(
    new Map([['claude-known-4', { litellm_provider: 'anthropic', input_cost_per_token: 9, output_cost_per_token: 9 }]]),
    [
      {
        name: 'family',
        pattern: '^claude-[a-z]+-',
        fields: { litellm_provider: 'anthropic', input_cost_per_token: 1e-6 },
      },
      { name: 'five', pattern: '-5$', fields: { input_cost_per_token: 2e-6, output_cost_per_token: 3e-6 } },
    ],
  ),
)

test('a model without an entry has the prices of the rules that match it, a later one before an earlier one', () => {
  const priceOf = (model: string, provider = 'anthropic') => ruled.priceOf(deployment({}, provider), model)
  assert.equal(priceOf('claude-known-4')?.name, 'claude-known-4', 'an entry comes first')
  assert.deepEqual(
    [priceOf('claude-new-6')?.name, priceOf('claude-new-6')?.fields.input_cost_per_token],
    ['family', 1e-6],
  )
  assert.deepEqual(
    [priceOf('CLAUDE-new-5')?.name, priceOf('claude-new-5')?.fields.input_cost_per_token],
    ['family+five', 2e-6],
  )
  assert.equal(priceOf('claude-new-6', 'openai'), undefined, 'a rule is of its provider')
  assert.equal(priceOf('claude-new-5', 'openai')?.name, 'five')
  assert.equal(priceOf('llama'), undefined)
  assert.equal(priceOf(`claude-${'a'.repeat(500)}-5`), undefined)
  const answered = ruled.priceOf(deployment({}, 'anthropic'), 'claude-known-4', 'claude-new-5')
  assert.equal(answered?.name, 'claude-known-4', 'no rule for what answered comes before an entry for what was asked')
})

test('rules are kept with the map, and those without a price or with a pattern that may not be run are not', () => {
  const rule = (pattern: string, model_info: object = { input_cost_per_token: 1e-6 }) => ({
    name: 'r',
    pattern,
    model_info,
  })
  const rules = [
    rule('^widget-'),
    rule('^(a+)+$'),
    rule('(?P<python>x)'),
    rule('a*b*c*d*e*'),
    rule('(x)\\1'),
    rule('('),
    rule(''),
    rule('^can-think', { supports_reasoning: true }),
    7,
    { pattern: 5, model_info: {} },
  ]
  const map = { m: { litellm_provider: 'openai', input_cost_per_token: 1e-6 }, fallback_generalizations: { rules } }
  const { data } = pack({ bytes: Buffer.from(JSON.stringify(map)) })
  assert.deepEqual(
    data.rules?.map(({ pattern }) => pattern),
    ['^widget-'],
  )
  assert.deepEqual(data.names, ['m'])
  const again = pack({
    bytes: data.bytes.slice(),
    review: { current: data.bytes.slice(), guards: { ...defaultGuards, fewestModels: 1 } },
  })
  assert.deepEqual(again.data.rules, data.rules)
  assert.equal(again.data.hash, data.hash)
  assert.deepEqual([again.change?.models, again.change?.removedCount], [1, 0])
  assert.throws(
    () =>
      pack({
        bytes: Buffer.from(
          JSON.stringify({ ...map, fallback_generalizations: { rules: [rule('x', { input_cost_per_token: -1 })] } }),
        ),
      }),
    /input_cost_per_token of "r" is negative/,
  )
})

test('hours alone change the map’s price at these hours only', () => {
  const own = { off_peak_pricing: { hours_utc: '16:30-00:30', input_cost_per_token: 0.5 } }
  const price = book.priceOf(deployment({ own }), 'gpt-4o')
  assert.equal(price?.at(Date.UTC(2026, 0, 1, 12)).fields.input_cost_per_token, 1)
  assert.equal(price?.at(Date.UTC(2026, 0, 1, 18)).fields.input_cost_per_token, 0.5)
})

test('a deployment with prices of its own has the map’s for the cache, unless it says otherwise, and never its tiers', () => {
  const mapped = bookOf({
    m: {
      litellm_provider: 'openai',
      input_cost_per_token: 1e-6,
      output_cost_per_token: 1e-6,
      cache_read_input_token_cost: 1e-7,
      input_cost_per_token_above_200k_tokens: 5e-6,
    },
  })
  const usage = { inputTokens: 300_000, outputTokens: 0, cachedInputTokens: 100_000 }
  const totalOf = (own: DeploymentPricing['own']) => {
    const price = mapped.priceOf(deployment({ own }), 'm')
    return price === undefined ? undefined : costOf(usage, price)?.total
  }
  assert.equal(totalOf({ input_cost_per_token: 2e-6 }), 200_000 * 2_000 + 100_000 * 100)
  assert.equal(totalOf({ input_cost_per_token: 0, output_cost_per_token: 0 }), 0, 'free is free')
  assert.equal(
    totalOf({ input_cost_per_token: 2e-6, cache_read_input_token_cost: 1e-6 }),
    200_000 * 2_000 + 100_000 * 1_000,
  )
})

test('any number of names may be asked for', () => {
  const one = deployment({})
  for (let index = 0; index < 10_000; index += 1) assert.equal(book.priceOf(one, `made-up-${index}`), undefined)
  assert.equal(book.priceOf(one, 'gpt-4o')?.name, 'gpt-4o')
})

test('a provider’s own margin beats the one for all; names of objects are no providers', () => {
  const table = new TermsTable({ discounts: { openai: 0.5 }, margins: { global: 0.1, groq: { fixed_amount: 0.01 } } })
  const of = (provider: string) => {
    const { discount, margin, fixed } = table.of(provider) ?? assert.fail(provider)
    return [discount, margin, fixed].map(rateToNumber)
  }
  assert.deepEqual(of('openai'), [0.5, 0.1, 0])
  assert.deepEqual(of('groq'), [0, 0, 0.01])
  assert.deepEqual(of('constructor'), [0, 0.1, 0])
  assert.equal(new TermsTable({ discounts: { openai: 0.5 }, margins: {} }).of('toString'), undefined)
})
