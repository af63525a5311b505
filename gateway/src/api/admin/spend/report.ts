import { z } from 'zod'
import type { DailyQuery, DailySum } from '../../../core/ledger/ledger.ts'
import { nanoToUsd } from '../../../core/money.ts'
import { tokenOfEither } from '../keys/token.ts'
import { daysOrLast } from './days.ts'
import type { SpendPorts } from './ports.ts'

export const reportQuery = z.object({
  start_date: z.string().optional(),
  end_date: z.string().optional(),
  group_by: z.enum(['team', 'customer', 'api_key']).default('team'),
  api_key: z.string().optional(),
  internal_user_id: z.string().optional(),
  team_id: z.string().optional(),
  customer_id: z.string().optional(),
})

type ReportQuery = z.output<typeof reportQuery>

/**
 * `/global/spend/report`, which has two forms: days with their teams or customers, or the keys with their models, when it is about
 * keys or a user.
 */
export async function spendReport(query: ReportQuery, { ledger, names, now }: SpendPorts): Promise<unknown> {
  const days = daysOrLast(query, now())
  if (query.internal_user_id !== undefined) {
    const of = { scope: 'user', holders: [query.internal_user_id] } as const
    return keysToWire(await ledger.daily({ ...of, ...days, by: ['key', 'model'] }), (sum) => sum.key)
  }
  if (query.api_key !== undefined || query.group_by === 'api_key') {
    const holders = query.api_key === undefined ? {} : { holders: [tokenOfEither(query.api_key)] }
    return keysToWire(
      await ledger.daily({ scope: 'key', ...holders, ...days, by: ['holder', 'model'] }),
      (sum) => sum.holder,
    )
  }
  const by: DailyQuery['by'] = ['day', 'holder', 'model', 'key']
  if (query.customer_id !== undefined || query.group_by === 'customer') {
    const holders = query.customer_id === undefined ? {} : { holders: [query.customer_id] }
    const sums = await ledger.daily({ scope: 'end-user', ...holders, ...days, by })
    return daysToWire(sums, 'customers', 'customer', (id) => id)
  }
  const holders = query.team_id === undefined ? {} : { holders: [query.team_id] }
  const sums = await ledger.daily({ scope: 'team', ...holders, ...days, by })
  const nameOf = await names.ofTeams(sums.map((sum) => sum.holder))
  return daysToWire(sums, 'teams', 'team_name', nameOf)
}

function daysToWire(
  sums: readonly DailySum[],
  list: 'teams' | 'customers',
  field: 'team_name' | 'customer',
  nameOf: (id: string) => string,
) {
  return Array.from(Map.groupBy(sums, (sum) => sum.day))
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([day, ofDay]) => ({
      group_by_day: `${day}T00:00:00+00:00`,
      [list]: Array.from(
        Map.groupBy(ofDay, (sum) => sum.holder),
        ([holder, ofHolder]) => ({
          [field]: nameOf(holder),
          ...(list === 'teams' ? { team_id: holder } : {}),
          total_spend: dollarsOf(ofHolder),
          metadata: ofHolder.map((sum) => ({
            model: sum.model,
            spend: nanoToUsd(sum.cost),
            total_tokens: sum.inputTokens + sum.outputTokens,
            api_key: sum.key,
          })),
        }),
      ),
    }))
}

function keysToWire(sums: readonly DailySum[], keyOf: (sum: DailySum) => string) {
  return Array.from(Map.groupBy(sums, keyOf), ([key, ofKey]) => ({
    api_key: key,
    ...totals(ofKey),
    model_details: Array.from(
      Map.groupBy(ofKey, (sum) => sum.model),
      ([model, ofModel]) => ({ model, ...totals(ofModel) }),
    ),
  })).sort((one, other) => other.total_cost - one.total_cost)
}

function totals(sums: readonly DailySum[]) {
  return {
    total_cost: dollarsOf(sums),
    total_input_tokens: sums.reduce((all, sum) => all + sum.inputTokens, 0),
    total_output_tokens: sums.reduce((all, sum) => all + sum.outputTokens, 0),
  }
}

function dollarsOf(sums: readonly DailySum[]): number {
  return nanoToUsd(sums.reduce((all, sum) => all + sum.cost, 0))
}
