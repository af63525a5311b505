import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordTools } from '../record-tools.ts'
import { organizationChangeRoutes } from './change.ts'
import { organizationMemberRoutes } from './members.ts'

export function organizationRoutes(tools: RecordTools): readonly DeclaredRoute[] {
  return [...organizationChangeRoutes(tools), ...organizationMemberRoutes(tools)]
}
