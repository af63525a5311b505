import type { Reconciler } from '../../../config/reconciler.ts'
import type { Alteration, ChangeOptions, ChangeResult } from '../../../core/change.ts'
import type { KindName } from '../../../core/resource.ts'
import type { Store, StoredResource } from '../../../core/store.ts'
import type { Feed } from '../../../replicas/feed.ts'
import type { LedgerHealth, LimitHealth } from './status.ts'

/** What the routes of the configuration as a whole are given. */
export interface ConfigurationPorts {
  readonly reconciler: Pick<Reconciler, 'refresh' | 'status'>
  readonly store: Store
  readonly feed: Pick<Feed, 'applied' | 'confirm' | 'leaseValid' | 'reported'>
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
