import { GatewayError } from '../../core/errors.ts'
import type { Demand, Measure, Refusal } from '../../core/limit.ts'
import { nanoToUsd } from '../../core/money.ts'
import type { Principal } from '../../core/principal.ts'

/** LiteLLM's words for what is counted. */
export const measureNames: Readonly<Record<Exclude<Measure, 'budget'>, string>> = {
  requests: 'requests',
  tokens: 'tokens',
  parallel: 'max_parallel_requests',
}

/** A place that another call leaves can be taken at once; so can money that it reserved and did not spend. */
const soonMs = 1_000

/**
 * What a caller over a limit is told: LiteLLM's exact messages and headers (contract 3.7).
 * @param now Unix ms
 */
export function refusalError(refusal: Refusal, principal: Principal, now: number): GatewayError {
  const { demand, current, held, resetsAt } = refusal
  if (demand.measure === 'budget') {
    const retryAfter = current - held < demand.limit && demand.limit > 0 ? { retryAfterMs: soonMs } : {}
    return new GatewayError('budget_exceeded', budgetMessage(demand, current, principal), retryAfter)
  }
  const limitType = measureNames[demand.measure]
  const resetAt = utcTime(resetsAt > now ? resetsAt : now + soonMs)
  const remaining = Math.max(0, demand.limit - current)
  return new GatewayError(
    'rate_limit_exceeded',
    `Rate limit exceeded for ${demand.descriptor}: ${demand.value || 'all calls'}. Limit type: ${limitType}. Current limit: ${demand.limit}, Remaining: ${remaining}. Limit resets at: ${resetAt}`,
    {
      retryAfterMs: Math.max(soonMs, resetsAt - now),
      headers: ['rate_limit_type', limitType, 'reset_at', resetAt],
    },
  )
}

function budgetMessage({ descriptor, value, limit }: Demand, current: number, principal: Principal): string {
  const spend = dollars(current)
  const budget = dollars(limit)
  const sums = `Current cost: ${spend}, Max budget: ${budget}`
  switch (descriptor) {
    case 'user':
      return `ExceededBudget: User=${value} over budget. Spend=${spend}, Budget=${budget}`
    case 'end_user':
      return `ExceededBudget: End User=${value} over budget. Spend=${spend}, Budget=${budget}`
    case 'team':
      return `Budget has been exceeded! Team=${value} ${sums}`
    case 'team_member':
      return `Budget has been exceeded! User=${principal.userId} in Team=${principal.team?.id ?? ''} ${sums}`
    case 'organization':
      return `Budget has been exceeded! Organization=${value} ${sums}`
    case 'tag':
      return `Budget has been exceeded! Tag=${value} ${sums}`
    case 'model_per_key':
      return `Budget has been exceeded! LiteLLM Virtual Key: ${value.slice(0, value.indexOf(':'))}, key_alias: ${principal.key?.alias || 'None'}, exceeded budget for model=${value.slice(value.indexOf(':') + 1)} ${sums}`
    case 'api_key':
    case 'proxy':
      return `Budget has been exceeded! ${sums}`
    default:
      return `Budget has been exceeded! ${descriptor}=${value} ${sums}`
  }
}

/** Dollars as Python prints a float, which is what LiteLLM's messages show. */
export function dollars(nano: number): string {
  const amount = nanoToUsd(nano)
  if (Number.isInteger(amount)) return `${amount}.0`
  if (Math.abs(amount) >= 1e-4) return String(amount)
  return amount.toExponential().replace(/e-(\d)$/, 'e-0$1')
}

/** `2026-03-04 10:20:30 UTC` */
export function utcTime(at: number): string {
  return `${new Date(Math.ceil(at / 1000) * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
