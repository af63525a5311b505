import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordTools } from '../record-tools.ts'
import { changeUserRoutes } from './change.ts'
import { userInfoRoutes } from './info.ts'
import { newUserRoute } from './new.ts'

export function userRoutes(tools: RecordTools): readonly DeclaredRoute[] {
  return [newUserRoute(tools), ...changeUserRoutes(tools), ...userInfoRoutes(tools)]
}
