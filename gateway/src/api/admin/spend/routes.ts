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
    ...logRoutes(ledger),
    ...globalSpendRoutes({ ledger, names, now: () => clock.wall() }),
    ...spendRecordRoutes({ ...ports, clock }),
    ...activityRoutes({ ledger, names }),
  ]
}
