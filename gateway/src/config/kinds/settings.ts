import { TermsTable } from '../../core/cost/terms.ts'
import { usdToNano } from '../../core/money.ts'
import { problem } from '../../core/problem.ts'
import type { LimitSettings, PeriodBudget, RetryPolicy, RouterSettings, Settings } from '../../core/settings.ts'
import { Secret } from '../../lib/secret.ts'
import { suggest } from '../../lib/suggest.ts'
import { defaultStrategy, strategies, strategyNamed } from '../../strategies/index.ts'
import { addressSettings, endUserHeaders, keyMakingSettings, requiredSettings } from '../caller-settings.ts'
import { joinPath } from '../schema/path.ts'
import {
  type AllowedFailsSection,
  type GeneralSection,
  isRead,
  type LitellmSettings,
  type PeriodBudgets,
  type RetryPolicySection,
  type RouterSection,
  settingsSchema,
} from '../schema/settings.ts'
import { type Build, defineKind } from './kind.ts'

/** The name of the one resource of this kind. */
export const settingsName = 'gateway'

const mebibyte = 1024 * 1024

/** What holds where nothing is written (contract 4.7). */
const defaults = {
  retries: 2,
  timeoutMs: 6_000_000,
  connectTimeoutMs: 10_000,
  /** Longer than any pause of a provider that sends keep-alives; a stream that is silent for so long is dead. */
  chunkTimeoutMs: 300_000,
  maxFallbacks: 5,
  cooldownMs: 5_000,
  maxRequestMegabytes: 100,
  /** An answer that is not a stream is held whole; images and embeddings by the thousand fit. */
  maxResponseMegabytes: 100,
  healthCheckEveryMs: 300_000,
  healthCheckTimeoutMs: 60_000,
}

/** Names that LiteLLM has and this version has not: served by the default, with a warning. */
const otherStrategies = ['usage-based-routing', 'usage-based-routing-v2', 'cost-based-routing', 'lowest-cost']

export interface CompiledSettings {
  readonly settings: Settings
  readonly references: readonly ModelReference[]
}

/** A model name in the settings, to be checked when all names are known. */
export interface ModelReference {
  readonly name: string
  readonly path: string
  /** Whether calls may come `from` it or are sent to it. */
  readonly use: 'from' | 'target'
}

const fallbackKeys = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'] as const

/** `litellm_settings`, `router_settings` and `general_settings`: one resource, because LiteLLM lets them overlap. */
export const settings = defineKind({
  name: 'settings',
  schema: settingsSchema,
  resolves: isRead,
  compile(spec, build): CompiledSettings {
    const litellm = spec.litellm_settings ?? {}
    const router = spec.router_settings ?? {}
    const general = spec.general_settings ?? {}
    const strategy = strategyOf(router.routing_strategy ?? defaultStrategy.name, build)
    const compiled: Settings = Object.freeze({
      masterKey: general.master_key ? new Secret(general.master_key) : undefined,
      router: routerSettings(router, litellm, strategy),
      unsupportedParameters: litellm.drop_params ?? 'error',
      maxRequestBytes: Math.floor((general.max_request_size_mb ?? defaults.maxRequestMegabytes) * mebibyte),
      maxResponseBytes: Math.floor((general.max_response_size_mb ?? defaults.maxResponseMegabytes) * mebibyte),
      alwaysIncludeStreamUsage: general.always_include_stream_usage ?? false,
      callIdInErrors: general.include_call_id_in_error_body ?? false,
      requireAuthForMetrics: litellm.require_auth_for_metrics_endpoint ?? false,
      ledgerDisabled: general.disable_spend_logs ?? false,
      ledgerRetentionMs: general.maximum_spend_logs_retention_period ?? undefined,
      terms: new TermsTable({
        discounts: litellm.cost_discount_config ?? {},
        margins: litellm.cost_margin_config ?? {},
      }),
      limits: limitSettings(litellm, router, general),
      required: requiredSettings(general),
      health: Object.freeze({
        everyMs:
          general.background_health_checks === true
            ? (general.health_check_interval ?? defaults.healthCheckEveryMs)
            : undefined,
        timeoutMs: general.health_check_timeout ?? defaults.healthCheckTimeoutMs,
        showsDetails: general.health_check_details ?? true,
        readinessShowsDetails: general.allow_public_health_readiness_details ?? false,
      }),
      storesModels: general.store_model_in_db ?? undefined,
      internalUsers: Object.freeze({
        maxBudget: litellm.max_internal_user_budget ?? undefined,
        budgetDuration: litellm.internal_user_budget_duration ?? undefined,
      }),
      keyMaking: keyMakingSettings(litellm, general),
      publicModelGroups: Object.freeze(litellm.public_model_groups ?? []),
      keyHeader: general.litellm_key_header_name?.toLowerCase(),
      routes: Object.freeze({ served: general.allowed_routes ?? undefined, ofAdmins: general.admin_only_routes ?? [] }),
      addresses: addressSettings(general),
      endUserHeaders: Object.freeze(endUserHeaders(general, build)),
    })
    return Object.freeze({ settings: compiled, references: Object.freeze(modelReferences(router, litellm)) })
  },
})

function limitSettings(litellm: LitellmSettings, router: RouterSection, general: GeneralSection): LimitSettings {
  const dollars = (amount: number | null | undefined) =>
    amount === null || amount === undefined ? undefined : usdToNano(amount)
  return Object.freeze({
    timezone: litellm.timezone ?? 'UTC',
    countedTokens: general.token_rate_limit_type ?? 'total',
    maxBudget: dollars(litellm.max_budget),
    budgetDuration: litellm.budget_duration ?? undefined,
    maxParallel: general.global_max_parallel_requests ?? undefined,
    maxParallelPerKey: general.max_parallel_requests ?? undefined,
    maxEndUserBudget: dollars(litellm.max_end_user_budget),
    endUserBudgetId: litellm.max_end_user_budget_id ?? undefined,
    deploymentRates: enforcesRates(router),
    providers: periodBudgets(router.provider_budget_config),
    tags: periodBudgets(litellm.tag_budget_config),
  })
}

function periodBudgets(budgets: PeriodBudgets | null | undefined): ReadonlyMap<string, PeriodBudget> {
  const compiled = new Map<string, PeriodBudget>()
  for (const [holder, budget] of Object.entries(budgets ?? {})) {
    const limit = budget.budget_limit ?? budget.max_budget
    // An entry without an amount limits nothing; one without a period is never reset (LiteLLM #43214 has both wrong).
    if (limit === null || limit === undefined) continue
    compiled.set(holder, { limit: usdToNano(limit), period: budget.time_period ?? budget.budget_duration ?? '' })
  }
  return compiled
}

/** Where LiteLLM takes `rpm` and `tpm` of deployments for more than weights (contract 4.7). */
function enforcesRates(router: RouterSection): boolean {
  return (
    router.enable_pre_call_checks === true ||
    router.optional_pre_call_checks?.includes('enforce_model_rate_limits') === true ||
    router.routing_strategy?.startsWith('usage-based-routing') === true
  )
}

/** In the sections that count: what `router_settings` declares hides the same key of `litellm_settings`. */
function modelReferences(router: RouterSection, litellm: LitellmSettings): ModelReference[] {
  const references: ModelReference[] = []
  for (const key of fallbackKeys) {
    const [section, lists] = router[key] ? ['router_settings', router[key]] : ['litellm_settings', litellm[key] ?? []]
    for (const [index, entry] of lists.entries()) {
      for (const [from, targets] of Object.entries(entry)) {
        const path = joinPath(`${section}.${key}[${index}]`, from)
        references.push({ name: from, path, use: 'from' })
        for (const [position, name] of targets.entries()) {
          references.push({ name, path: joinPath(path, position), use: 'target' })
        }
      }
    }
  }
  const [section, names] = router.default_fallbacks
    ? ['router_settings', router.default_fallbacks]
    : ['litellm_settings', litellm.default_fallbacks ?? []]
  for (const [index, name] of names.entries()) {
    references.push({ name, path: `${section}.default_fallbacks[${index}]`, use: 'target' })
  }
  for (const name of Object.keys(router.model_group_retry_policy ?? {})) {
    references.push({ name, path: joinPath('router_settings.model_group_retry_policy', name), use: 'from' })
  }
  return references
}

function routerSettings(router: RouterSection, litellm: LitellmSettings, strategy: string): RouterSettings {
  const timeoutMs = router.timeout ?? litellm.request_timeout ?? defaults.timeoutMs
  return Object.freeze({
    strategy,
    retries: router.num_retries ?? router.max_retries ?? litellm.num_retries ?? defaults.retries,
    retryPolicy: retriesByClass(router.retry_policy ?? {}),
    groupRetryPolicy: new Map(
      Object.entries(router.model_group_retry_policy ?? {}).map(([group, policy]) => [group, retriesByClass(policy)]),
    ),
    retryAfterMs: router.retry_after ?? 0,
    timeoutMs,
    streamTimeoutMs: router.stream_timeout ?? undefined,
    connectTimeoutMs: router.connect_timeout ?? defaults.connectTimeoutMs,
    // A unary answer of a reasoning model has its first byte when it is finished, so only the total bounds it.
    firstByteTimeoutMs: router.first_byte_timeout ?? timeoutMs,
    chunkTimeoutMs: router.chunk_timeout ?? defaults.chunkTimeoutMs,
    fallbacks: fallbackMap(router.fallbacks ?? litellm.fallbacks),
    contextWindowFallbacks: fallbackMap(router.context_window_fallbacks ?? litellm.context_window_fallbacks),
    contentPolicyFallbacks: fallbackMap(router.content_policy_fallbacks ?? litellm.content_policy_fallbacks),
    defaultFallbacks: Object.freeze([...(router.default_fallbacks ?? litellm.default_fallbacks ?? [])]),
    maxFallbacks: router.max_fallbacks ?? litellm.max_fallbacks ?? defaults.maxFallbacks,
    cooldownsEnabled: !(router.disable_cooldowns ?? false),
    cooldownMs: router.cooldown_time ?? litellm.cooldown_time ?? defaults.cooldownMs,
    allowedFails: router.allowed_fails ?? litellm.allowed_fails ?? undefined,
    allowedFailsPolicy: failsByClass(router.allowed_fails_policy ?? {}),
    maxParallelPerDeployment: router.default_max_parallel_requests ?? undefined,
  })
}

function strategyOf(name: string, build: Build): string {
  if (strategyNamed(name) !== undefined) return name
  const path = 'router_settings.routing_strategy'
  if (otherStrategies.includes(name)) {
    const note = `\`${defaultStrategy.name}\` is used instead of \`${name}\``
    build.report(path, (where) => problem('key_not_supported', where, { key: 'routing_strategy', note }))
    return defaultStrategy.name
  }
  const suggestion = suggest(name, [...strategies.map((strategy) => strategy.name), ...otherStrategies])
  build.report(path, (where) => problem('reference_missing', where, { what: 'routing strategy', name, suggestion }))
  return defaultStrategy.name
}

/** Several entries for one model add up, in the order written. */
function fallbackMap(
  entries: readonly Readonly<Record<string, readonly string[]>>[] | null | undefined,
): ReadonlyMap<string, readonly string[]> {
  const map = new Map<string, readonly string[]>()
  for (const entry of entries ?? []) {
    for (const [from, to] of Object.entries(entry)) map.set(from, Object.freeze([...(map.get(from) ?? []), ...to]))
  }
  return map
}

function retriesByClass(policy: RetryPolicySection): RetryPolicy {
  return byClass({
    badRequest: policy.BadRequestErrorRetries,
    authentication: policy.AuthenticationErrorRetries,
    timeout: policy.TimeoutErrorRetries,
    rateLimit: policy.RateLimitErrorRetries,
    contentPolicy: policy.ContentPolicyViolationErrorRetries,
    internal: policy.InternalServerErrorRetries,
  })
}

function failsByClass(policy: AllowedFailsSection): RetryPolicy {
  return byClass({
    badRequest: policy.BadRequestErrorAllowedFails,
    authentication: policy.AuthenticationErrorAllowedFails,
    timeout: policy.TimeoutErrorAllowedFails,
    rateLimit: policy.RateLimitErrorAllowedFails,
    contentPolicy: policy.ContentPolicyViolationErrorAllowedFails,
    internal: policy.InternalServerErrorAllowedFails,
  })
}

function byClass(counts: { readonly [Class in keyof Required<RetryPolicy>]: number | null | undefined }): RetryPolicy {
  const set = Object.entries(counts).filter(([, count]) => count !== undefined && count !== null)
  // The keys are those of `RetryPolicy`; absent and null counts are gone.
  return Object.freeze(Object.fromEntries(set) as RetryPolicy)
}
