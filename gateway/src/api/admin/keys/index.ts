import type { DeclaredRoute } from '../../admin-route.ts'
import type { RecordPorts } from '../record-ports.ts'
import { revocationRoutes } from './delete.ts'
import { generateRoutes } from './generate.ts'
import { infoRoutes } from './info.ts'
import { listRoutes } from './list.ts'
import { regenerateRoutes } from './regenerate.ts'
import { updateRoutes } from './update.ts'

export function keyRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    ...generateRoutes(ports),
    ...updateRoutes(ports),
    ...revocationRoutes(ports),
    ...regenerateRoutes(ports),
    ...infoRoutes(ports),
    ...listRoutes(ports),
  ]
}
