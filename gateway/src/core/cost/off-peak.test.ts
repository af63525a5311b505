import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOf } from './cost-of.ts'
import { isOffPeak, offPeakOf } from './off-peak.ts'
import { Price } from './price.ts'

const at = (hour: number, minute = 0): number => Date.UTC(2026, 10, 21, hour, minute)

test('hours are from inclusive, to exclusive, over midnight too, and the whole day where both are the same', () => {
  for (const [hours, inside, outside] of [
    ['09:00-17:30', [at(9), at(17, 29)], [at(8, 59), at(17, 30)]],
    ['16:30-00:30', [at(16, 30), at(23, 59), at(0), at(0, 29)], [at(16, 29), at(0, 30)]],
    ['14:00-24:00', [at(14), at(23, 59)], [at(0), at(13, 59)]],
    [' 8:00 - 9:00 ', [at(8)], [at(9)]],
    ['00:00-00:00', [at(0), at(12)], []],
  ] as const) {
    const offPeak = offPeakOf({ hours_utc: hours }) ?? assert.fail(hours)
    for (const moment of inside)
      assert.equal(isOffPeak(offPeak, moment), true, `${hours} ${new Date(moment).toISOString()}`)
    for (const moment of outside)
      assert.equal(isOffPeak(offPeak, moment), false, `${hours} ${new Date(moment).toISOString()}`)
  }
})

test('hours that cannot be read change nothing', () => {
  for (const value of [
    undefined,
    null,
    'nights',
    {},
    { hours_utc: '25:00-26:00' },
    { hours_utc: '10:60-11:00' },
    { hours_utc: 7 },
  ]) {
    assert.equal(offPeakOf(value), undefined)
  }
})

const price = new Price('x', {
  input_cost_per_token: 1e-6,
  output_cost_per_token: 2e-6,
  output_cost_per_reasoning_token: 4e-6,
  cache_read_input_token_cost: 1e-7,
  input_cost_per_token_above_200k_tokens: 5e-6,
  off_peak_pricing: {
    hours_utc: '16:30-00:30',
    input_cost_per_token: 5e-7,
    output_cost_per_reasoning_token: '5e-7',
    note: 'x',
  },
})
const usage = { inputTokens: 1_000, cachedInputTokens: 100, outputTokens: 80, reasoningTokens: 30 }

test('at these hours their rates hold, and what they do not name is as always', () => {
  assert.equal(costOf(usage, price.at(at(12)))?.total, 900 * 1_000 + 100 * 100 + 50 * 2_000 + 30 * 4_000)
  assert.equal(costOf(usage, price.at(at(18)))?.total, 900 * 500 + 100 * 100 + 50 * 2_000 + 30 * 500)
  assert.equal(price.at(at(18)), price.at(at(19)), 'made once')
})

test('a rate of the hour is that of every size, also of slices', () => {
  const large = { inputTokens: 300_000, outputTokens: 0 }
  assert.equal(costOf(large, price.at(at(12)))?.total, 300_000 * 5_000)
  assert.equal(costOf(large, price.at(at(18)))?.total, 300_000 * 500)
  const sliced = new Price('y', {
    tiered_pricing: [{ range: [0, 1_000], input_cost_per_token: 3e-6, output_cost_per_token: 4e-6 }],
    off_peak_pricing: { hours_utc: '14:00-00:00', input_cost_per_token: 1e-7, output_cost_per_token: 4e-7 },
  })
  assert.equal(costOf({ inputTokens: 500, outputTokens: 100 }, sliced.at(at(9)))?.total, 500 * 3_000 + 100 * 4_000)
  assert.equal(costOf({ inputTokens: 500, outputTokens: 100 }, sliced.at(at(17, 25)))?.total, 500 * 100 + 100 * 400)
})

test('cached sound has its own price, and is sound and cached only once', () => {
  const sound = new Price('z', {
    input_cost_per_token: 1e-6,
    input_cost_per_audio_token: 1e-5,
    cache_read_input_token_cost: 1e-7,
    cache_read_input_audio_token_cost: 3e-7,
  })
  const heard = {
    inputTokens: 1_000,
    outputTokens: 0,
    audioInputTokens: 600,
    cachedInputTokens: 500,
    cachedAudioInputTokens: 400,
  }
  assert.equal(costOf(heard, sound)?.total, 300 * 1_000 + 200 * 10_000 + 100 * 100 + 400 * 300)
  const { cachedAudioInputTokens: _, ...vague } = heard
  assert.equal(costOf({ ...vague, cachedInputTokens: 100 }, sound)?.total, 300 * 1_000 + 600 * 10_000 + 100 * 100)
})
