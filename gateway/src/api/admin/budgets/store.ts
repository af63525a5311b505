import type { StoredRecord } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { omit, withChanges } from '../body-changes.ts'
import { checkLimits } from '../limit-checks.ts'
import { resetAnchor } from '../money-fields.ts'
import type { RecordPorts } from '../record-ports.ts'
import { emptyBudget } from './row.ts'

/** Names of a budget's fields in the bodies of whoever may bring one along. */
export const budgetNames = [
  'max_budget',
  'soft_budget',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpd_limit',
  'rpd_limit',
  'model_max_budget',
  'budget_duration',
  'allowed_models',
] as const

const cleared = { allowed_models: [] }

/** Writes a new budget, or changes one: only names that are there count. @throws GatewayError (400) */
export async function putBudget(
  ports: Pick<RecordPorts, 'timezone'>,
  transaction: Transaction,
  id: string,
  before: StoredRecord | undefined,
  sent: JsonObject,
): Promise<StoredRecord> {
  checkLimits(sent)
  const { budget_duration: duration, budget_reset_at: pinned } = sent
  const reset = duration === undefined ? {} : resetAnchor(ports, duration, transaction.now)
  return transaction.putRecord('budget', id, {
    ...withChanges(before?.body ?? emptyBudget, omit(sent, ['budget_reset_at']), cleared),
    ...reset,
    // A time that the caller pinned is kept as sent.
    ...(pinned === undefined ? {} : { budget_reset_at: pinned }),
    budget_id: id,
  })
}
