import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Usage } from '../usage.ts'
import { breakdownOf } from './breakdown.ts'
import { costOf, reportedCost } from './cost-of.ts'
import { Price } from './price.ts'
import { parseRate, type Rate } from './rate.ts'

function rate(text: string): Rate {
  return parseRate(text) ?? assert.fail(text)
}

function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.entries(parts).reduce((all, [name, part]) => (name.includes('.') ? all + part : all), 0)
}

const all = new Price('all', {
  litellm_provider: 'anthropic',
  input_cost_per_token: 3e-6,
  output_cost_per_token: 15e-6,
  cache_read_input_token_cost: 0.3e-6,
  cache_creation_input_token_cost: 3.75e-6,
  cache_creation_input_token_cost_above_1hr: 6e-6,
  output_cost_per_reasoning_token: 20e-6,
  search_context_cost_per_query: { search_context_size_medium: 0.01 },
})

test('a cost is told by kind', () => {
  const cost = costOf(
    {
      inputTokens: 1000,
      cachedInputTokens: 400,
      cacheWriteTokens: 100,
      cacheWriteOneHourTokens: 40,
      outputTokens: 50,
      reasoningTokens: 20,
      webSearches: 2,
    },
    all,
  )
  assert.deepEqual(cost && breakdownOf(cost), {
    'input.text': 1_500_000,
    'input.cache-read': 120_000,
    'input.cache-write': 225_000,
    'input.cache-write-1h': 240_000,
    'output.text': 450_000,
    'output.reasoning': 400_000,
    'tools.web-search': 20_000_000,
  })
})

test('discount and margin are told with what made them', () => {
  const terms = { discount: rate('0.05'), margin: rate('0.1'), fixed: rate('0.001') }
  const cost = costOf({ inputTokens: 20_000, outputTokens: 0 }, all, terms)
  assert.deepEqual(cost && breakdownOf(cost), {
    'input.text': 60_000_000,
    discount: 3_000_000,
    'discount-share': 50_000_000,
    margin: 6_700_000,
    'margin-share': 100_000_000,
    'margin-fixed': 1_000_000,
  })
  assert.equal(cost?.total, 63_700_000)
})

test('a cost that the provider told has one part', () => {
  assert.deepEqual(breakdownOf(reportedCost(rate('0.25'))), { 'output.reported': 250_000_000 })
})

test('what costs nothing is told, too', () => {
  const free = new Price('free', { input_cost_per_token: 0, output_cost_per_token: 0 })
  const cost = costOf({ inputTokens: 5, outputTokens: 5 }, free)
  assert.deepEqual(cost && breakdownOf(cost), { 'input.text': 0, 'output.text': 0 })
  const nothing = costOf({ inputTokens: 0, outputTokens: 0 }, free)
  assert.deepEqual(nothing && breakdownOf(nothing), {})
})

test('the parts of every case of the table add up to its cost', () => {
  const { cases, entries } = JSON.parse(readFileSync(new URL('./fixtures/cases.json', import.meta.url), 'utf8')) as {
    readonly entries: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    readonly cases: readonly { readonly title: string; readonly entry: string; readonly usage: Usage }[]
  }
  for (const { entry, title, usage } of cases) {
    const cost = costOf(usage, new Price(entry, entries[entry] ?? {})) ?? assert.fail(title)
    assert.equal(sumOf(breakdownOf(cost)), cost.original, title)
  }
})

test('whatever the counts and the prices: sides and parts add up, and none is negative', () => {
  const count = fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: 0 })
  // Prices that need digits behind the billionth, so that everything has to be rounded.
  const price = fc.integer({ min: 0, max: 99_999 }).map((digits) => `${digits}e-14`)
  fc.assert(
    fc.property(
      fc.array(count, { minLength: 9, maxLength: 9 }),
      fc.array(price, { minLength: 8, maxLength: 8 }),
      (n, p) => {
        const [
          input = 0,
          cached = 0,
          written = 0,
          oneHour = 0,
          audio = 0,
          output = 0,
          reasoning = 0,
          audioOut = 0,
          searches = 0,
        ] = n
        const cost = costOf(
          {
            inputTokens: input + cached + written + audio,
            cachedInputTokens: cached,
            cacheWriteTokens: written,
            cacheWriteOneHourTokens: oneHour,
            audioInputTokens: audio,
            outputTokens: output + reasoning + audioOut,
            reasoningTokens: reasoning,
            audioOutputTokens: audioOut,
            webSearches: searches,
          },
          new Price('x', {
            input_cost_per_token: p[0],
            cache_read_input_token_cost: p[1],
            cache_creation_input_token_cost: p[2],
            input_cost_per_audio_token: p[3],
            output_cost_per_token: p[4],
            output_cost_per_reasoning_token: p[5],
            output_cost_per_audio_token: p[6],
            search_context_cost_per_query: { search_context_size_medium: p[7] },
          }),
        )
        assert.ok(cost)
        assert.equal(cost.input + cost.output + cost.tools, cost.original)
        const parts = breakdownOf(cost)
        assert.equal(sumOf(parts), cost.original)
        for (const part of Object.values(parts)) assert.ok(part >= 0)
        for (const side of ['input', 'output', 'tools'] as const) {
          const ofSide = Object.entries(parts).filter(([name]) => name.startsWith(side))
          assert.equal(sumOf(Object.fromEntries(ofSide)), cost[side])
        }
      },
    ),
  )
})
