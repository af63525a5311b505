import type { Demand } from '../../core/limit.ts'
import type { LimitSettings } from '../../core/settings.ts'
import type { Usage } from '../../core/usage.ts'
import type { Amounts } from './call-sizes.ts'
import type { Rule } from './rules.ts'

/** A thousand calls of it still add up to a safe integer. */
const largestAmount = 9e12

/** What came of what was taken. */
interface Used {
  readonly succeeded: boolean
  readonly usage: Usage | undefined
  /** Billionths of a dollar. */
  readonly cost: number | undefined
}

/** Turns rules into what a call of that size takes now. @param now Unix ms, of the shared place */
export function addDemands(
  demands: Demand[],
  rules: readonly Rule[],
  size: Amounts,
  free: boolean,
  settings: LimitSettings,
  now: number,
): void {
  for (const { demand, window } of rules) {
    if (demand.measure === 'tokens') {
      demands.push(sized(demand, countedTokens(size.inputTokens, size.outputTokens, settings), demand.window))
    } else if (demand.measure === 'budget') {
      // A model that costs nothing can be used when the money is gone; a budget of 0 is a way to block somebody.
      if (free && demand.limit > 0) continue
      const calendar = window === undefined ? undefined : ({ type: 'calendar', ends: window.ends(now) } as const)
      demands.push(sized(demand, size.cost, calendar))
    } else {
      demands.push(demand)
    }
  }
}

/** Field by field: a spread of a frozen object takes ten times as long. */
function sized(demand: Demand, amount: number, window: Demand['window']): Demand {
  const { counter, descriptor, value, measure, limit } = demand
  return { counter, descriptor, value, measure, limit, amount: whole(amount), window }
}

export function usedOf(demand: Demand, { succeeded, usage, cost }: Used, settings: LimitSettings): number {
  switch (demand.measure) {
    case 'requests':
    case 'parallel':
      return demand.amount
    case 'tokens':
      if (usage !== undefined) return whole(countedTokens(usage.inputTokens, usage.outputTokens, settings))
      // A provider that told nothing of an answer has sent one: what was taken for it stays taken.
      return succeeded ? demand.amount : 0
    case 'budget':
      return whole(cost ?? 0)
    default:
      return demand.measure satisfies never
  }
}

/** Counters are whole numbers, whatever a provider reports or a price makes of it. */
export function whole(amount: number): number {
  return amount > 0 ? Math.min(Math.ceil(amount), largestAmount) : 0
}

function countedTokens(input: number, output: number, { countedTokens: which }: LimitSettings): number {
  if (which === 'input') return input
  return which === 'output' ? output : input + output
}
