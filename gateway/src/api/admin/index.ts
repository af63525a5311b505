import type { DeclaredRoute } from '../admin-route.ts'
import { credentialRoutes } from './credentials/routes.ts'
import { healthCheckRoutes } from './health/routes.ts'
import { modelManagementRoutes } from './models/routes.ts'
import type { AdminPorts } from './ports.ts'
import { priceRoutes } from './prices/routes.ts'
import { providerBudgetRoutes } from './provider-budgets.ts'
import { recordRoutes } from './records.ts'
import { allowedAddressRoutes } from './settings/allowed-addresses.ts'
import { cacheRoutes } from './settings/cache.ts'
import { callbackRoutes } from './settings/callbacks.ts'
import { defaultsRoutes } from './settings/defaults.ts'
import { routerRoutes } from './settings/router.ts'
import { transferRoutes } from './settings/transfer.ts'
import { settingsRoutes } from './settings/update.ts'
import { spendRoutes } from './spend/routes.ts'

/** Every management route. An owner of routes adds its list here. */
export function adminRoutes(ports: AdminPorts): readonly DeclaredRoute[] {
  return [
    ...recordRoutes(ports),
    ...modelManagementRoutes(ports),
    ...credentialRoutes(ports),
    ...settingsRoutes(ports),
    ...routerRoutes(ports),
    ...callbackRoutes(ports),
    ...defaultsRoutes(ports),
    ...allowedAddressRoutes(ports),
    ...cacheRoutes(),
    ...transferRoutes(ports),
    ...healthCheckRoutes(ports),
    ...spendRoutes(ports),
    ...priceRoutes(ports),
    ...providerBudgetRoutes(ports),
  ]
}
