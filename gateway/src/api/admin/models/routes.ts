import type { DeclaredRoute } from '../../admin-route.ts'
import type { AdminParts } from '../parts.ts'
import { publicModelRoutes } from './public.ts'
import { modelReadRoutes } from './read.ts'
import { modelWriteRoutes } from './write.ts'

export function modelManagementRoutes(parts: AdminParts): readonly DeclaredRoute[] {
  return [...modelWriteRoutes(parts), ...modelReadRoutes(parts), ...publicModelRoutes(parts)]
}
