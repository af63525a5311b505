import type { DeclaredRoute } from '../admin-route.ts'
import { credentialRoutes } from './credentials/routes.ts'
import { healthCheckRoutes } from './health/routes.ts'
import { modelManagementRoutes } from './models/routes.ts'
import type { AdminParts } from './parts.ts'
import { priceRoutes } from './prices/routes.ts'
import { providerBudgetRoutes } from './provider-budgets.ts'
import { recordRoutes } from './records.ts'
import { cacheRoutes } from './settings/cache.ts'
import { callbackRoutes } from './settings/callbacks.ts'
import { routerRoutes } from './settings/router.ts'
import { transferRoutes } from './settings/transfer.ts'
import { settingsRoutes } from './settings/update.ts'
import { spendRoutes } from './spend/routes.ts'

/** Every management route. An owner of routes adds its list here. */
export function adminRoutes(parts: AdminParts): readonly DeclaredRoute[] {
  return [
    ...recordRoutes(parts),
    ...modelManagementRoutes(parts),
    ...credentialRoutes(parts),
    ...settingsRoutes(parts),
    ...routerRoutes(parts),
    ...callbackRoutes(parts),
    ...cacheRoutes(),
    ...transferRoutes(parts),
    ...healthCheckRoutes(parts),
    ...spendRoutes(parts),
    ...priceRoutes(parts),
    ...providerBudgetRoutes(parts),
  ]
}
