import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from '../../lib/clock.ts'
import type { DeclaredRoute } from '../admin-route.ts'
import { accessGroupRoutes } from './access-groups/index.ts'
import { modelAccessGroupRoutes } from './access-groups/models.ts'
import { budgetRoutes } from './budgets/index.ts'
import { customerRoutes } from './customers/index.ts'
import { keyRoutes } from './keys/index.ts'
import { organizationRoutes } from './organizations/index.ts'
import type { AdminPorts } from './ports.ts'
import type { RecordPorts } from './record-ports.ts'
import { tagRoutes } from './tags/index.ts'
import { teamRoutes } from './teams/index.ts'
import { userRoutes } from './users/index.ts'

/** LiteLLM's default: 22 characters after `sk-`. */
const usualKeyBytes = 16
const fewestKeyBytes = 16
const mostKeyBytes = 256

/** Everything over records: who may call, and what they may spend. */
export function recordRoutes(admin: Pick<AdminPorts, 'changes' | 'store' | 'spending' | 'environment' | 'timezone'>) {
  const ports: RecordPorts = {
    store: admin.store,
    changes: admin.changes,
    spending: admin.spending,
    clock: systemClock,
    newId: randomUUID,
    randomBytes,
    timezone: admin.timezone,
    keyBytes: readKeyBytes(admin.environment.LENGTH_OF_LITELLM_GENERATED_KEY),
    gracePeriod: admin.environment.LITELLM_KEY_ROTATION_GRACE_PERIOD ?? '',
  }
  const routes: readonly DeclaredRoute[] = [
    ...keyRoutes(ports),
    ...userRoutes(ports),
    ...teamRoutes(ports),
    ...organizationRoutes(ports),
    ...customerRoutes(ports),
    ...budgetRoutes(ports),
    ...accessGroupRoutes(ports),
    ...modelAccessGroupRoutes(ports),
    ...tagRoutes(ports),
  ]
  return routes
}

/** Fewer than 128 random bits could be guessed, so less than LiteLLM's default is raised to it. */
function readKeyBytes(text: string | undefined): number {
  const bytes = Number(text ?? usualKeyBytes)
  if (!Number.isInteger(bytes)) return usualKeyBytes
  return Math.min(mostKeyBytes, Math.max(fewestKeyBytes, bytes))
}
