import { nanoToUsd } from '../../core/money.ts'
import { spenderName } from '../../core/spend.ts'
import { adminRoute, type DeclaredRoute } from '../admin-route.ts'
import type { AdminPorts } from './ports.ts'
import { snapshotOf } from './snapshot-of.ts'

/** What providers may cost and did cost (contract 4.7). Without a `provider_budget_config` the list is empty. */
export function providerBudgetRoutes({ spending }: Pick<AdminPorts, 'spending'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/provider/budgets',
      summary: 'Budgets of providers, what they spent in the running period, and when it ends',
      tag: 'budget management',
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      async handle({ exchange }) {
        const budgets = [...snapshotOf(exchange).settings.limits.providers]
        const spenders = budgets.map(([value]) => ({ kind: 'provider', value }) as const)
        const spent = await spending.of(spenders)
        const providers = budgets.map(([provider, { limit, period }]) => {
          const sum = spent.get(spenderName({ kind: 'provider', value: provider }))
          return [
            provider,
            {
              budget_limit: nanoToUsd(limit),
              time_period: period === '' ? null : period,
              spend: nanoToUsd(sum?.amount ?? 0),
              budget_reset_at: sum?.resetsAt === undefined ? null : new Date(sum.resetsAt).toISOString(),
            },
          ]
        })
        return { body: { providers: Object.fromEntries(providers) } }
      },
    }),
  ]
}
