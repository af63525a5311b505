import type { StoredRecord } from '../../../core/record.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { isoTime } from '../body-changes.ts'

/** What a budget's row has where nothing was said. */
export const emptyBudget = {
  max_budget: null,
  soft_budget: null,
  max_parallel_requests: null,
  tpm_limit: null,
  rpm_limit: null,
  tpd_limit: null,
  rpd_limit: null,
  model_max_budget: null,
  budget_duration: null,
  budget_reset_at: null,
  allowed_models: [],
} as const

export function budgetRow(budget: StoredRecord): JsonObject {
  return {
    ...emptyBudget,
    ...budget.body,
    budget_id: budget.id,
    created_at: isoTime(budget.createdAt),
    created_by: budget.createdBy,
    updated_at: isoTime(budget.updatedAt),
    updated_by: budget.updatedBy,
  }
}
