import type { DeclaredRoute } from '../admin-route.ts'
import { modelManagementRoutes } from './models/routes.ts'
import type { AdminParts } from './parts.ts'

/** Every management route. An owner of routes adds its list here. */
export function adminRoutes(parts: AdminParts): readonly DeclaredRoute[] {
  return [...modelManagementRoutes(parts)]
}
