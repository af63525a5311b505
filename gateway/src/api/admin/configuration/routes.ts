import { z } from 'zod'
import type { Reconciler } from '../../../config/reconciler.ts'
import type { Alteration, ChangeOptions, ChangeResult } from '../../../core/change.ts'
import type { KindName } from '../../../core/resource.ts'
import type { Store, StoredResource } from '../../../core/store.ts'
import type { Feed } from '../../../replicas/feed.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { readFlag } from '../../change-options.ts'
import { effectiveRoute } from './effective.ts'
import { journalRoutes } from './journal.ts'
import {
  type LedgerHealth,
  type LimitHealth,
  ledgerToWire,
  limitsToWire,
  replicaToWire,
  statusToWire,
  verdictToWire,
} from './status.ts'

/** What the routes of the configuration as a whole are given. */
export interface ConfigurationPorts {
  readonly reconciler: Pick<Reconciler, 'refresh' | 'status'>
  readonly store: Store
  readonly feed: Pick<Feed, 'applied' | 'confirm' | 'leaseValid'>
  /** @throws GatewayError `record_not_found`, `change_conflict`, and as every change */
  readonly revert: (revision: number, how: ChangeOptions) => Promise<ChangeResult<readonly Alteration[]>>
  /** Of this process. */
  readonly replicaId: string
  /** Where limits are counted, and whether they are counted there now. */
  readonly limits: () => LimitHealth
  /** How rows of calls get from here to the store. */
  readonly ledger: () => LedgerHealth
  readonly stored: { stored(kind: KindName, name: string): StoredResource | undefined }
}

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
