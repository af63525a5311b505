import type { AddressList } from '../lib/addresses.ts'
import type { Secret } from '../lib/secret.ts'
import type { TermsTable } from './cost/terms.ts'
import type { NanoUsd } from './money.ts'

/**
 * Everything a call may need from `litellm_settings`, `router_settings` and `general_settings`, defaults filled in.
 * Aliases (`model_alias_map`, `model_group_alias`) are resources of their own kind and are in the model index.
 */
export interface Settings {
  /** `general_settings.master_key`; `undefined`: the one of the environment, or the generated one. */
  readonly masterKey: Secret | undefined
  readonly router: RouterSettings
  /** `drop_params`; `error` unless set. */
  readonly unsupportedParameters: 'error' | 'drop' | 'pass'
  /** `general_settings.max_request_size_mb`, in bytes. */
  readonly maxRequestBytes: number
  /** `general_settings.max_response_size_mb`, in bytes: the largest answer that is not a stream. */
  readonly maxResponseBytes: number
  /** Show usage in every stream, whatever the caller asked. */
  readonly alwaysIncludeStreamUsage: boolean
  /** `general_settings.include_call_id_in_error_body` */
  readonly callIdInErrors: boolean
  readonly requireAuthForMetrics: boolean
  /** `general_settings.disable_spend_logs`: no row is kept of a call. */
  readonly ledgerDisabled: boolean
  /** `general_settings.maximum_spend_logs_retention_period`: rows older than so long, ms, are removed. */
  readonly ledgerRetentionMs: number | undefined
  /** `cost_discount_config` and `cost_margin_config`. */
  readonly terms: TermsTable
  readonly limits: LimitSettings
  readonly required: RequiredSettings
  readonly health: HealthSettings
  /** `general_settings.store_model_in_db`; `undefined`: what the variable STORE_MODEL_IN_DB says. */
  readonly storesModels: boolean | undefined
  readonly internalUsers: InternalUserSettings
  readonly keyMaking: KeyMakingSettings
  /** `litellm_settings.public_model_groups` */
  readonly publicModelGroups: readonly string[]
  /** Header to read the key from first (`general_settings.litellm_key_header_name`), lower case. */
  readonly keyHeader: string | undefined
  readonly addresses: AddressSettings
  readonly routes: RouteSettings
  /** Headers that name the end user, after LiteLLM's own (`general_settings.user_header_name`), lower case. */
  readonly endUserHeaders: readonly string[]
}

/** The budget of new internal users of whom nothing else is said (`litellm_settings`, contract 6.1). */
export interface InternalUserSettings {
  /** `max_internal_user_budget`, US dollars. */
  readonly maxBudget: number | undefined
  /** `internal_user_budget_duration`, as written, `30d`. */
  readonly budgetDuration: string | undefined
}

/** Who may make virtual keys (contract 3.2). */
export interface KeyMakingSettings {
  /** `key_generation_settings.personal_key_generation`; its roles are those of callers. */
  readonly ofPersonal: KeyMakingRules
  /** `key_generation_settings.team_key_generation`; its roles are those of members in the team. Proxy admins are bound by none of it. */
  readonly ofTeams: KeyMakingRules
  /** `general_settings.default_team_disabled` */
  readonly personalByAdminsOnly: boolean
}

export interface KeyMakingRules {
  /** `undefined`: every role. */
  readonly roles: readonly string[] | undefined
  /** Fields that a request must have. */
  readonly needed: readonly string[]
}

/** What `general_settings` says that every call must have, or must not. */
export interface RequiredSettings {
  /** `enforced_params`: fields of the body, `metadata.generation_name` inside one. */
  readonly needed: readonly string[]
  /** `service_account_settings.enforced_params`, of keys of service accounts besides. */
  readonly neededOfServiceAccounts: readonly string[]
  /** `enforce_user_param` */
  readonly needsEndUser: boolean
  /** `reject_clientside_metadata_tags`: only keys and teams have tags. */
  readonly refusesTags: boolean
}

export interface AddressSettings {
  /** `general_settings.allowed_ips`, from which callers with a key are served; `undefined`: from everywhere. */
  readonly allowed: AddressList | undefined
  /** `use_x_forwarded_for`: there is a proxy in front, and it says where calls come from. */
  readonly readsForwarded: boolean
}

/** Routes by path, with a final `*`, or by the names of groups. */
export interface RouteSettings {
  /** `general_settings.allowed_routes`: no others are served to callers with a key; `undefined`: all are. */
  readonly served: readonly string[] | undefined
  /** `general_settings.admin_only_routes`: for proxy admins. */
  readonly ofAdmins: readonly string[]
}

/** What `general_settings` says of checks of the deployments (contract 5). */
export interface HealthSettings {
  /** `background_health_checks` with `health_check_interval`; `undefined`: deployments are asked only when somebody asks. */
  readonly everyMs: number | undefined
  /** `health_check_timeout`, of one check. */
  readonly timeoutMs: number
  /** `health_check_details`: show more of a deployment than its model and its error. */
  readonly showsDetails: boolean
  /** `allow_public_health_readiness_details` */
  readonly readinessShowsDetails: boolean
}

/** What `litellm_settings`, `general_settings` and `router_settings` say of limits (contract 3.6, 4.7). */
export interface LimitSettings {
  /** IANA name of the zone in which budgets start again. */
  readonly timezone: string
  /** Which tokens of a call count against limits on tokens. */
  readonly countedTokens: 'total' | 'input' | 'output'
  /** Of all calls together. */
  readonly maxBudget: NanoUsd | undefined
  /** As written, `30d`. */
  readonly budgetDuration: string | undefined
  /** `general_settings.global_max_parallel_requests`, of all calls together, on all replicas. */
  readonly maxParallel: number | undefined
  /** `general_settings.max_parallel_requests`, of each key that has no such limit of its own. */
  readonly maxParallelPerKey: number | undefined
  /** `max_end_user_budget`, of each end user who has no budget. */
  readonly maxEndUserBudget: NanoUsd | undefined
  /** `max_end_user_budget_id`: the budget record that says what each end user may use who has no limits of his own. */
  readonly endUserBudgetId: string | undefined
  /** Whether `rpm` and `tpm` of deployments are limits and not only weights. */
  readonly deploymentRates: boolean
  /** `provider_budget_config`, by provider. */
  readonly providers: ReadonlyMap<string, PeriodBudget>
  /** `tag_budget_config`, by tag. */
  readonly tags: ReadonlyMap<string, PeriodBudget>
}

export interface PeriodBudget {
  readonly limit: NanoUsd
  /** As written, `30d`; '': it is never reset. */
  readonly period: string
}

export interface RouterSettings {
  readonly strategy: string
  /** Attempts beyond the first within one model group. */
  readonly retries: number
  /** Retries by failure class, LiteLLM's `retry_policy`; beats `retries`. */
  readonly retryPolicy: RetryPolicy
  readonly groupRetryPolicy: ReadonlyMap<string, RetryPolicy>
  /** Smallest wait before a retry on the same deployment. */
  readonly retryAfterMs: number
  readonly timeoutMs: number
  readonly streamTimeoutMs: number | undefined
  /** To the provider's first response byte of a connection: TCP and TLS. */
  readonly connectTimeoutMs: number
  /** From the request sent to the first byte of the answer; bounded by the total. */
  readonly firstByteTimeoutMs: number
  /** Between two chunks of an answer. */
  readonly chunkTimeoutMs: number
  readonly fallbacks: ReadonlyMap<string, readonly string[]>
  readonly contextWindowFallbacks: ReadonlyMap<string, readonly string[]>
  readonly contentPolicyFallbacks: ReadonlyMap<string, readonly string[]>
  readonly defaultFallbacks: readonly string[]
  /** How many model groups one call may fall back to. */
  readonly maxFallbacks: number
  readonly cooldownsEnabled: boolean
  readonly cooldownMs: number
  /** Failures within a minute that are allowed before a cooldown; `undefined`: LiteLLM's failure-rate rule. */
  readonly allowedFails: number | undefined
  readonly allowedFailsPolicy: RetryPolicy
  /** `default_max_parallel_requests`, of each deployment that has none of its own; in this process. */
  readonly maxParallelPerDeployment: number | undefined
}

/** Counts by failure class; a class that is absent uses the general number. */
export interface RetryPolicy {
  readonly badRequest?: number
  readonly authentication?: number
  readonly timeout?: number
  readonly rateLimit?: number
  readonly contentPolicy?: number
  readonly internal?: number
}
