import type { DeclaredRoute } from '../../admin-route.ts'
import type { AdminPorts } from '../ports.ts'
import { publicModelRoutes } from './public.ts'
import { modelReadRoutes } from './read.ts'
import { modelWriteRoutes } from './write.ts'

export function modelManagementRoutes(ports: AdminPorts): readonly DeclaredRoute[] {
  return [...modelWriteRoutes(ports), ...modelReadRoutes(ports), ...publicModelRoutes(ports)]
}
