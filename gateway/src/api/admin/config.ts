import type { Reconciler } from '../../config/reconcile.ts'
import type { ConfigStatus, SourceStatus } from '../../config/status.ts'
import type { Verdict } from '../../core/resource.ts'
import type { Route } from '../route.ts'
import { sendJson } from '../send-json.ts'

/** Changing and seeing the configuration as a whole. */
export function configRoutes(reconciler: Pick<Reconciler, 'refresh' | 'status'>): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/config/reload',
      access: ['proxy_admin'],
      withoutSnapshot: true,
      async handle(exchange) {
        const force = new URLSearchParams(exchange.head.query).get('force') === 'true'
        const verdict = await reconciler.refresh({ force })
        // A 2xx says that the state asked for serves (reliability I10), so a refusal is not one.
        sendJson(exchange, verdict.applied ? 200 : 400, verdictToWire(verdict))
      },
    },
    {
      method: 'GET',
      path: '/config/status',
      access: ['proxy_admin'],
      withoutSnapshot: true,
      handle: (exchange) => sendJson(exchange, 200, statusToWire(reconciler.status())),
    },
  ]
}

export function verdictToWire(verdict: Verdict) {
  return {
    applied: verdict.applied,
    revision: verdict.revision,
    generation: verdict.generation,
    problems: verdict.problems,
  }
}

export function statusToWire(status: ConfigStatus) {
  return {
    state: status.state,
    revision: status.revision,
    generation: status.generation,
    hash: status.hash ?? null,
    sources: status.sources.map(sourceToWire),
    problems: status.problems,
    serving_stale_since: time(status.servingStaleSince),
    draining: status.draining.map(({ generation, revision, calls, since }) => ({
      generation,
      revision,
      calls,
      since: time(since),
    })),
    restart_required: status.restartRequired,
    last_good:
      status.lastGood === undefined
        ? null
        : {
            file: status.lastGood.file,
            revision: status.lastGood.revision ?? null,
            saved_at: time(status.lastGood.savedAt),
            problem: status.lastGood.problem ?? null,
          },
  }
}

function sourceToWire(source: SourceStatus) {
  return {
    name: source.name,
    version: source.version ?? null,
    observed_at: time(source.observedAt),
    applied_version: source.appliedVersion ?? null,
    applied_at: time(source.appliedAt),
    problems: source.problems,
  }
}

function time(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString()
}
