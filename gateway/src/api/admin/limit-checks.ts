import type { JsonValue } from '../../lib/json.ts'
import { checkDuration } from './duration-words.ts'
import { wrapped } from './refusals.ts'

const amounts = ['max_budget', 'soft_budget', 'max_budget_in_team', 'team_member_budget', 'spend'] as const
const counts = [
  ...['tpm_limit', 'rpm_limit', 'tpd_limit', 'rpd_limit', 'max_parallel_requests'],
  ...['team_member_tpm_limit', 'team_member_rpm_limit'],
] as const
const countsByModel = ['model_tpm_limit', 'model_rpm_limit'] as const

/** The limits of a body, as far as they are there. */
export type LimitBody = { readonly [name: string]: JsonValue | undefined }

/**
 * What no holder of limits may have, whoever it is.
 * @throws GatewayError (400) for negative amounts and unreadable durations
 */
export function checkLimits(body: LimitBody): void {
  for (const name of amounts) {
    const value = body[name]
    if (typeof value === 'number' && value < 0) throw wrapped(400, `${name} cannot be negative. Received: ${value}`)
  }
  for (const name of counts) {
    const value = body[name]
    if (typeof value === 'number' && value < 0) throw wrapped(400, `${name} cannot be negative. Received: ${value}`)
  }
  for (const name of countsByModel) {
    for (const value of Object.values(asObject(body[name]))) {
      if (typeof value === 'number' && value < 0) throw wrapped(400, `${name} cannot be negative. Received: ${value}`)
    }
  }
  const duration = body.budget_duration
  if (typeof duration === 'string') checkDuration(duration, 'budget_duration')
  for (const budget of Object.values(asObject(body.model_max_budget))) {
    const {
      budget_limit: limit,
      max_budget: most = limit,
      time_period: period,
      budget_duration: every = period,
    } = asObject(budget)
    if (typeof most === 'number' && most < 0)
      throw wrapped(400, `model_max_budget cannot be negative. Received: ${most}`)
    if (typeof every === 'string') checkDuration(every, 'model_max_budget')
  }
}

/** @throws GatewayError (400) unless the soft budget is below the hard one */
export function checkSoftBudget(body: LimitBody): void {
  const { max_budget: hard, soft_budget: soft } = body
  if (typeof hard === 'number' && typeof soft === 'number' && soft >= hard) {
    throw wrapped(400, `soft_budget (${soft}) must be strictly lower than max_budget (${hard})`)
  }
}

function asObject(value: JsonValue | undefined): { readonly [name: string]: JsonValue | undefined } {
  // Lists have been refused by the schema; anything else is an object or nothing.
  return typeof value === 'object' && value !== null
    ? (value as { readonly [name: string]: JsonValue | undefined })
    : {}
}
