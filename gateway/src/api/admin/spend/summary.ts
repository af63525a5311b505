import type { CallQuery, DailySum, Ledger, LedgerScope } from '../../../core/ledger/ledger.ts'
import { nanoToUsd } from '../../../core/money.ts'
import type { Days } from './days.ts'

/** Sums by day, for LiteLLM's `/spend/logs` with dates: of everybody, or of the key, user or team that is asked for. */
export async function summaryByDay(ledger: Ledger, asked: CallQuery, days: Days) {
  const { scope, holder, key } = holderOf(asked)
  const holders = { ...(holder === undefined ? {} : { holders: [holder] }), ...(key === undefined ? {} : { key }) }
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

/** A key counts within whoever is named beside it: a caller is narrowed to its user or team and may name any key. */
function holderOf({ key, user, team, organization, endUser }: CallQuery): {
  readonly scope: LedgerScope
  readonly holder: string | undefined
  readonly key: string | undefined
} {
  if (user !== undefined) return { scope: 'user', holder: user, key }
  if (team !== undefined) return { scope: 'team', holder: team, key }
  if (organization !== undefined) return { scope: 'organization', holder: organization, key }
  if (endUser !== undefined) return { scope: 'end-user', holder: endUser, key }
  if (key !== undefined) return { scope: 'key', holder: key, key: undefined }
  return { scope: 'all', holder: undefined, key: undefined }
}
