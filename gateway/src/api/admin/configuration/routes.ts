import { z } from 'zod'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { readFlag } from '../../change-options.ts'
import { effectiveRoute } from './effective.ts'
import { journalRoutes } from './journal.ts'
import type { ConfigurationPorts } from './ports.ts'
import { ledgerToWire, limitsToWire, replicaToWire, statusToWire, verdictToWire } from './status.ts'

const tag = 'configuration'

/** Changing and seeing the configuration as a whole. */
export function configurationRoutes(ports: ConfigurationPorts): readonly DeclaredRoute[] {
  const { reconciler, feed, store, replicaId } = ports
  return [
    adminRoute({
      method: 'POST',
      path: '/config/reload',
      summary: 'Reads all sources again; 200 when what they declare serves, 400 with the problems when it was refused',
      tag,
      roles: ['proxy_admin'],
      query: z.object({ force: z.string().optional() }),
      withoutSnapshot: true,
      async handle({ query }) {
        const verdict = await reconciler.refresh({ force: readFlag('force', query.force) })
        // Records as well; a store that is away is named among the problems.
        await feed.confirm().catch(() => undefined)
        // A 2xx says that the state asked for serves (reliability I10), so a refusal is not one.
        return { status: verdict.applied ? 200 : 400, body: verdictToWire(verdict) }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/config/status',
      summary: 'What this replica runs, refused and drains, of which sources, and what the other replicas run',
      tag,
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      withoutSnapshot: true,
      async handle() {
        await feed.reported().catch(() => undefined)
        const replicas = await store.replicas().catch(() => undefined)
        return {
          body: {
            ...statusToWire(reconciler.status()),
            replica: replicaId,
            applied_revision: feed.applied,
            lease_valid: feed.leaseValid(),
            store: {
              dialect: store.dialect,
              up: store.health.up,
              since: new Date(store.health.since).toISOString(),
              reason: store.health.reason ?? null,
            },
            limits: limitsToWire(ports.limits()),
            ledger: ledgerToWire(ports.ledger()),
            replicas: replicas?.map((row) => replicaToWire(row, replicaId)) ?? null,
          },
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/replicas',
      summary: 'Every replica that was seen within the last hour: what it runs, refused, and how long its lease lasts',
      tag,
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      withoutSnapshot: true,
      async handle() {
        await feed.reported()
        const [head, replicas] = await Promise.all([store.head(), store.replicas()])
        return {
          body: {
            head_revision: head.revision,
            resource_revision: head.resourceRevision,
            replicas: replicas.map((row) => replicaToWire(row, replicaId)),
          },
        }
      },
    }),
    ...journalRoutes(ports),
    effectiveRoute(ports),
  ]
}
