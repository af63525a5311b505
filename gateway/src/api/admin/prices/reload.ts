import { z } from 'zod'
import type { Role } from '../../../core/role.ts'
import type { MapRecord } from '../../../prices/record.ts'
import type { Reloaded } from '../../../prices/updates.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import type { AdminPorts } from '../ports.ts'
import { accessDenied, plainDetail } from '../refusals.ts'
import { callsOfYesterday, yesterdayUnder } from './yesterday.ts'

export const tag = 'model cost map'
export const writers: readonly Role[] = ['proxy_admin']
export const readers: readonly Role[] = ['proxy_admin', 'proxy_admin_viewer']

const force = z.enum(['true', 'false', 'True', 'False', '1', '0']).optional()
const hours = z.coerce.number().int()
/** Ten years: a date that is further away is a mistake, and in the end none. */
const mostHours = 87_600

/** Contract 1.1 and 1.2. The schedule is stored, so it is the same for all replicas and survives them. */
export function reloadRoutes({
  ledger,
  prices,
  calls,
}: Pick<AdminPorts, 'ledger' | 'prices' | 'calls'>): readonly DeclaredRoute[] {
  const now = (): string => new Date(calls.clock.wall()).toISOString()
  return [
    adminRoute({
      method: 'POST',
      path: '/reload/model_cost_map',
      summary: 'Fetches the price map and puts it into service on every replica; a bad one is refused whole',
      tag,
      roles: writers,
      denied: accessDenied,
      query: z.object({ force }),
      async handle({ change, query }) {
        const isForced = query.force !== undefined && /^(?:true|1)$/i.test(query.force)
        const [reloaded, called] = await Promise.all([
          prices.reload({ ...change, force: isForced }),
          callsOfYesterday(ledger, calls.clock.wall()),
        ])
        const { before, after } = reloaded
        const isChanged = reloaded.change !== undefined && called !== undefined
        const yesterday = isChanged ? yesterdayUnder(called, before, after) : undefined
        return changeReply(change, reloaded.made, {
          message: `Price data reloaded successfully! ${reloaded.models} models updated.`,
          status: 'success',
          models_count: reloaded.models,
          timestamp: now(),
          ...provenance(reloaded.record),
          changes: { ...changesToWire(reloaded), ...(yesterday === undefined ? {} : { yesterday }) },
        })
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/schedule/model_cost_map_reload',
      summary: 'Fetches the price map every so many hours, once for all replicas',
      tag,
      roles: writers,
      denied: accessDenied,
      query: z.object({ hours }),
      async handle({ change, query }) {
        if (query.hours <= 0) throw plainDetail(400, 'Hours must be greater than 0')
        if (query.hours > mostHours) throw plainDetail(400, `Hours must be at most ${mostHours}`)
        const made = await prices.schedule(change, query.hours)
        return changeReply(change, made, {
          message: `Model cost map reload scheduled for every ${query.hours} hours`,
          status: 'success',
          interval_hours: query.hours,
          timestamp: now(),
        })
      },
    }),
    adminRoute({
      method: 'DELETE',
      path: '/schedule/model_cost_map_reload',
      summary: 'Ends the schedule',
      tag,
      roles: writers,
      denied: accessDenied,
      async handle({ change }) {
        const made = await prices.schedule(change, undefined)
        return changeReply(change, made, {
          message: 'Model cost map reload schedule cancelled',
          status: 'success',
          timestamp: now(),
        })
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/schedule/model_cost_map_reload/status',
      summary: 'When the price map was last looked for, and when it will be',
      tag,
      roles: readers,
      denied: accessDenied,
      handle() {
        const { record } = prices.current
        const { intervalHours, lastRunAt, lastFailure } = record
        return {
          body: {
            scheduled: intervalHours !== undefined,
            interval_hours: intervalHours ?? null,
            last_run: time(lastRunAt),
            next_run: time(prices.nextRunAt),
            ...provenance(record),
            ...(lastFailure === undefined ? {} : { last_failure: lastFailure }),
          },
        }
      },
    }),
  ]
}

/** What is known of where the map came from. */
export function provenance({ loadedAt, sourceRevision, etag, content }: MapRecord) {
  return {
    ...(loadedAt === undefined ? {} : { loaded_at: time(loadedAt) }),
    ...(sourceRevision === undefined ? {} : { source_revision: sourceRevision }),
    ...(etag === undefined ? {} : { etag }),
    ...(content === undefined ? {} : { hash: content }),
  }
}

function changesToWire({ change }: Reloaded) {
  return {
    models_added: change?.addedCount ?? 0,
    models_removed: change?.removedCount ?? 0,
    prices_moved: change?.movedCount ?? 0,
    added: change?.added ?? [],
    removed: change?.removed ?? [],
    moved: change?.moved ?? [],
  }
}

export function time(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString()
}
