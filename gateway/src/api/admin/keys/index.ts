import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordTools } from '../record-tools.ts'
import { revocationRoutes } from './delete.ts'
import { generateRoutes } from './generate.ts'
import { infoRoutes } from './info.ts'
import { listRoutes } from './list.ts'
import { regenerateRoutes } from './regenerate.ts'
import { updateRoutes } from './update.ts'

export function keyRoutes(tools: RecordTools): readonly DeclaredRoute[] {
  return [
    ...generateRoutes(tools),
    ...updateRoutes(tools),
    ...revocationRoutes(tools),
    ...regenerateRoutes(tools),
    ...infoRoutes(tools),
    ...listRoutes(tools),
  ]
}
