import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordPorts } from '../record-ports.ts'
import { teamChangeRoutes } from './change.ts'
import { teamInfoRoutes } from './info.ts'
import { teamMemberRoutes } from './members.ts'

export function teamRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [...teamChangeRoutes(ports), ...teamMemberRoutes(ports), ...teamInfoRoutes(ports)]
}
