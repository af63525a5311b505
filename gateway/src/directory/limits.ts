import { type NanoUsd, usdToNano } from '../core/money.ts'
import { type Limits, type ModelLimits, noLimits } from '../core/principal.ts'
import { isObject, type JsonValue } from '../lib/json.ts'
import type { Row } from './row.ts'
import { sharing } from './sharing.ts'

/** Limits and the time from which they are other ones: a temporary budget ends. */
export interface TimedLimits {
  readonly limits: Limits
  /** Unix ms. */
  readonly changeAt: number | undefined
}

/**
 * The limits of a record: its own fields, then those of the rows it refers to (its budget, the team's for its members), the
 * first that says something. A budget's amount and duration belong together: both are of the row that has the amount.
 * @param names fields that say the same in this kind, e.g. `max_budget_in_team` for `max_budget`
 * @param now Unix ms
 */
export function limitsOf(
  row: Row,
  others: readonly (Row | undefined)[],
  now: number,
  names: Readonly<Record<string, string>> = {},
): TimedLimits {
  const rows = [row, ...others.filter((other) => other !== undefined)]
  const first = (field: string): number | undefined => {
    for (const each of rows) {
      const found = each.amount(field) ?? (each === row ? each.amount(names[field] ?? field) : undefined)
      if (found !== undefined) return found
    }
    return undefined
  }
  const budgetRow = rows.find((each) => each.amount('max_budget') !== undefined) ?? row
  const { increase, changeAt } = temporaryIncrease(row, now)
  const maxBudget = first('max_budget')
  const limits: Limits = {
    requestsPerMinute: first('rpm_limit'),
    tokensPerMinute: first('tpm_limit'),
    maxParallel: first('max_parallel_requests'),
    maxBudget: nano(maxBudget === undefined ? undefined : maxBudget + increase),
    softBudget: nano(first('soft_budget')),
    budgetDuration: row.text('budget_duration') ?? budgetRow.text('budget_duration'),
    budgetResetAt: row.time('budget_reset_at') ?? budgetRow.time('budget_reset_at'),
    models: modelLimits(rows),
    any: true,
  }
  return { limits: isNone(limits) ? noLimits : shared(limits), changeAt }
}

/** Keys are made by the dozen with the same limits. */
function shared(limits: Limits): Limits {
  if (limits.models.size > 0) return Object.freeze(limits)
  return sharedLimits(JSON.stringify(limits, plainFields))
}

const plainFields = Object.keys(noLimits).filter((name) => name !== 'models')
const sharedLimits = sharing((text): Limits => Object.freeze({ ...noLimits, ...JSON.parse(text) }))

function isNone({ requestsPerMinute, tokensPerMinute, maxParallel, maxBudget, softBudget, models }: Limits): boolean {
  return (
    requestsPerMinute === undefined &&
    tokensPerMinute === undefined &&
    maxParallel === undefined &&
    maxBudget === undefined &&
    softBudget === undefined &&
    models.size === 0
  )
}

/** `temp_budget_increase` counts until `temp_budget_expiry` (contract 3.3). */
function temporaryIncrease(row: Row, now: number): { increase: number; changeAt: number | undefined } {
  const increase = row.inMetadata('temp_budget_increase')
  const expiry = row.inMetadata('temp_budget_expiry')
  if (increase === undefined || expiry === undefined) return { increase: 0, changeAt: undefined }
  const endsAt = row.time('temp_budget_expiry', expiry) ?? 0
  if (endsAt <= now) return { increase: 0, changeAt: undefined }
  return { increase: row.amount('temp_budget_increase', increase) ?? 0, changeAt: endsAt }
}

/** `model_max_budget`, `model_rpm_limit` and `model_tpm_limit`, by model; the first row that names a model counts for each. */
function modelLimits(rows: readonly Row[]): ReadonlyMap<string, ModelLimits> {
  let found: Map<string, { -readonly [Name in keyof ModelLimits]: ModelLimits[Name] }> | undefined
  const of = (model: string) => {
    found ??= new Map()
    let limits = found.get(model)
    if (limits === undefined) {
      limits = {
        requestsPerMinute: undefined,
        tokensPerMinute: undefined,
        maxBudget: undefined,
        budgetDuration: undefined,
      }
      found.set(model, limits)
    }
    return limits
  }
  for (const row of rows) {
    each(row, 'model_rpm_limit', (model, value, path) => {
      const limit = row.amount(path, value)
      if (limit !== undefined) of(model).requestsPerMinute ??= limit
    })
    each(row, 'model_tpm_limit', (model, value, path) => {
      const limit = row.amount(path, value)
      if (limit !== undefined) of(model).tokensPerMinute ??= limit
    })
    each(row, 'model_max_budget', (model, value, path) => {
      // LiteLLM's older rows have the bare amount.
      const budget = isObject(value) ? value : { max_budget: value }
      const amount = row.amount(path, budget.budget_limit ?? budget.max_budget)
      if (amount === undefined) return
      const limits = of(model)
      if (limits.maxBudget !== undefined) return
      limits.maxBudget = nano(amount)
      const duration = budget.time_period ?? budget.budget_duration
      if (typeof duration === 'string' && duration !== '') limits.budgetDuration = duration
      else if (duration !== undefined && duration !== null) row.odd(`${path}.time_period`, 'a duration')
    })
  }
  if (found === undefined) return noLimits.models
  for (const limits of found.values()) Object.freeze(limits)
  return found
}

function each(row: Row, field: string, use: (model: string, value: JsonValue, path: string) => void): void {
  const value = row.inMetadata(field)
  if (value === undefined || value === null) return
  if (!isObject(value)) {
    row.odd(field, 'an object by model')
    return
  }
  for (const [model, limit] of Object.entries(value)) {
    if (limit !== undefined && limit !== null) use(model, limit, `${field}.${model}`)
  }
}

function nano(usd: number | undefined): NanoUsd | undefined {
  return usd === undefined ? undefined : usdToNano(usd)
}
