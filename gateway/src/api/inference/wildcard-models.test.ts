import assert from 'node:assert/strict'
import { test } from 'node:test'
import { model, prepareOnce } from '../../../test/control-plane.ts'
import { PriceBook } from '../../core/cost/price-book.ts'
import { dataOf } from '../../prices/pack.ts'
import { knownByWildcard } from './wildcard-models.ts'

function book(...entries: readonly (readonly [name: string, provider: string, mode?: string])[]): PriceBook {
  return new PriceBook(
    dataOf(new Map(entries.map(([name, litellm_provider, mode = 'chat']) => [name, { litellm_provider, mode }]))),
  )
}

async function modelsOf(...pairs: readonly (readonly [name: string, upstream: string])[]) {
  const models = pairs.map(([name, upstream], index) => model(name, String(index), { model: upstream, api_key: 'k' }))
  const { prepared } = await prepareOnce({ models })
  return prepared?.models ?? assert.fail()
}

test('a wildcard stands for every model of its provider that the map knows', async () => {
  const models = await modelsOf(['openai/*', 'openai/*'], ['g/*', 'gemini/*'], ['exact', 'openai/gpt-4o'])
  const prices = book(
    ['gpt-4o', 'openai'],
    ['gpt-7', 'openai', 'responses'],
    ['dall-e-3', 'openai', 'image_generation'],
    ['text-embedding-3-small', 'openai', 'embedding'],
    ['gemini/gemini-2.5-pro', 'gemini'],
    ['claude-x', 'anthropic'],
  )
  const expected = ['g/gemini-2.5-pro', 'openai/gpt-4o', 'openai/gpt-7', 'openai/text-embedding-3-small']
  assert.deepEqual([...knownByWildcard({ models, prices })].sort(), expected)
  const later = book(['gpt-8', 'openai'])
  assert.deepEqual(knownByWildcard({ models, prices: later }), ['openai/gpt-8'])
  assert.equal(knownByWildcard({ models, prices: later }), knownByWildcard({ models, prices: later }))
})

test('what the star of the upstream name cannot be is not listed', async () => {
  const models = await modelsOf(['gpt-*', 'openai/gpt-*'], ['best-*-x', 'openai/o*-pro'])
  const prices = book(
    ['gpt-4o', 'openai'],
    ['gpt-', 'openai'],
    ['o3-pro', 'openai'],
    ['o-pro', 'openai'],
    ['o3', 'openai'],
  )
  assert.deepEqual([...knownByWildcard({ models, prices })].sort(), ['best-3-x', 'gpt-4o'])
})

test('without a wildcard, or without a map, there is nothing', async () => {
  const models = await modelsOf(['exact', 'openai/gpt-4o'])
  assert.deepEqual(knownByWildcard({ models, prices: book(['gpt-4o', 'openai']) }), [])
  assert.deepEqual(knownByWildcard({ models: await modelsOf(['openai/*', 'openai/*']), prices: book() }), [])
})
