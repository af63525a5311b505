import { priceFields } from '../../core/cost/price-fields.ts'
import { suggest } from '../../lib/suggest.ts'

/**
 * What this version does with a key that LiteLLM documents:
 * - `honoured`: it is read. The config schemas are compared with this list in a test, so it cannot promise more than they read.
 * - `kept`: it changes nothing by itself and is shown again by `/model/info`.
 * - `unsupported`: it has no effect, which a warning says.
 * - `refused`: it has no effect on purpose, which a warning says with the reason.
 */
export type Treatment =
  | { readonly type: 'honoured' | 'kept' }
  | { readonly type: 'unsupported'; readonly note: string | undefined }
  | { readonly type: 'refused'; readonly reason: string }

export type DocumentedKeys = ReadonlyMap<string, Treatment>

interface Written {
  readonly honoured: readonly string[]
  readonly kept?: readonly string[]
  readonly unsupported?: readonly string[]
  /** Unsupported keys by what their absence means to the operator. */
  readonly noted?: Readonly<Record<string, readonly string[]>>
  readonly refused?: Readonly<Record<string, readonly string[]>>
}

const runsNoCode = 'it names code, and this gateway never runs code that a configuration names'

function keys(written: Written): DocumentedKeys {
  const table = new Map<string, Treatment>()
  for (const key of written.honoured) table.set(key, { type: 'honoured' })
  for (const key of written.kept ?? []) table.set(key, { type: 'kept' })
  for (const key of written.unsupported ?? []) table.set(key, { type: 'unsupported', note: undefined })
  for (const [note, noted] of Object.entries(written.noted ?? {})) {
    for (const key of noted) table.set(key, { type: 'unsupported', note })
  }
  for (const [reason, refused] of Object.entries(written.refused ?? {})) {
    for (const key of refused) table.set(key, { type: 'refused', reason })
  }
  return table
}

/** In `litellm_params` and `model_info`; variants for tiers and batches have suffixes. */
const honouredPrices = priceFields

/** The document itself. */
export const topLevelKeys = keys({
  honoured: [
    'model_list',
    'litellm_settings',
    'router_settings',
    'general_settings',
    'environment_variables',
    'include',
    'credential_list',
  ],
  unsupported: [
    'callback_settings',
    'prompts',
    'mcp_servers',
    'mcp_tools',
    'mcp_semantic_tool_filter',
    'agent_list',
    'agents',
    'vector_store_registry',
    'search_tools',
    'assistant_settings',
    'finetune_settings',
    'files_settings',
    'default_vertex_config',
    'worker_registry',
    'sandbox_tools',
  ],
  noted: { 'content is not checked': ['guardrails', 'policies', 'policy_attachments'] },
})

/** One entry of `model_list`. */
export const modelKeys = keys({ honoured: ['model_name', 'litellm_params', 'model_info', 'blocked'] })

/** One entry of `credential_list`. */
export const credentialKeys = keys({
  honoured: ['credential_name', 'credential_values'],
  kept: ['credential_info'],
})

/** `litellm_params`. A key that is not here is a field of the request body, as in LiteLLM. */
export const litellmParamsKeys = keys({
  honoured: [
    'model',
    'custom_llm_provider',
    'api_key',
    'api_base',
    'base_url',
    'api_version',
    'organization',
    'litellm_credential_name',
    'extra_headers',
    'extra_body',
    'mock_response',
    'weight',
    'rpm',
    'tpm',
    'order',
    'max_parallel_requests',
    'max_budget',
    'budget_duration',
    'timeout',
    'request_timeout',
    'stream_timeout',
    'num_retries',
    'max_retries',
    'cooldown_time',
    'drop_params',
    'additional_drop_params',
    'allowed_openai_params',
    'base_model',
    ...honouredPrices,
  ],
  unsupported: [
    'region_name',
    'vertex_project',
    'vertex_location',
    'vertex_credentials',
    'aws_access_key_id',
    'aws_secret_access_key',
    'aws_session_token',
    'aws_region_name',
    'aws_session_name',
    'aws_profile_name',
    'aws_role_name',
    'aws_web_identity_token',
    'aws_sts_endpoint',
    'aws_external_id',
    'aws_bedrock_runtime_endpoint',
    'watsonx_region_name',
    'azure_ad_token',
    'tenant_id',
    'client_id',
    'client_secret',
    'use_in_pass_through',
    'use_litellm_proxy',
    'merge_reasoning_content_in_choices',
    'configurable_clientside_auth_params',
    'keepalive_seconds',
  ],
  noted: {
    'tags do not choose the deployment': ['tags'],
  },
  refused: { [runsNoCode]: ['azure_ad_token_provider'] },
})

/** `model_info`. A key that is not here is kept, as in LiteLLM. */
export const modelInfoKeys = keys({
  honoured: [
    'id',
    'team_id',
    'access_groups',
    'base_model',
    'health_check_model',
    'health_check_timeout',
    'disable_background_health_check',
    ...honouredPrices,
  ],
  kept: [
    'team_public_model_name',
    'mode',
    'tier',
    'max_tokens',
    'max_input_tokens',
    'max_output_tokens',
    'litellm_provider',
    'supports_function_calling',
    'supports_parallel_function_calling',
    'supports_vision',
    'supports_audio_input',
    'supports_audio_output',
    'supports_pdf_input',
    'supports_prompt_caching',
    'supports_reasoning',
    'supports_response_schema',
    'supports_system_messages',
    'supports_tool_choice',
    'supports_web_search',
  ],
  unsupported: ['supported_environments'],
  noted: {},
})

/** Settings of the router that LiteLLM takes in `litellm_settings` too. */
const sharedSettings = [
  'num_retries',
  'allowed_fails',
  'cooldown_time',
  'fallbacks',
  'context_window_fallbacks',
  'content_policy_fallbacks',
  'default_fallbacks',
  'max_fallbacks',
]

export const litellmSettingsKeys = keys({
  honoured: [
    ...sharedSettings,
    'max_budget',
    'budget_duration',
    'max_end_user_budget',
    'max_end_user_budget_id',
    'max_internal_user_budget',
    'internal_user_budget_duration',
    'tag_budget_config',
    'timezone',
    'drop_params',
    'request_timeout',
    'require_auth_for_metrics_endpoint',
    'cost_discount_config',
    'cost_margin_config',
    'default_key_generate_params',
    'upperbound_key_generate_params',
    'key_generation_settings',
    'default_internal_user_params',
    'default_team_params',
    'public_model_groups',
    'model_alias_map',
  ],
  unsupported: [
    'modify_params',
    'set_verbose',
    'json_logs',
    'telemetry',
    'turn_off_message_logging',
    'redact_user_api_key_info',
    'redact_messages_in_exceptions',
    'default_team_settings',
    'include_cost_in_streaming_usage',
    'enable_json_schema_validation',
    'prometheus_metrics_config',
    'prometheus_initialize_budget_metrics',
    'custom_prometheus_metadata_labels',
    'custom_prometheus_tags',
    'prometheus_exclude_metrics',
    'prometheus_exclude_labels',
    'public_mcp_servers',
    'public_agent_groups',
    'force_ipv4',
    'ssl_verify',
    'ssl_certificate',
    'route_all_chat_openai_to_responses',
    'add_function_to_prompt',
    'enable_preview_features',
    'langfuse_default_tags',
    's3_callback_params',
    'default_redis_ttl',
    'default_in_memory_ttl',
    'enable_redis_auth_cache',
    'mcp_aliases',
  ],
  noted: {
    'answers are not cached; a Redis that it names counts limits': ['cache_params'],
    'answers are not cached': ['cache'],
    'calls are not reported there': ['callbacks', 'success_callback', 'failure_callback', 'service_callbacks'],
    'content is not checked': ['guardrails', 'banned_keywords_list', 'blocked_user_list'],
  },
  refused: {
    [runsNoCode]: ['custom_provider_map', 'pre_call_rules', 'post_call_rules', 'input_callback'],
  },
})

export const routerSettingsKeys = keys({
  honoured: [
    ...sharedSettings,
    'default_max_parallel_requests',
    'provider_budget_config',
    'redis_url',
    'redis_host',
    'redis_port',
    'redis_password',
    'redis_db',
    'enable_pre_call_checks',
    'optional_pre_call_checks',
    'routing_strategy',
    'model_group_alias',
    'max_retries',
    'retry_after',
    'retry_policy',
    'model_group_retry_policy',
    'allowed_fails_policy',
    'disable_cooldowns',
    'timeout',
    'stream_timeout',
    'connect_timeout',
    'first_byte_timeout',
    'chunk_timeout',
  ],
  unsupported: [
    'deployment_affinity_ttl_seconds',
    'model_group_affinity_config',
    'default_priority',
    'polling_interval',
    'default_litellm_params',
    'caching_groups',
    'client_ttl',
    'cache_kwargs',
    'ignore_invalid_deployments',
    'search_tools',
    'alerting_config',
    'routing_groups',
    'debug_level',
    'set_verbose',
  ],
  noted: {
    'strategies take no arguments': ['routing_strategy_args'],
    'tags do not choose the deployment': ['enable_tag_filtering', 'tag_filtering_match_any'],
    'answers are not cached': ['cache_responses'],
    'content is not checked': ['guardrail_list'],
  },
})

export const generalSettingsKeys = keys({
  honoured: [
    'master_key',
    'database_url',
    'max_parallel_requests',
    'global_max_parallel_requests',
    'max_request_size_mb',
    'max_response_size_mb',
    'always_include_stream_usage',
    'include_call_id_in_error_body',
    'team_admin_editable_team_fields',
    'allowed_routes',
    'admin_only_routes',
    'allowed_ips',
    'use_x_forwarded_for',
    'default_team_disabled',
    'enforced_params',
    'service_account_settings',
    'enforce_user_param',
    'reject_clientside_metadata_tags',
    'disable_spend_logs',
    'maximum_spend_logs_retention_period',
    'store_model_in_db',
    'background_health_checks',
    'health_check_interval',
    'health_check_timeout',
    'health_check_details',
    'allow_public_health_readiness_details',
    'litellm_key_header_name',
    'user_header_name',
    'user_header_mappings',
    'token_rate_limit_type',
  ],
  unsupported: [
    'proxy_batch_write_at',
    'proxy_batch_polling_interval',
    'proxy_budget_rescheduler_min_time',
    'proxy_budget_rescheduler_max_time',
    'proxy_config_reload_interval_seconds',
    'disable_reset_budget',
    'disable_master_key_return',
    'disable_adding_master_key_hash_to_db',
    'disable_prisma_schema_update',
    'disable_retry_on_max_parallel_request_limit_error',
    'disable_responses_id_security',
    'user_api_key_cache_ttl',
    'allow_requests_on_db_unavailable',
    'forward_client_headers_to_llm_api',
    'completion_model',
    'embedding_model',
    'image_generation_model',
    'moderation_model',
    'infer_model_from_keys',
    'use_shared_health_check',
    'enable_health_check_routing',
    'ui_access_mode',
    'auto_redirect_ui_login_to_sso',
    'pass_through_endpoints',
    'use_client_credentials_pass_through_routes',
    'forward_llm_provider_auth_headers',
    'forward_openai_org_id',
    'allow_client_side_credentials',
    'enable_mcp_registry',
    'mcp_internal_ip_ranges',
    'mcp_trusted_proxy_ranges',
    'mcp_client_side_auth_header_name',
    'mcp_required_fields',
    'control_plane_url',
    'litellm_license',
    'enable_public_model_hub',
    'encryption_algorithm',
    'disable_fallbacks_on_per_model_rate_limits',
  ],
  noted: {
    'connections are as many as are needed': [
      'database_connection_pool_limit',
      'database_connection_timeout',
      'supported_db_objects',
      'use_redis_transaction_buffer',
    ],
    'spend is always recorded': ['disable_spend_updates'],
    'failed calls are recorded too': ['disable_error_logs'],
    'content is never stored': ['store_prompts_in_spend_logs'],
    'rows are removed once an hour': ['maximum_spend_logs_retention_interval', 'maximum_spend_logs_cleanup_cron'],
    'every other route than the public ones needs a key': ['public_routes'],
    'callers are known by their key alone': [
      'enable_jwt_auth',
      'litellm_jwtauth',
      'enforce_rbac',
      'role_permissions',
      'enable_oauth2_auth',
      'enable_oauth2_proxy_auth',
      'oauth2_config_mappings',
    ],
    'no alert is sent': [
      'alerting',
      'alerting_threshold',
      'alerting_args',
      'alert_types',
      'alert_to_webhook_url',
      'spend_report_frequency',
    ],
    'write secrets as `os.environ/NAME` or `file:/path`': ['key_management_system', 'key_management_settings'],
  },
  refused: {
    [runsNoCode]: [
      'custom_auth',
      'custom_auth_run_common_checks',
      'custom_key_generate',
      'custom_sso',
      'custom_ui_sso_sign_in_handler',
    ],
  },
})

/** `litellm_settings` lists of names; a dotted name is a Python object that LiteLLM would import. */
export const callbackKeys: ReadonlySet<string> = new Set([
  'callbacks',
  'success_callback',
  'failure_callback',
  'service_callbacks',
])

export const callbackReason = runsNoCode

export const retryPolicyKeys = keys({
  honoured: [
    'BadRequestErrorRetries',
    'AuthenticationErrorRetries',
    'TimeoutErrorRetries',
    'RateLimitErrorRetries',
    'ContentPolicyViolationErrorRetries',
    'InternalServerErrorRetries',
  ],
})

export const allowedFailsPolicyKeys = keys({
  honoured: [
    'BadRequestErrorAllowedFails',
    'AuthenticationErrorAllowedFails',
    'TimeoutErrorAllowedFails',
    'RateLimitErrorAllowedFails',
    'ContentPolicyViolationErrorAllowedFails',
    'InternalServerErrorAllowedFails',
  ],
})

const settingsKeys: Readonly<Record<string, DocumentedKeys>> = {
  litellm_settings: litellmSettingsKeys,
  router_settings: routerSettingsKeys,
  general_settings: generalSettingsKeys,
}

/**
 * The parameter of a deployment that a key, which is sent to the provider as it is, was probably meant to be.
 * @param key of `litellm_params`
 */
export function meantParameter(key: string): string | undefined {
  return litellmParamsKeys.has(key) ? undefined : suggest(key, litellmParamsKeys.keys())
}

/** @param path `general_settings.alerting` */
export function isSetting(path: string): boolean {
  const [section = '', key = ''] = path.split('.', 2)
  return settingsKeys[section]?.get(key) !== undefined
}

/**
 * Why a setting has no effect in this version; `undefined` when it has one, or is nobody's.
 * @param path `general_settings.alerting`
 */
export function ignoredSetting(path: string): string | undefined {
  const [section = '', key = ''] = path.split('.', 2)
  const treatment = settingsKeys[section]?.get(key)
  if (treatment?.type === 'unsupported') return treatment.note ?? 'this version does not act on it'
  return treatment?.type === 'refused' ? treatment.reason : undefined
}
