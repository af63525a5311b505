import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nanoToText } from '../money.ts'
import type { Usage } from '../usage.ts'
import { costOf, reportedCost, type Terms } from './cost-of.ts'
import { Price } from './price.ts'
import { one, parseRate, type Rate } from './rate.ts'

interface Case {
  readonly title: string
  readonly entry: string
  readonly usage: Usage
  /** `1000 × 0.0000025 + 20 × 0.00001`, dollars */
  readonly formula: string
  readonly nano: number
}

const { cases, entries } = JSON.parse(readFileSync(new URL('./fixtures/cases.json', import.meta.url), 'utf8')) as {
  readonly entries: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly cases: readonly Case[]
}

/** The formula's value in nano-dollars, half to even, by integers of 10⁻³⁰ dollars: nothing of what is tested is used. */
function evaluate(formula: string): bigint {
  let sum = 0n
  for (const product of formula.split(' + ')) {
    const [left = '0', right = '0'] = product.split(' × ')
    sum += scaled(left, 3) * scaled(right, 27)
  }
  const unit = 10n ** 21n
  const rest = sum % unit
  const floor = sum / unit
  if (rest * 2n < unit) return floor
  return rest * 2n > unit || floor % 2n === 1n ? floor + 1n : floor
}

function scaled(text: string, places: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.')
  assert.ok(fraction.length <= places, text)
  return BigInt(whole + fraction.padEnd(places, '0'))
}

function priceOf(name: string): Price {
  return new Price(name, entries[name] ?? assert.fail(name))
}

test('there are at least 120 cases over at least 40 entries', () => {
  assert.ok(cases.length >= 120, String(cases.length))
  assert.ok(Object.keys(entries).length >= 40)
})

for (const { entry, formula, nano, title, usage } of cases) {
  test(title, () => {
    assert.equal(BigInt(nano), evaluate(formula))
    const cost = costOf(usage, priceOf(entry))
    assert.equal(cost?.total, nano)
    assert.equal((cost?.input ?? 0) + (cost?.output ?? 0) + (cost?.tools ?? 0), nano)
    assert.deepEqual([cost?.original, cost?.discount, cost?.margin, cost?.priced], [nano, 0, 0, entry])
  })
}

const gpt = new Price('gpt', { input_cost_per_token: 2.5e-6, output_cost_per_token: '1e-5' })

test('unknown is never 0: a price that is needed and missing makes the cost unknown', () => {
  assert.equal(costOf({ inputTokens: 1, outputTokens: 1 }, new Price('x', {})), undefined)
  assert.equal(costOf({ inputTokens: 1, outputTokens: 1 }, new Price('x', { input_cost_per_token: 1e-6 })), undefined)
  assert.equal(costOf({ inputTokens: 1, outputTokens: 0 }, new Price('x', { input_cost_per_token: 1e-6 }))?.total, 1000)
  assert.equal(costOf({ inputTokens: 1, outputTokens: 1, webSearches: 1 }, gpt), undefined)
  assert.equal(costOf({ inputTokens: 1, outputTokens: 1 }, new Price('x', { input_cost_per_token: 'free' })), undefined)
})

test('an explicit 0 is free', () => {
  const free = new Price('x', { input_cost_per_token: 0, output_cost_per_token: 0 })
  assert.equal(costOf({ inputTokens: 10, outputTokens: 10, cachedInputTokens: 5 }, free)?.total, 0)
})

test('counts that are none are not billed, and absurd ones cap the sum instead of breaking it', () => {
  const odd = [Number.NaN, -5, Number.POSITIVE_INFINITY, 1e300]
  for (const count of odd) assert.equal(costOf({ inputTokens: count, outputTokens: 1 }, gpt)?.total, 10_000)
  assert.equal(costOf({ inputTokens: 1.9, outputTokens: 0 }, gpt)?.total, 2500)
  const most = costOf(
    { inputTokens: Number.MAX_SAFE_INTEGER, outputTokens: 1 },
    new Price('x', { input_cost_per_token: 1, output_cost_per_token: 1 }),
  )
  assert.equal(most?.total, Number.MAX_SAFE_INTEGER)
})

test('several thresholds are compared as numbers, not as text', () => {
  const price = new Price('x', {
    input_cost_per_token: 1e-6,
    input_cost_per_token_above_32k_tokens: 2e-6,
    input_cost_per_token_above_128k_tokens: 3e-6,
    input_cost_per_token_above_272k_tokens: 4e-6,
    input_cost_per_token_above_500_tokens: 1.5e-6,
  })
  const dollars = (inputTokens: number) => costOf({ inputTokens, outputTokens: 0 }, price)?.total
  assert.equal(dollars(500), 500_000)
  assert.equal(dollars(501), 751_500)
  assert.equal(dollars(32_001), 64_002_000)
  assert.equal(dollars(128_001), 384_003_000)
  assert.equal(dollars(272_001), 1_088_004_000)
})

const rate = (value: number | string): Rate => parseRate(value) ?? assert.fail()

test('discount, then margin, then the fixed amount; rounded once', () => {
  const price = new Price('x', { input_cost_per_token: 0.06, output_cost_per_token: 0 })
  const terms: Terms = { discount: rate(0.05), margin: rate(0.1), fixed: rate(0.001) }
  const cost = costOf({ inputTokens: 1, outputTokens: 0 }, price, terms)
  // Contract 1.8: 0.06 · 0.95 · 1.1 + 0.001
  assert.equal(cost?.total, 63_700_000)
  assert.deepEqual([cost?.original, cost?.discount, cost?.margin], [60_000_000, 3_000_000, 6_700_000])
  assert.equal(nanoToText(cost?.total ?? assert.fail()), '0.0637')
  // Rounded after the first step this would be 2.
  const tiny = new Price('x', { input_cost_per_token: 1.5e-9 })
  const half: Terms = { discount: rate(0), margin: rate('0.6666666666'), fixed: rate(0) }
  assert.equal(costOf({ inputTokens: 1, outputTokens: 0 }, tiny, half)?.total, 2)
  const all: Terms = { discount: one as Rate, margin: rate(0), fixed: rate(0) }
  assert.equal(costOf({ inputTokens: 1, outputTokens: 0 }, price, all)?.total, 0)
})

test('a cost that the provider told is taken as it is, under our terms', () => {
  assert.equal(reportedCost(rate('0.0123')).total, 12_300_000)
  const terms: Terms = { discount: rate(0.5), margin: rate(0), fixed: rate(0) }
  assert.deepEqual(
    [reportedCost(rate('0.02'), terms).total, reportedCost(rate('0.02')).priced],
    [10_000_000, 'provider'],
  )
})

test('the parts add up to the sum, whatever they round to', () => {
  const price = new Price('x', {
    input_cost_per_token: 1.5e-9,
    output_cost_per_token: 2.5e-9,
    search_context_cost_per_query: { search_context_size_medium: 3.5e-9 },
  })
  for (let input = 0; input < 6; input += 1) {
    for (let output = 0; output < 6; output += 1) {
      for (let webSearches = 0; webSearches < 4; webSearches += 1) {
        const cost = costOf({ inputTokens: input, outputTokens: output, webSearches }, price) ?? assert.fail()
        assert.equal(cost.input + cost.output + cost.tools, cost.total)
        assert.ok(Math.min(cost.input, cost.output, cost.tools) >= 0)
      }
    }
  }
})

const wholeMap = process.env.MIDFLIGHT_PRICE_MAP
test('every entry of a whole map gives a cost that its own rates explain', {
  skip: wholeMap === undefined && 'MIDFLIGHT_PRICE_MAP names no published map to check',
}, () => {
  const map = JSON.parse(readFileSync(wholeMap ?? '', 'utf8')) as Record<string, Record<string, unknown>>
  let priced = 0
  for (const [name, fields] of Object.entries(map)) {
    const { input_cost_per_token: input, output_cost_per_token: output } = fields
    if (name === 'sample_spec' || typeof input !== 'number' || typeof output !== 'number') continue
    const cost = costOf({ inputTokens: 1000, outputTokens: 100 }, new Price(name, fields))
    assert.equal(BigInt(cost?.total ?? -1), evaluate(`1000 × ${plain(input)} + 100 × ${plain(output)}`), name)
    priced += 1
  }
  assert.ok(priced > 2000, String(priced))
})

/** A number without exponent, digit by digit as JavaScript writes it. */
function plain(value: number): string {
  const [digits = '', exponent = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = digits.split('.')
  const shift = Number(exponent)
  if (shift >= 0) return digits
  return `0.${'0'.repeat(Math.max(0, -shift - whole.length))}${whole}${fraction}`
}
