import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PriceBook } from '../../../core/cost/price-book.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DailyQuery, DailySum } from '../../../core/ledger/ledger.ts'
import { dataOf } from '../../../prices/pack.ts'
import { callsOfYesterday, yesterdayUnder } from './yesterday.ts'

const now = Date.parse('2026-11-21T03:00:00Z')
const book = (price: number, above = price) =>
  new PriceBook(
    dataOf(
      new Map([
        [
          'gpt-x',
          {
            litellm_provider: 'openai',
            input_cost_per_token: price,
            output_cost_per_token: 0,
            input_cost_per_token_above_200k_tokens: above,
          },
        ],
      ]),
    ),
  )

function sum(model: string, calls: number, inputTokens: number): DailySum {
  const none = { holder: '', day: '', key: '', modelGroup: '', failed: 0, outputTokens: 0, cost: 0, uncosted: 0 }
  return { ...none, provider: 'openai', model, calls, inputTokens, cachedTokens: 0, cacheWriteTokens: 0 }
}

test('yesterday is told at the old and the new prices; calls without a price are counted apart', async () => {
  let asked: DailyQuery | undefined
  const daily = async (query: DailyQuery) => {
    asked = query
    return [sum('gpt-x', 1_000, 100_000_000), sum('unknown', 7, 500)]
  }
  const called = await callsOfYesterday({ daily }, now)
  assert.ok(called)
  assert.deepEqual(yesterdayUnder(called, book(1e-6), book(2e-6, 1)), {
    day: '2026-11-20',
    calls: 1_007,
    cost_before: 100,
    cost_after: 200,
    calls_without_price: 7,
  })
  assert.deepEqual([asked?.from, asked?.to, asked?.scope], ['2026-11-20', '2026-11-20', 'all'])
})

test('without a store there is nothing to tell, and without calls nothing was spent', async () => {
  const away = async () => {
    throw new GatewayError('store_unavailable', 'away')
  }
  assert.equal(await callsOfYesterday({ daily: away }, now), undefined)
  const empty = yesterdayUnder({ day: '2026-11-20', sums: [] }, book(0.1), book(0.1))
  assert.deepEqual([empty.calls, empty.cost_before, empty.cost_after], [0, 0, 0])
})
