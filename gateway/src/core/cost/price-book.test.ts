import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataOf } from '../../prices/pack.ts'
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
