import { z } from 'zod'
import type { JsonObject } from '../../lib/json.ts'

/** Pieces of the bodies of management routes. `null` is a value everywhere: it clears (contract 3.3). */
export const text = z.string().nullish()
export const flag = z.boolean().nullish()
export const names = z.array(z.string()).nullish()
/** US dollars. Negative ones are refused by the routes, with LiteLLM's words. */
export const dollars = z.number().nullish()
export const count = z.number().int().nullish()
// Members of parsed JSON are JSON.
const jsonObject = z.looseObject({}) as unknown as z.ZodType<JsonObject, JsonObject>
export const object = jsonObject.nullish()
/** By public model name. */
export const counts = z.record(z.string(), z.number().int().nullable()).nullish()

const modelBudget = z.looseObject({
  budget_limit: z.number().nullish(),
  max_budget: z.number().nullish(),
  time_period: z.string().nullish(),
  budget_duration: z.string().nullish(),
}) as unknown as z.ZodType<JsonObject, JsonObject>

export const modelBudgets = z.record(z.string(), modelBudget).nullish()

/** What every holder of limits takes. */
export const limitFields = {
  max_budget: dollars,
  soft_budget: dollars,
  budget_duration: text,
  tpm_limit: count,
  rpm_limit: count,
  max_parallel_requests: count,
  model_max_budget: modelBudgets,
} as const

/** What LiteLLM keeps in `metadata`, though bodies name it beside. */
export const metadataFields = {
  guardrails: names,
  tags: names,
  policies: names,
  prompts: names,
  enforced_params: names,
  model_rpm_limit: counts,
  model_tpm_limit: counts,
  tpm_limit_type: text,
  rpm_limit_type: text,
  allowed_passthrough_routes: names,
  logging: z.array(jsonObject).nullish(),
} as const

/** Values of a query: flags come as Python and JavaScript write them. */
export const queryFlag = z
  .enum(['true', 'True', 'TRUE', '1', 'false', 'False', 'FALSE', '0', ''])
  .transform((value) => value.toLowerCase() === 'true' || value === '1')
  .optional()

export const page = z.coerce.number().int().min(1).default(1)

export function pageSize(usual: number, most: number) {
  return z.coerce.number().int().min(1).max(most).default(usual)
}

/** `?user_ids=a,b` or the name repeated. */
export const queryNames = z
  .union([z.string(), z.array(z.string())])
  .transform((value) =>
    (typeof value === 'string' ? value.split(',') : value).map((name) => name.trim()).filter((name) => name !== ''),
  )
  .optional()
