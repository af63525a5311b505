import { z } from 'zod'
import type { DailyQuery, DailySum } from '../../../core/ledger/ledger.ts'
import { nanoToUsd } from '../../../core/money.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { tokenOfEither } from '../keys/token.ts'
import { pageSize, queryNames } from '../wire-fields.ts'
import { type Days, daysOrLast, lastDays } from './days.ts'
import type { SpendPorts } from './ports.ts'
import { reportQuery, spendReport } from './report.ts'
import { overseers } from './visible.ts'

const limit = pageSize(10, 1_000)
const dates = { start_date: z.string().optional(), end_date: z.string().optional() }

/** Sums over the whole proxy; for administrators. */
export function globalSpendRoutes(ports: SpendPorts): readonly DeclaredRoute[] {
  const { ledger, names, now } = ports
  const usual = () => lastDays(now())
  const chosen = (query: Parameters<typeof daysOrLast>[0]): Days => daysOrLast(query, now())
  const ever: Days = { from: '0000-01-01', to: '9999-12-31' }
  const top = async (query: DailyQuery, count: number) =>
    [...(await ledger.daily(query))].sort((one, other) => other.cost - one.cost).slice(0, count)

  function sumRoute<Schema extends z.ZodType>(
    path: string,
    summary: string,
    query: Schema,
    body: (query: z.output<Schema>) => Promise<unknown>,
    method: 'GET' | 'POST' = 'GET',
  ): DeclaredRoute {
    const answer = async (asked: z.output<Schema>) => ({ body: await body(asked) })
    const shared = { path, summary, tag: 'spend', roles: overseers }
    return method === 'GET'
      ? adminRoute({ ...shared, method, query, handle: (call) => answer(call.query) })
      : adminRoute({ ...shared, method, body: query, handle: (call) => answer(call.body) })
  }

  return [
    sumRoute('/global/spend', 'All spend, and the budget of the proxy.', z.object({}), async () => {
      const [all] = await ledger.daily({ scope: 'all', ...ever, by: [] })
      return { spend: nanoToUsd(all?.cost ?? 0), max_budget: null }
    }),
    sumRoute(
      '/global/spend/logs',
      'Spend of each day.',
      z.object({ api_key: z.string().optional() }),
      async (query) => {
        const of = query.api_key === undefined ? { scope: 'all' as const } : keyScope(tokenOfEither(query.api_key))
        return (await ledger.daily({ ...of, ...usual(), by: ['day'] })).map(({ day, cost }) => ({
          date: day,
          spend: nanoToUsd(cost),
        }))
      },
    ),
    sumRoute('/global/spend/keys', 'The keys that spent most.', z.object({ limit }), async (query) => {
      const keys = await top({ scope: 'key', ...usual(), by: ['holder'] }, query.limit)
      const nameOf = await names.ofKeys(keys.map(({ holder }) => holder))
      return keys.map(({ holder, cost }) => ({
        api_key: holder,
        key_alias: nameOf(holder).key_alias,
        total_spend: nanoToUsd(cost),
      }))
    }),
    sumRoute('/global/spend/models', 'The models that cost most.', z.object({ limit }), async (query) =>
      (await top({ scope: 'all', ...usual(), by: ['model'] }, query.limit)).map(({ model, cost }) => ({
        model,
        total_spend: nanoToUsd(cost),
      })),
    ),
    sumRoute('/global/spend/provider', 'Spend of each provider.', z.object(dates), async (query) =>
      (await top({ scope: 'all', ...chosen(query), by: ['provider'] }, 1_000)).map(({ provider, cost }) => ({
        provider,
        spend: nanoToUsd(cost),
      })),
    ),
    sumRoute('/global/spend/teams', 'Spend of each team and day.', z.object(dates), async (query) => {
      const sums = await ledger.daily({ scope: 'team', ...chosen(query), by: ['holder', 'day'] })
      return teamsToWire(sums, await names.ofTeams(sums.map((sum) => sum.holder)))
    }),
    sumRoute(
      '/global/spend/end_users',
      'Spend of each end user.',
      z.object({ startTime: z.string().optional(), endTime: z.string().optional(), api_key: z.string().optional() }),
      async (query) => {
        const days = chosen({ start_date: query.startTime, end_date: query.endTime })
        const key = query.api_key === undefined ? {} : { key: tokenOfEither(query.api_key) }
        return (await top({ scope: 'end-user', ...days, ...key, by: ['holder'] }, 100)).map((sum) => ({
          end_user: sum.holder,
          total_count: sum.calls,
          total_spend: nanoToUsd(sum.cost),
        }))
      },
      'POST',
    ),
    sumRoute('/global/spend/tags', 'Spend of each tag.', z.object({ ...dates, tags: queryNames }), async (query) => {
      const holders = query.tags === undefined || query.tags.includes('all-tags') ? {} : { holders: query.tags }
      return {
        spend_per_tag: (await top({ scope: 'tag', ...holders, ...chosen(query), by: ['holder'] }, 1_000)).map(
          (sum) => ({
            name: sum.holder,
            spend: nanoToUsd(sum.cost),
            log_count: sum.calls,
          }),
        ),
      }
    }),
    sumRoute('/global/spend/all_tag_names', 'The tags that calls ever had.', z.object({}), async () => ({
      tag_names: (await top({ scope: 'tag', ...ever, by: ['holder'] }, 1_000)).map((sum) => sum.holder),
    })),
    sumRoute('/spend/tags', 'Spend of each tag.', z.object(dates), async (query) =>
      (await top({ scope: 'tag', ...chosen(query), by: ['holder'] }, 1_000)).map((sum) => ({
        individual_request_tag: sum.holder,
        log_count: sum.calls,
        total_spend: nanoToUsd(sum.cost),
      })),
    ),
    sumRoute('/global/spend/report', 'Spend by day and team or customer, or by key.', reportQuery, (query) =>
      spendReport(query, ports),
    ),
    sumRoute('/global/activity', 'Calls and tokens of each day.', z.object(dates), async (query) =>
      activityToWire(await ledger.daily({ scope: 'all', ...chosen(query), by: ['day'] })),
    ),
    sumRoute('/global/activity/model', 'Calls and tokens of each model and day.', z.object(dates), async (query) => {
      const sums = await ledger.daily({ scope: 'all', ...chosen(query), by: ['modelGroup', 'day'] })
      return Array.from(
        Map.groupBy(sums, (sum) => sum.modelGroup),
        ([model, ofModel]) => ({
          model,
          ...activityToWire(ofModel),
        }),
      )
    }),
  ]
}

function keyScope(key: string) {
  return { scope: 'key' as const, holders: [key] }
}

function teamsToWire(sums: readonly DailySum[], nameOf: (team: string) => string) {
  const teams = [...new Set(sums.map((sum) => sum.holder))]
  const days = Map.groupBy(sums, (sum) => sum.day)
  return {
    daily_spend: Array.from(days, ([date, ofDay]) => ({
      date,
      ...Object.fromEntries(ofDay.map((sum) => [nameOf(sum.holder), nanoToUsd(sum.cost)])),
    })).sort((one, other) => one.date.localeCompare(other.date)),
    teams: teams.map(nameOf),
    total_spend_per_team: teams
      .map((team) => ({
        team_id: team,
        team_alias: nameOf(team),
        total_spend: nanoToUsd(sums.reduce((all, sum) => (sum.holder === team ? all + sum.cost : all), 0)),
      }))
      .sort((one, other) => other.total_spend - one.total_spend),
  }
}

function activityToWire(sums: readonly DailySum[]) {
  const tokens = (sum: DailySum) => sum.inputTokens + sum.outputTokens
  return {
    daily_data: sums.map((sum) => ({ date: chartDay(sum.day), api_requests: sum.calls, total_tokens: tokens(sum) })),
    sum_api_requests: sums.reduce((all, sum) => all + sum.calls, 0),
    sum_total_tokens: sums.reduce((all, sum) => all + tokens(sum), 0),
  }
}

/** LiteLLM's charts are labelled so: `Nov 21`. */
function chartDay(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString('en-US', { month: 'short', day: '2-digit', timeZone: 'UTC' })
}
