import { hash } from 'node:crypto'
import type { DeclaredRoute } from '../../admin-route.ts'
import type { AdminParts } from '../parts.ts'
import { activityRoutes } from './activity.ts'
import { globalSpendRoutes } from './global.ts'
import { logRoutes } from './logs.ts'

export function spendRoutes({ ledger, tools }: Pick<AdminParts, 'ledger' | 'tools'>): readonly DeclaredRoute[] {
  return [
    ...logRoutes(ledger, hashOfKey),
    ...globalSpendRoutes({ ledger, now: () => tools.clock.wall() }),
    ...activityRoutes(ledger),
  ]
}

/** Keys are named by their hash; a plain one is hashed as it is when it calls. */
function hashOfKey(key: string): string {
  return key.startsWith('sk-') ? hash('sha256', key) : key
}
