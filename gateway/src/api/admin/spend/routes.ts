import { hash } from 'node:crypto'
import type { DeclaredRoute } from '../../admin-route.ts'
import type { AdminPorts } from '../ports.ts'
import { activityRoutes } from './activity.ts'
import { globalSpendRoutes } from './global.ts'
import { logRoutes } from './logs.ts'
import { Names } from './names.ts'
import { spendRecordRoutes } from './records.ts'

export function spendRoutes(
  ports: Pick<AdminPorts, 'ledger' | 'calls' | 'store' | 'spending' | 'timezone'>,
): readonly DeclaredRoute[] {
  const { ledger, store, calls } = ports
  const { clock } = calls
  const names = new Names(store)
  return [
    ...logRoutes(ledger, hashOfKey),
    ...globalSpendRoutes({ ledger, names, now: () => clock.wall(), hashOf: hashOfKey }),
    ...spendRecordRoutes({ ...ports, clock }),
    ...activityRoutes({ ledger, names }),
  ]
}

/** Keys are named by their hash; a plain one is hashed as it is when it calls. */
function hashOfKey(key: string): string {
  return key.startsWith('sk-') ? hash('sha256', key) : key
}
