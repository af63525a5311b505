import { z } from 'zod'
import { roles } from '../../../core/role.ts'
import { counts, flag, limitFields, names, object, text } from '../wire-fields.ts'

/** What `/user/new` and `/user/update` have in common. */
export const userFields = {
  user_id: text,
  user_email: text,
  user_alias: text,
  user_role: z.enum(roles).nullish(),
  sso_user_id: text,
  models: names,
  ...limitFields,
  model_rpm_limit: counts,
  model_tpm_limit: counts,
  metadata: object,
  spend: z.number().nullish(),
  object_permission: object,
  prompts: names,
  policies: names,
  guardrails: names,
  blocked: flag,
  allowed_cache_controls: names,
} as const
