import { z } from 'zod'
import { isAddressOrRange } from '../../lib/addresses.ts'
import { isObject, type JsonValue } from '../../lib/json.ts'
import * as field from './fields.ts'

const retryPolicy = field.section({
  BadRequestErrorRetries: field.count.nullish(),
  AuthenticationErrorRetries: field.count.nullish(),
  TimeoutErrorRetries: field.count.nullish(),
  RateLimitErrorRetries: field.count.nullish(),
  ContentPolicyViolationErrorRetries: field.count.nullish(),
  InternalServerErrorRetries: field.count.nullish(),
})

const allowedFailsPolicy = field.section({
  BadRequestErrorAllowedFails: field.count.nullish(),
  AuthenticationErrorAllowedFails: field.count.nullish(),
  TimeoutErrorAllowedFails: field.count.nullish(),
  RateLimitErrorAllowedFails: field.count.nullish(),
  ContentPolicyViolationErrorAllowedFails: field.count.nullish(),
  InternalServerErrorAllowedFails: field.count.nullish(),
})

/** `[{ "a": ["b", "c"] }, { "*": ["d"] }]` */
const fallbacks = z.array(field.mappingOf(field.names), { error: 'a list of mappings, each from a model to a list' })

/** Keys that LiteLLM takes in `router_settings` and in `litellm_settings`; the former win. */
const shared = {
  num_retries: field.count.nullish(),
  allowed_fails: field.count.nullish(),
  cooldown_time: field.secondsOrZero.nullish(),
  fallbacks: fallbacks.nullish(),
  context_window_fallbacks: fallbacks.nullish(),
  content_policy_fallbacks: fallbacks.nullish(),
  default_fallbacks: field.names.nullish(),
  max_fallbacks: field.count.nullish(),
}

const fraction = field.numeric('a fraction of 0 to 1', (value) => value >= 0 && value <= 1)
const margin = z.union(
  [field.amount, z.strictObject({ percentage: field.amount.optional(), fixed_amount: field.amount.optional() })],
  { error: 'a fraction such as 0.1, or a mapping of `percentage` and `fixed_amount`' },
)

/** LiteLLM's discounts and margins by provider (contract 1.8); also checked by the routes that change them. */
export const costDiscounts = field.mappingOf(fraction)
export const costMargins = field.mappingOf(margin)

const timezone = field
  .name('the name of a time zone such as `Europe/Berlin`')
  .refine((value) => isTimezone(value), { error: 'the name of a time zone such as `Europe/Berlin`' })

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** `{ "openai": { "budget_limit": 100, "time_period": "1d" } }` */
const periodBudgets = field.mappingOf(
  field.section({
    // LiteLLM's other word for the same.
    budget_limit: field.amount.nullish(),
    max_budget: field.amount.nullish(),
    time_period: field.duration.nullish(),
    budget_duration: field.duration.nullish(),
  }),
)

/** What new keys, users and teams get, and may have at most: fields of `/key/generate`, `/user/new` and `/team/new`, which check them. */
const managementParams = field.mappingOf(z.unknown())

/** Who may make keys. */
const keyGeneration = field.section({
  personal_key_generation: field
    .section({ allowed_user_roles: field.names.nullish(), required_params: field.names.nullish() })
    .nullish(),
  team_key_generation: field
    .section({ allowed_team_member_roles: field.names.nullish(), required_params: field.names.nullish() })
    .nullish(),
})

const litellmSettings = field.section({
  ...shared,
  drop_params: field.parameterPolicy.nullish(),
  request_timeout: field.seconds.nullish(),
  require_auth_for_metrics_endpoint: field.flag.nullish(),
  cost_discount_config: costDiscounts.nullish(),
  cost_margin_config: costMargins.nullish(),
  max_budget: field.amount.nullish(),
  budget_duration: field.duration.nullish(),
  max_end_user_budget: field.amount.nullish(),
  max_end_user_budget_id: field.name('the id of a budget').nullish(),
  max_internal_user_budget: field.amount.nullish(),
  internal_user_budget_duration: field.duration.nullish(),
  tag_budget_config: periodBudgets.nullish(),
  timezone: timezone.nullish(),
  default_key_generate_params: managementParams.nullish(),
  key_generation_settings: keyGeneration.nullish(),
  upperbound_key_generate_params: managementParams.nullish(),
  default_internal_user_params: managementParams.nullish(),
  default_team_params: managementParams.nullish(),
  public_model_groups: field.names.nullish(),
})

const routerSettings = field.section({
  ...shared,
  max_retries: field.count.nullish(),
  routing_strategy: field.name('the name of a routing strategy').nullish(),
  retry_after: field.secondsOrZero.nullish(),
  retry_policy: retryPolicy.nullish(),
  model_group_retry_policy: field.mappingOf(retryPolicy).nullish(),
  allowed_fails_policy: allowedFailsPolicy.nullish(),
  disable_cooldowns: field.flag.nullish(),
  timeout: field.seconds.nullish(),
  stream_timeout: field.seconds.nullish(),
  default_max_parallel_requests: field.positiveCount.nullish(),
  provider_budget_config: periodBudgets.nullish(),
  enable_pre_call_checks: field.flag.nullish(),
  optional_pre_call_checks: field.names.nullish(),
  // Ours; LiteLLM has no word for these three.
  connect_timeout: field.seconds.nullish(),
  first_byte_timeout: field.seconds.nullish(),
  chunk_timeout: field.seconds.nullish(),
})

const megabytes = field.numeric('a number of megabytes above 0', (value) => value > 0)
const headerName = field
  .name('the name of a header')
  .refine((value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value), { error: 'the name of a header' })

/** `{ header_name: X-OpenWebUI-User-Id, litellm_user_role: customer }` */
const userHeader = field.section({
  header_name: headerName,
  litellm_user_role: z.enum(['customer', 'internal_user'], { error: '`customer` or `internal_user`' }),
})

const address = field
  .name('an IP address, or a range such as `10.0.0.0/8`')
  .refine((value) => isAddressOrRange(value), { error: 'an IP address, or a range such as `10.0.0.0/8`' })

const generalSettings = field.section({
  master_key: field.text.nullish(),
  max_parallel_requests: field.count.nullish(),
  global_max_parallel_requests: field.count.nullish(),
  max_request_size_mb: megabytes.nullish(),
  max_response_size_mb: megabytes.nullish(),
  always_include_stream_usage: field.flag.nullish(),
  include_call_id_in_error_body: field.flag.nullish(),
  litellm_key_header_name: headerName.nullish(),
  /** Fields of `/team/update` that team admins may change, and `member_key_budgets`. */
  team_admin_editable_team_fields: field.names.nullish(),
  user_header_name: headerName.nullish(),
  user_header_mappings: z.array(userHeader, { error: 'a list of headers and roles' }).nullish(),
  allowed_routes: field.names.nullish(),
  admin_only_routes: field.names.nullish(),
  allowed_ips: z.array(address, { error: 'a list of IP addresses' }).nullish(),
  use_x_forwarded_for: field.flag.nullish(),
  default_team_disabled: field.flag.nullish(),
  enforced_params: field.names.nullish(),
  service_account_settings: field.section({ enforced_params: field.names.nullish() }).nullish(),
  enforce_user_param: field.flag.nullish(),
  reject_clientside_metadata_tags: field.flag.nullish(),
  disable_spend_logs: field.flag.nullish(),
  maximum_spend_logs_retention_period: field.age.nullish(),
  store_model_in_db: field.flag.nullish(),
  background_health_checks: field.flag.nullish(),
  health_check_interval: field.seconds.nullish(),
  health_check_timeout: field.seconds.nullish(),
  health_check_details: field.flag.nullish(),
  allow_public_health_readiness_details: field.flag.nullish(),
  token_rate_limit_type: z.enum(['total', 'output', 'input'], { error: '`total`, `output` or `input`' }).nullish(),
})

const variable = z.union([z.string(), z.number(), z.boolean()], { error: 'a text' })

/** The spec of the one settings resource: LiteLLM's sections, of which only the keys that the gateway acts on are read. */
export const settingsSchema = field.section({
  litellm_settings: litellmSettings.nullish(),
  router_settings: routerSettings.nullish(),
  general_settings: generalSettings.nullish(),
  environment_variables: field.mappingOf(variable.nullish()).nullish(),
})

export type PeriodBudgets = z.output<typeof periodBudgets>
export type LitellmSettings = z.output<typeof litellmSettings>
export type GeneralSection = z.output<typeof generalSettings>
export type RouterSection = z.output<typeof routerSettings>
export type RetryPolicySection = z.output<typeof retryPolicy>
export type AllowedFailsSection = z.output<typeof allowedFailsPolicy>

const sections: ReadonlyMap<string, z.ZodObject> = new Map<string, z.ZodObject>([
  ['litellm_settings', litellmSettings],
  ['router_settings', routerSettings],
  ['general_settings', generalSettings],
])

/**
 * Whether references at a path of the settings are resolved: only under keys that are read. `cache_params.host:
 * os.environ/REDIS_HOST` must not refuse a file because of a variable that nobody reads.
 */
export function isRead(path: string): boolean {
  const [section = '', key] = path.split(/[.[]/, 2)
  const schema = sections.get(section)
  if (schema === undefined) return false
  return key === undefined || Object.hasOwn(schema.shape, key)
}

/** The configuration's own variables, before references in them are resolved. */
export function declaredVariables(spec: {
  readonly [key: string]: JsonValue | undefined
}): ReadonlyMap<string, string> {
  const { environment_variables: declared } = spec
  const variables = new Map<string, string>()
  if (!isObject(declared)) return variables
  for (const [name, value] of Object.entries(declared)) {
    if (typeof value === 'string' || typeof value === 'number') variables.set(name, String(value))
    // LiteLLM exports Python's `str(value)`.
    if (typeof value === 'boolean') variables.set(name, value ? 'True' : 'False')
  }
  return variables
}
