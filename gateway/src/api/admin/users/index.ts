import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordPorts } from '../record-ports.ts'
import { changeUserRoutes } from './change.ts'
import { userInfoRoutes } from './info.ts'
import { newUserRoute } from './new.ts'

export function userRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [newUserRoute(ports), ...changeUserRoutes(ports), ...userInfoRoutes(ports)]
}
