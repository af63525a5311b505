import type { CallQuery, DailySum, Ledger, LedgerScope } from '../../../core/ledger.ts'
import { nanoToUsd } from '../../../core/money.ts'
import type { Days } from './days.ts'

/** Sums by day, for LiteLLM's `/spend/logs` with dates: of everybody, or of the key, user or team that is asked for. */
export async function summaryByDay(ledger: Ledger, asked: CallQuery, days: Days) {
  const { scope, holder } = narrowest(asked)
  const holders = holder === undefined ? {} : { holders: [holder] }
  const [models, users] = await Promise.all([
    ledger.daily({ scope, ...holders, ...days, by: ['day', 'model'] }),
    scope === 'all'
      ? ledger.daily({ scope: 'user', ...days, by: ['day', 'holder'] })
      : Promise.resolve<readonly DailySum[]>([]),
  ])
  const byDay = new Map<string, { cost: number; models: Record<string, number>; users: Record<string, number> }>()
  for (const sum of models) {
    const day = byDay.get(sum.day) ?? { cost: 0, models: {}, users: {} }
    byDay.set(sum.day, day)
    day.cost += sum.cost
    day.models[sum.model] = nanoToUsd(sum.cost)
    if (asked.user !== undefined) day.users[asked.user] = nanoToUsd(day.cost)
  }
  for (const sum of users) {
    const day = byDay.get(sum.day)
    if (day !== undefined) day.users[sum.holder] = nanoToUsd(sum.cost)
  }
  return Array.from(byDay, ([startTime, day]) => ({
    startTime,
    spend: nanoToUsd(day.cost),
    users: day.users,
    models: day.models,
  }))
}

function narrowest(asked: CallQuery): { readonly scope: LedgerScope; readonly holder: string | undefined } {
  if (asked.key !== undefined) return { scope: 'key', holder: asked.key }
  if (asked.user !== undefined) return { scope: 'user', holder: asked.user }
  if (asked.team !== undefined) return { scope: 'team', holder: asked.team }
  if (asked.organization !== undefined) return { scope: 'organization', holder: asked.organization }
  if (asked.endUser !== undefined) return { scope: 'end-user', holder: asked.endUser }
  return { scope: 'all', holder: undefined }
}
