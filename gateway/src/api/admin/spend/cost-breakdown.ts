import type { Breakdown } from '../../../core/cost/breakdown.ts'
import type { SettledCall } from '../../../core/ledger/settled-call.ts'
import { nanoToUsd } from '../../../core/money.ts'

/**
 * LiteLLM's `cost_breakdown`, dollars and fractions (contract 1.8); `by_kind` is ours. `null` where no price was known.
 * Rows of the first versions have sides only, which read the same.
 */
export function costBreakdownToWire({ breakdown, cost }: Pick<SettledCall, 'breakdown' | 'cost'>) {
  if (breakdown === undefined || cost === undefined) return null
  const tools = sideOf(breakdown, 'tools')
  const { discount, margin } = breakdown
  return {
    input_cost: nanoToUsd(sideOf(breakdown, 'input')),
    output_cost: nanoToUsd(sideOf(breakdown, 'output')),
    tool_usage_cost: nanoToUsd(tools),
    total_cost: nanoToUsd(cost),
    ...(discount === undefined && margin === undefined
      ? {}
      : { original_cost: nanoToUsd(cost + (discount ?? 0) - (margin ?? 0)) }),
    ...(discount === undefined
      ? {}
      : { discount_amount: nanoToUsd(discount), discount_percent: nanoToUsd(breakdown['discount-share'] ?? 0) }),
    ...(margin === undefined
      ? {}
      : {
          margin_total_amount: nanoToUsd(margin),
          margin_percent: nanoToUsd(breakdown['margin-share'] ?? 0),
          margin_fixed_amount: nanoToUsd(breakdown['margin-fixed'] ?? 0),
        }),
    by_kind: Object.fromEntries(
      Object.entries(breakdown).flatMap(([name, part]) => (name.includes('.') ? [[name, nanoToUsd(part)]] : [])),
    ),
  }
}

function sideOf(breakdown: Breakdown, side: 'input' | 'output' | 'tools'): number {
  let sum = 0
  for (const [name, part] of Object.entries(breakdown)) if (name === side || name.startsWith(`${side}.`)) sum += part
  return sum
}
