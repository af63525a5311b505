import { z } from 'zod'
import { clearedOf } from '../body-changes.ts'
import { flag, limitFields, metadataFields, names, object, text } from '../wire-fields.ts'

/** `key_type` and the routes it stands for (contract 3.2). */
export const routesOfType = {
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
  default: [],
} as const

/** What `/key/generate` and `/key/update` have in common. */
const shared = {
  key_alias: text,
  duration: text,
  models: names,
  spend: z.number().nullish(),
  ...limitFields,
  budget_id: text,
  user_id: text,
  team_id: text,
  organization_id: text,
  project_id: text,
  agent_id: text,
  access_group_ids: names,
  ...metadataFields,
  aliases: z.record(z.string(), z.string()).nullish(),
  config: object,
  router_settings: object,
  permissions: object,
  metadata: object,
  allowed_routes: names,
  allowed_vector_store_indexes: z.array(z.unknown()).nullish(),
  allowed_cache_controls: names,
  object_permission: object,
  blocked: flag,
  auto_rotate: flag,
  rotation_interval: text,
  send_invite_email: flag,
} as const

export const generateBody = z.object({
  ...shared,
  key: text,
  key_type: z.enum(['llm_api', 'management', 'read_only', 'default']).nullish(),
  // Of the client library; nothing here depends on it.
  soft_budget_cooldown: flag,
})

export const updateBody = z.object({
  ...shared,
  key: z.string(),
  temp_budget_increase: z.number().nullish(),
  temp_budget_expiry: text,
})

export const deleteBody = z.object({ keys: names, key_aliases: names })
export const oneKeyBody = z.object({ key: z.string() })
export const regenerateBody = z.object({
  ...shared,
  key: text,
  new_key: text,
  new_master_key: text,
  grace_period: text,
})
export const resetSpendBody = z.object({ reset_to: z.number() })
export const bulkUpdateBody = z.object({ keys: z.array(updateBody).min(1).max(500) })
export const teamBulkUpdateBody = z.object({
  team_id: z.string(),
  key_ids: names,
  all_keys_in_team: flag,
  update_fields: updateBody.omit({ key: true }),
})
export const keysInfoBody = z.object({ keys: names })

export type GenerateBody = z.output<typeof generateBody>
export type UpdateBody = z.output<typeof updateBody>

/** Fields of a request that are not stored under their own name. */
export const notStored = [
  'key',
  'key_type',
  'duration',
  'spend',
  'send_invite_email',
  'soft_budget_cooldown',
  'temp_budget_increase',
  'temp_budget_expiry',
  'new_key',
  'new_master_key',
  'grace_period',
  ...Object.keys(metadataFields),
] as const

/** What a key's row has where nothing was said: LiteLLM's columns. */
export const emptyKey = {
  key_alias: null,
  soft_budget_cooldown: false,
  expires: null,
  models: [],
  aliases: {},
  config: {},
  router_settings: {},
  user_id: null,
  team_id: null,
  agent_id: null,
  project_id: null,
  organization_id: null,
  permissions: {},
  max_parallel_requests: null,
  metadata: {},
  blocked: null,
  tpm_limit: null,
  rpm_limit: null,
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  budget_id: null,
  model_max_budget: {},
  allowed_cache_controls: [],
  allowed_routes: [],
  allowed_vector_store_indexes: [],
  policies: [],
  access_group_ids: [],
  object_permission: null,
  auto_rotate: false,
  rotation_interval: null,
  rotation_count: 0,
  last_rotation_at: null,
  key_rotation_at: null,
} as const

/** Lists and mappings are empty when they are cleared, never null. */
export const clearedKey = clearedOf(emptyKey)

/** What says how much a key may spend or call: whoever did not set it may not lift it. */
export const keyLimits = [
  ...Object.keys(limitFields),
  'budget_id',
  'model_rpm_limit',
  'model_tpm_limit',
  'temp_budget_increase',
] as const
