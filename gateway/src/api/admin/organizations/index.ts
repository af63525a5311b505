import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordPorts } from '../record-ports.ts'
import { organizationChangeRoutes } from './change.ts'
import { organizationMemberRoutes } from './members.ts'

export function organizationRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [...organizationChangeRoutes(ports), ...organizationMemberRoutes(ports)]
}
