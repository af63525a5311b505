import type { DeclaredRoute } from '../../admin-route.ts'
import type { AdminPorts } from '../ports.ts'
import { calculateRoutes } from './calculate.ts'
import { estimateRoutes } from './estimate.ts'
import { mapRoutes } from './map.ts'
import { reloadRoutes } from './reload.ts'
import { termsRoutes } from './terms.ts'

/** Prices: the map, its schedule, what is asked of them (contract section 1). */
export function priceRoutes(ports: AdminPorts): readonly DeclaredRoute[] {
  return [
    ...reloadRoutes(ports),
    ...mapRoutes(ports),
    ...termsRoutes(ports),
    ...estimateRoutes(ports),
    ...calculateRoutes(ports),
  ]
}
