import { readinessDetails } from '../admin/health/routes.ts'
import type { Route } from '../route.ts'
import { sendJson } from '../send-json.ts'

/** What readiness needs to know: whether this process can serve, never whether its dependencies are well (reliability 0.6). */
export interface Health {
  readonly draining: boolean
  readonly loaded: boolean
  /** A store that is away is told and does not make the process unready: it serves what it knows. */
  readonly store: { readonly up: boolean }
}

/**
 * Liveness stays 200 while the process drains: a restart would cut what is still being answered (reliability 3.1).
 * Readiness turns 503 at the first sign of the end, so that load balancers stop sending.
 */
export function healthRoutes(health: () => Health): readonly Route[] {
  const alive = (path: string, method: 'GET' | 'OPTIONS'): Route => ({
    method,
    path,
    access: 'public',
    withoutSnapshot: true,
    handle: (exchange) => sendJson(exchange, 200, "I'm alive!"),
  })
  const ready = (method: 'GET' | 'OPTIONS'): Route => ({
    method,
    path: '/health/readiness',
    access: 'public',
    withoutSnapshot: true,
    handle(exchange) {
      const { draining, loaded, store } = health()
      if (draining) return sendJson(exchange, 503, { status: 'draining' })
      if (!loaded) {
        const detail = 'Service Unhealthy (no accepted configuration yet; GET /config/status tells why)'
        return sendJson(exchange, 503, { detail })
      }
      if (exchange.snapshot?.settings.health.readinessShowsDetails === true) {
        return sendJson(exchange, 200, readinessDetails(exchange.snapshot, store))
      }
      return sendJson(exchange, 200, { status: 'healthy', db: store.up ? 'connected' : 'Not connected' })
    },
  })
  return [
    alive('/health/liveliness', 'GET'),
    alive('/health/liveliness', 'OPTIONS'),
    alive('/health/liveness', 'GET'),
    alive('/health/liveness', 'OPTIONS'),
    ready('GET'),
    ready('OPTIONS'),
  ]
}
