import { z } from 'zod'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { Deployment } from '../../../core/deployment.ts'
import { GatewayError } from '../../../core/errors.ts'
import { problemToLine } from '../../../core/problem.ts'
import { type Role, roles } from '../../../core/role.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { version } from '../../../lib/version.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { objectOf } from '../models/row.ts'
import { maySee, visibleDeployments } from '../models/visible.ts'
import type { AdminPorts } from '../ports.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { type Check, endpointOf } from './checker.ts'

const tag = 'health'
const everyRole = [...roles]
const watchers: readonly Role[] = ['proxy_admin', 'proxy_admin_viewer']

const filter = z.object({ model: z.string().optional(), model_id: z.string().optional() })
const historyQuery = z.object({
  model: z.string().optional(),
  status_filter: z.enum(['healthy', 'unhealthy']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  offset: z.coerce.number().int().min(0).default(0),
})
const connection = z.object({
  litellm_params: z.looseObject({ model: z.string().min(1) }),
  mode: z.string().nullish(),
  model_info: z.looseObject({}).nullish(),
})

/** LiteLLM's list; of all these this version knows none but its own store. */
const services = [
  'slack_budget_alerts',
  'langfuse',
  'langfuse_otel',
  'slack',
  'openmeter',
  'webhook',
  'email',
  'braintrust',
  'datadog',
  'generic_api',
  'arize',
  'sqs',
  'database',
]

export function healthCheckRoutes(
  ports: Pick<AdminPorts, 'calls' | 'store' | 'tryDeployment' | 'checker'>,
): readonly DeclaredRoute[] {
  const { calls, store, checker } = ports

  return [
    adminRoute({
      method: 'GET',
      path: '/health',
      summary:
        'Calls each deployment once, with few tokens, and tells which answered; what background checks found, where they run',
      tag,
      roles: everyRole,
      query: filter,
      async handle({ exchange, principal, query }) {
        const snapshot = snapshotOf(exchange)
        const chosen = choose(snapshot, visibleDeployments(snapshot, principal), query)
        const { showsDetails: details, everyMs } = snapshot.settings.health
        // Where checks run in the background, asking is reading what they found; a filter asks anew, as an operator means it.
        const asksAnew = everyMs === undefined || query.model !== undefined || query.model_id !== undefined
        const checks = asksAnew
          ? await checker.check(chosen, snapshot, principal)
          : await checker.checkUnknown(chosen, snapshot, principal)
        const of = (wanted: (check: Check) => boolean): JsonObject[] =>
          checks.filter(wanted).map((check) => endpointOf(check, snapshot, details))
        const healthy = of(({ error, skipped }) => error === undefined && skipped === undefined)
        const unhealthy = of(({ error }) => error !== undefined)
        const skipped = of((check) => check.skipped !== undefined)
        return {
          body: {
            healthy_endpoints: healthy,
            unhealthy_endpoints: unhealthy,
            healthy_count: healthy.length,
            unhealthy_count: unhealthy.length,
            ...(skipped.length === 0 ? {} : { skipped_endpoints: skipped }),
          },
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/health/history',
      summary: 'What checks found since this process started, newest first; the last two thousand are kept',
      tag,
      roles: everyRole,
      query: historyQuery,
      handle({ exchange, principal, query }) {
        const snapshot = snapshotOf(exchange)
        const found = checker.history.filter(
          (check) =>
            maySee(snapshot, check.deployment, principal) &&
            (query.model === undefined || check.deployment.modelName === query.model) &&
            (query.status_filter === undefined || statusOf(check) === query.status_filter),
        )
        const page = found.slice(query.offset, query.offset + query.limit)
        return {
          body: {
            health_checks: page.map(historyRow),
            total_records: found.length,
            limit: query.limit,
            offset: query.offset,
          },
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/health/latest',
      summary: 'The newest check of each deployment',
      tag,
      roles: everyRole,
      handle({ exchange, principal }) {
        const snapshot = snapshotOf(exchange)
        const checks = checker.latest(snapshot).filter(({ deployment }) => maySee(snapshot, deployment, principal))
        const latest = Object.fromEntries(checks.map((check) => [check.deployment.id, historyRow(check)]))
        return { body: { latest_health_checks: latest, total_models: checks.length } }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/health/backlog',
      summary: 'Calls that are under way in this process',
      tag,
      roles: everyRole,
      handle: () => ({ body: { in_flight_requests: calls.traffic.inFlight } }),
    }),
    adminRoute({
      method: 'GET',
      path: '/health/readiness/details',
      summary: 'Readiness with the store, the version and what serves',
      tag,
      roles: everyRole,
      handle: ({ exchange }) => ({ body: readinessDetails(exchange.snapshot, store.health) }),
    }),
    adminRoute({
      method: 'GET',
      path: '/health/services',
      summary: 'Whether a service that the gateway reports to can be reached',
      tag,
      roles: watchers,
      query: z.object({ service: z.string() }),
      handle({ query: { service } }) {
        if (!services.includes(service)) {
          throw detailed(400, `Service must be in list. Service=${service}. List=${JSON.stringify(services)}`)
        }
        if (service !== 'database') {
          throw detailed(422, `"${service}" not in proxy config: general_settings. Unable to test this.`)
        }
        if (!store.health.up) throw detailed(503, `The store does not answer: ${store.health.reason ?? 'unknown'}`)
        return { body: { status: 'success', message: `The store (${store.dialect}) answers.` } }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/health/test_connection',
      summary: 'Tries a deployment before it is declared: whether it is accepted, and whether its provider answers',
      tag,
      roles: ['proxy_admin'],
      body: connection,
      async handle({ sent, body, exchange, principal }) {
        const snapshot = snapshotOf(exchange)
        const params = objectOf(sent.litellm_params)
        const trial = await ports.tryDeployment(
          { model_name: body.litellm_params.model, litellm_params: params, model_info: objectOf(sent.model_info) },
          snapshot,
        )
        if (!trial.accepted) {
          return { body: { status: 'error', result: { error: trial.problems.map(problemToLine).join('\n') } } }
        }
        try {
          const check = await checker.checkOne(trial.deployment, snapshot, principal, body.mode ?? undefined)
          const failure = check.error ?? check.skipped
          return {
            body:
              failure === undefined
                ? { status: 'success', result: { ...check.rateLimits, response_time_ms: check.durationMs } }
                : { status: 'error', result: { error: failure } },
          }
        } finally {
          await trial.release()
        }
      },
    }),
  ]
}

/** What readiness tells where details are asked for. */
export function readinessDetails(snapshot: Snapshot | undefined, store: { readonly up: boolean }): JsonObject {
  return {
    status: 'healthy',
    db: store.up ? 'connected' : 'Not connected',
    cache: null,
    litellm_version: version,
    success_callbacks: [],
    last_updated: new Date().toISOString(),
    revision: snapshot?.revision ?? null,
    generation: snapshot?.generation ?? null,
    models: snapshot?.deployments.size ?? 0,
  }
}

function choose(
  snapshot: Snapshot,
  visible: readonly Deployment[],
  { model, model_id: id }: z.output<typeof filter>,
): readonly Deployment[] {
  if (id !== undefined) {
    const found = visible.filter((deployment) => deployment.id === id)
    if (found.length === 0) throw detailed(404, `Model with ID ${id} not found`)
    return found
  }
  if (model === undefined) return visible
  const named = new Set(snapshot.models.resolve(model)?.group.deployments.map((deployment) => deployment.id))
  return visible.filter((deployment) => deployment.modelName === model || named.has(deployment.id))
}

function statusOf({ error }: Check): string {
  return error === undefined ? 'healthy' : 'unhealthy'
}

function historyRow(check: Check): JsonObject {
  const healthy = check.error === undefined
  const at = new Date(check.at).toISOString()
  return {
    health_check_id: check.id,
    model_name: check.deployment.modelName,
    model_id: check.deployment.id,
    status: statusOf(check),
    healthy_count: healthy ? 1 : 0,
    unhealthy_count: healthy ? 0 : 1,
    error_message: check.error ?? null,
    response_time_ms: check.durationMs,
    details: check.rateLimits,
    checked_by: check.by,
    checked_at: at,
    created_at: at,
  }
}

function detailed(status: number, message: string): GatewayError {
  return new GatewayError('bad_request', message, { detail: { error: message }, wire: { status } })
}
