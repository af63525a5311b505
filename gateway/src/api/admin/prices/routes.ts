import type { DeclaredRoute } from '../../admin-route.ts'
import type { AdminParts } from '../parts.ts'
import { calculateRoutes } from './calculate.ts'
import { estimateRoutes } from './estimate.ts'
import { mapRoutes } from './map.ts'
import { reloadRoutes } from './reload.ts'
import { termsRoutes } from './terms.ts'

/** Prices: the map, its schedule, what is asked of them (contract section 1). */
export function priceRoutes(parts: AdminParts): readonly DeclaredRoute[] {
  return [
    ...reloadRoutes(parts),
    ...mapRoutes(parts),
    ...termsRoutes(parts),
    ...estimateRoutes(parts),
    ...calculateRoutes(parts),
  ]
}
