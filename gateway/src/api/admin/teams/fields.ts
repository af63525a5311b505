import { z } from 'zod'
import { count, counts, dollars, flag, limitFields, names, object, text } from '../wire-fields.ts'

export const memberBody = z
  .object({
    role: z.enum(['admin', 'user']),
    user_id: text,
    user_email: text,
  })
  .refine((member) => Boolean(member.user_id) || Boolean(member.user_email), {
    error: 'Either user_id or user_email must be provided',
  })

/** What `/team/new` and `/team/update` have in common. */
export const teamFields = {
  team_alias: text,
  organization_id: text,
  metadata: object,
  models: names,
  ...limitFields,
  tpm_limit_type: text,
  rpm_limit_type: text,
  model_tpm_limit: counts,
  model_rpm_limit: counts,
  model_aliases: z.record(z.string(), z.string()).nullish(),
  blocked: flag,
  guardrails: names,
  policies: names,
  prompts: names,
  tags: names,
  object_permission: object,
  allowed_passthrough_routes: names,
  allowed_vector_store_indexes: z.array(z.unknown()).nullish(),
  team_member_permissions: names,
  team_member_budget: dollars,
  team_member_budget_duration: text,
  team_member_tpm_limit: count,
  team_member_rpm_limit: count,
  team_member_key_duration: text,
  router_settings: object,
  secret_manager_settings: object,
  access_group_ids: names,
} as const

export const newTeamBody = z.object({
  ...teamFields,
  team_id: text,
  members_with_roles: z.array(memberBody).nullish(),
})

export const updateTeamBody = z.object({ ...teamFields, team_id: z.string(), spend: z.number().nullish() })

/** Names that live in `metadata`. */
export const metadataNames = [
  'guardrails',
  'prompts',
  'tags',
  'model_rpm_limit',
  'model_tpm_limit',
  'tpm_limit_type',
  'rpm_limit_type',
  'allowed_passthrough_routes',
  'secret_manager_settings',
  'team_member_key_duration',
] as const

/** What a team gives its members; together they are one budget record, which `metadata.team_member_budget_id` names. */
export const memberBudgetNames = {
  team_member_budget: 'max_budget',
  team_member_budget_duration: 'budget_duration',
  team_member_tpm_limit: 'tpm_limit',
  team_member_rpm_limit: 'rpm_limit',
} as const
