import { z } from 'zod'
import { GatewayError } from '../../../core/errors.ts'
import type { DailySum, LedgerScope } from '../../../core/ledger/ledger.ts'
import { nanoToUsd } from '../../../core/money.ts'
import type { Principal } from '../../../core/principal.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { page, pageSize, queryNames } from '../wire-fields.ts'
import { daysOf } from './days.ts'
import type { KeyName } from './names.ts'
import type { SpendPorts } from './ports.ts'
import { seesAll, spendReaders } from './visible.ts'

type ActivityPorts = Pick<SpendPorts, 'ledger' | 'names'>

/** `GET /user|team|organization|customer|tag/daily/activity`: days, newest first, each with its models, providers and keys. */
export function activityRoutes(ports: ActivityPorts): readonly DeclaredRoute[] {
  return [
    activityRoute(ports, '/user/daily/activity', 'user', 'user_id', (principal) => [principal.userId]),
    activityRoute(ports, '/user/daily/activity/aggregated', 'user', 'user_id', (principal) => [principal.userId]),
    activityRoute(ports, '/team/daily/activity', 'team', 'team_ids', (principal) =>
      principal.team === undefined ? [] : [principal.team.id],
    ),
    activityRoute(ports, '/organization/daily/activity', 'organization', 'organization_ids', () => []),
    activityRoute(ports, '/customer/daily/activity', 'end-user', 'end_user_ids', () => []),
    activityRoute(ports, '/tag/daily/activity', 'tag', 'tags', () => []),
  ]
}

function activityRoute(
  { ledger, names }: ActivityPorts,
  path: string,
  scope: LedgerScope,
  parameter: string,
  own: (principal: Principal) => readonly string[],
): DeclaredRoute {
  return adminRoute({
    method: 'GET',
    path,
    summary: `Calls, tokens and spend by day of each ${scope}.`,
    tag: 'spend',
    roles: spendReaders,
    query: z.looseObject({
      start_date: z.string().optional(),
      end_date: z.string().optional(),
      model: z.string().optional(),
      api_key: z.string().optional(),
      page,
      page_size: pageSize(10, 1_000),
    }),
    async handle({ query, principal }) {
      const days = daysOf(query.start_date, query.end_date)
      const holders = allowed(queryNames.parse(query[parameter]), own(principal), principal, parameter)
      const sums = await ledger.daily({
        // Everybody's activity is read from the sums that keep keys together.
        scope: scope === 'user' && holders === undefined ? 'all' : scope,
        ...(holders === undefined ? {} : { holders }),
        ...days,
        ...(query.model === undefined ? {} : { model: query.model }),
        ...(query.api_key === undefined ? {} : { key: query.api_key }),
        by: ['day', 'holder', 'modelGroup', 'model', 'provider', 'key'],
      })
      const byDay = [...Map.groupBy(sums, (sum) => sum.day)].sort(([one], [other]) => other.localeCompare(one))
      // The aggregated form has no pages.
      const size = path.endsWith('/aggregated') ? Math.max(1, byDay.length) : query.page_size
      const from = (query.page - 1) * size
      const shown = byDay.slice(from, from + size)
      const nameOf = await names.ofKeys(shown.flatMap(([, ofDay]) => ofDay.map((sum) => sum.key)))
      const teamOf = scope === 'team' ? await names.ofTeams(sums.map((sum) => sum.holder)) : undefined
      const total = metricsOf(sums)
      return {
        body: {
          results: shown.map(([date, ofDay]) => dayToWire(date, ofDay, nameOf, teamOf)),
          metadata: {
            ...Object.fromEntries(
              Object.entries(total).map(([name, value]) => [`total_${name.replace('total_', '')}`, value]),
            ),
            page: query.page,
            total_pages: Math.ceil(byDay.length / size),
            has_more: from + size < byDay.length,
          },
        },
      }
    },
  })
}

/** @throws GatewayError `permission_denied` for somebody else's */
function allowed(
  asked: readonly string[] | undefined,
  own: readonly string[],
  principal: Principal,
  parameter: string,
): readonly string[] | undefined {
  if (seesAll(principal)) return asked
  const stranger = (asked ?? own).find((holder) => !own.includes(holder))
  if (stranger === undefined) return asked ?? own
  throw new GatewayError('permission_denied', `The activity of ${stranger} is not yours to see.`, { param: parameter })
}

type KeyNames = (hash: string) => KeyName

function dayToWire(
  date: string,
  sums: readonly DailySum[],
  nameOf: KeyNames,
  teamOf: ((id: string) => string) | undefined,
) {
  const keyName = (hash: string): object => nameOf(hash)
  return {
    date,
    metrics: metricsOf(sums),
    breakdown: {
      models: breakdown(sums, (sum) => sum.model, nameOf),
      model_groups: breakdown(sums, (sum) => sum.modelGroup, nameOf),
      providers: breakdown(sums, (sum) => sum.provider, nameOf),
      api_keys: breakdown(sums, (sum) => sum.key, undefined, keyName),
      entities: breakdown(
        sums,
        (sum) => sum.holder,
        nameOf,
        (id) => (teamOf ? { team_alias: teamOf(id) } : {}),
      ),
      mcp_servers: {},
      endpoints: {},
    },
  }
}

/** @param keys who the keys are, where each part is told by key once more */
function breakdown(
  sums: readonly DailySum[],
  partOf: (sum: DailySum) => string,
  keys: KeyNames | undefined,
  metadataOf: (part: string) => object = () => ({}),
): object {
  const named = sums.filter((sum) => partOf(sum) !== '')
  return Object.fromEntries(
    Array.from(Map.groupBy(named, partOf), ([part, ofPart]) => [
      part,
      {
        metrics: metricsOf(ofPart),
        metadata: metadataOf(part),
        ...(keys === undefined ? {} : { api_key_breakdown: breakdown(ofPart, (sum) => sum.key, undefined, keys) }),
      },
    ]),
  )
}

function metricsOf(sums: readonly DailySum[]) {
  const total = (value: (sum: DailySum) => number) => sums.reduce((all, sum) => all + value(sum), 0)
  return {
    spend: nanoToUsd(total((sum) => sum.cost)),
    prompt_tokens: total((sum) => sum.inputTokens),
    completion_tokens: total((sum) => sum.outputTokens),
    cache_read_input_tokens: total((sum) => sum.cachedTokens),
    cache_creation_input_tokens: total((sum) => sum.cacheWriteTokens),
    total_tokens: total((sum) => sum.inputTokens + sum.outputTokens),
    successful_requests: total((sum) => sum.calls - sum.failed),
    failed_requests: total((sum) => sum.failed),
    api_requests: total((sum) => sum.calls),
    /** Calls that `spend` leaves out because no price is known: unknown is not 0. */
    uncosted_requests: total((sum) => sum.uncosted),
  }
}
