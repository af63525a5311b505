import { configurationRoutes } from '../api/admin/configuration/routes.ts'
import type { HealthChecker } from '../api/admin/health/checker.ts'
import { adminRoutes } from '../api/admin/index.ts'
import { siteRoutes } from '../api/admin/site.ts'
import type { Authenticator } from '../api/authenticate.ts'
import { modelRoutes } from '../api/inference/models.ts'
import { inferenceRoutes } from '../api/inference/routes.ts'
import type { DescribedRoute } from '../api/openapi.ts'
import { type Health, healthRoutes } from '../api/ops/health.ts'
import { type Metrics, metricsRoute } from '../api/ops/metrics.ts'
import type { BootOptions } from '../boot.ts'
import type { CallPorts } from '../calls/ports.ts'
import type { Reconciler } from '../config/reconciler.ts'
import { revertChange } from '../config/revert.ts'
import { tryDeployment } from '../config/trial.ts'
import type { Inputs } from '../core/input.ts'
import type { Settings } from '../core/settings.ts'
import type { Store } from '../core/store.ts'
import type { Directory } from '../directory/directory.ts'
import { openPool } from '../lib/http-client/open-pool.ts'
import type { PriceUpdates } from '../prices/updates.ts'
import type { DatabaseSource } from '../sources/database/source.ts'
import { ignoredSetting, isSetting, meantParameter } from '../sources/litellm-yaml/documented-keys.ts'
import { strategies } from '../strategies/index.ts'
import type { CallKeeping } from './ledger.ts'
import type { Limiting } from './limits.ts'
import type { Replica } from './replica.ts'

interface RoutesOptions {
  readonly boot: BootOptions
  readonly inputs: Inputs
  readonly calls: CallPorts
  readonly directory: Directory
  readonly store: Store
  readonly stored: DatabaseSource
  readonly reconciler: Reconciler
  readonly replica: Replica
  readonly limiting: Limiting
  readonly prices: PriceUpdates
  readonly keeping: Pick<CallKeeping, 'ledger' | 'health'>
  readonly checker: HealthChecker
  readonly authenticator: Authenticator
  readonly metrics: Metrics
  readonly health: () => Health
  /** Of what serves; `undefined`: nothing does yet. */
  readonly settings: () => Settings | undefined
}

/** Everything that is answered, each route with what it works with. */
export function allRoutes(options: RoutesOptions): readonly DescribedRoute[] {
  const { boot, inputs, calls, directory, store, stored, reconciler, replica, limiting } = options
  const { changes, feed } = replica
  const routes: readonly DescribedRoute[] = [
    ...inferenceRoutes(calls, directory),
    ...modelRoutes(directory),
    ...configurationRoutes({
      reconciler,
      store,
      feed,
      stored,
      replicaId: replica.id,
      limits: limiting.health,
      ledger: options.keeping.health,
      revert: (revision, how) => revertChange({ changes, store }, revision, how),
    }),
    ...adminRoutes({
      changes,
      store,
      calls,
      ledger: options.keeping.ledger,
      checker: options.checker,
      prices: options.prices,
      spending: limiting.spending,
      timezone: () => options.settings()?.limits.timezone ?? 'UTC',
      environment: boot.environment,
      strategies: strategies.map(({ name }) => name),
      tryDeployment: (spec, snapshot) => tryDeployment(spec, snapshot, { inputs, openPool }),
      meantParameter,
      isSetting,
      ignoredSetting,
    }),
    ...healthRoutes(options.health),
    metricsRoute(options.metrics, options.authenticator),
    ...siteRoutes(() => routes),
  ]
  return routes
}
