import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usdToNano } from '../../../core/money.ts'
import { costBreakdownToWire } from './cost-breakdown.ts'

test('a breakdown is shown by side as LiteLLM does, and by kind', () => {
  assert.deepEqual(
    costBreakdownToWire({
      cost: usdToNano(0.0637),
      breakdown: {
        'input.text': 40_000_000,
        'input.cache-read': 10_000_000,
        'output.text': 7_000_000,
        'tools.web-search': 3_000_000,
        discount: 3_000_000,
        'discount-share': 50_000_000,
        margin: 6_700_000,
        'margin-share': 100_000_000,
        'margin-fixed': 1_000_000,
      },
    }),
    {
      input_cost: 0.05,
      output_cost: 0.007,
      tool_usage_cost: 0.003,
      total_cost: 0.0637,
      original_cost: 0.06,
      discount_amount: 0.003,
      discount_percent: 0.05,
      margin_total_amount: 0.0067,
      margin_percent: 0.1,
      margin_fixed_amount: 0.001,
      by_kind: { 'input.text': 0.04, 'input.cache-read': 0.01, 'output.text': 0.007, 'tools.web-search': 0.003 },
    },
  )
})

test('a row that has sides only is shown by side, and one without a cost not at all', () => {
  assert.deepEqual(costBreakdownToWire({ cost: usdToNano(3e-9), breakdown: { input: 1, output: 2, tools: 0 } }), {
    input_cost: 1e-9,
    output_cost: 2e-9,
    tool_usage_cost: 0,
    total_cost: 3e-9,
    by_kind: {},
  })
  assert.equal(costBreakdownToWire({ cost: undefined, breakdown: undefined }), null)
})
