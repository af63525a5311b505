import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordTools } from '../record-tools.ts'
import { teamChangeRoutes } from './change.ts'
import { teamInfoRoutes } from './info.ts'
import { teamMemberRoutes } from './members.ts'

export function teamRoutes(tools: RecordTools): readonly DeclaredRoute[] {
  return [...teamChangeRoutes(tools), ...teamMemberRoutes(tools), ...teamInfoRoutes(tools)]
}
