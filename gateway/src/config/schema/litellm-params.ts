import { z } from 'zod'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import * as field from './fields.ts'

/** How a provider is reached; in `litellm_params` and in the values of a credential alike. */
export const accessFields = {
  api_key: field.text.nullish(),
  api_base: field.text.nullish(),
  base_url: field.text.nullish(),
  api_version: field.text.nullish(),
  organization: field.text.nullish(),
}

const mockResponse = z
  .custom<JsonValue>((value) => typeof value === 'string' || isObject(value) || Array.isArray(value), {
    error: 'a text',
  })
  .transform((value) => (typeof value === 'string' ? value : JSON.stringify(value)))

/** The keys of `litellm_params` that the gateway acts on (contract 2.1). Every other key is a field of the request body. */
export const litellmParams = field.mapping({
  model: field.name('a model name'),
  custom_llm_provider: field.text.nullish(),
  ...accessFields,
  litellm_credential_name: field.text.nullish(),
  extra_headers: field.mappingOf(field.text).nullish(),
  extra_body: field.mapping({}).nullish(),
  mock_response: mockResponse.nullish(),
  weight: field.amount.nullish(),
  rpm: field.amount.nullish(),
  tpm: field.amount.nullish(),
  order: field.integer.nullish(),
  max_parallel_requests: field.positiveCount.nullish(),
  max_budget: field.amount.nullish(),
  budget_duration: field.duration.nullish(),
  timeout: field.seconds.nullish(),
  request_timeout: field.seconds.nullish(),
  stream_timeout: field.seconds.nullish(),
  num_retries: field.count.nullish(),
  max_retries: field.count.nullish(),
  cooldown_time: field.secondsOrZero.nullish(),
  drop_params: field.parameterPolicy.nullish(),
  additional_drop_params: field.names.nullish(),
  allowed_openai_params: field.names.nullish(),
  base_model: field.text.nullish(),
})

export type LitellmParams = z.output<typeof litellmParams>

/**
 * Keys that LiteLLM reads itself and that mean nothing to a provider. This version does not act on them; sent as body fields
 * they would make providers refuse every call.
 */
const litellmOnly: ReadonlySet<string> = new Set([
  'tags',
  'max_file_size_mb',
  'configurable_clientside_auth_params',
  'use_in_pass_through',
  'use_litellm_proxy',
  'use_chat_completions_api',
  'merge_reasoning_content_in_choices',
  'keepalive_seconds',
  'region_name',
  'vertex_project',
  'vertex_location',
  'vertex_credentials',
  'watsonx_region_name',
  'azure_ad_token',
  'azure_ad_token_provider',
  'azure_username',
  'azure_password',
  'azure_scope',
  'tenant_id',
  'client_id',
  'client_secret',
  'ssl_verify',
  'ssl_certificate',
  'default_api_key_tpm_limit',
  'default_api_key_rpm_limit',
  'guardrails',
  'prompt_id',
  'prompt_variables',
  'cache',
  'caching',
  'ttl',
  'fallbacks',
  'context_window_fallbacks',
  'content_policy_fallbacks',
  'context_window_fallback_dict',
  'default_fallbacks',
  'mock_timeout',
  'mock_delay',
  'mock_tool_calls',
  'model_info',
  'model_file_id_mapping',
  'hf_model_name',
  'custom_prompt_dict',
  'roles',
  'initial_prompt_value',
  'final_prompt_value',
  'bos_token',
  'eos_token',
  'supports_system_message',
  'cooldown',
  'stream_chunk_size',
  'verbose',
  'logger_fn',
  'input_type',
  'no-log',
  'disable_fallbacks',
  'tag_regex',
  'auto_router_config',
  'auto_router_config_path',
  'auto_router_default_model',
  'auto_router_embedding_model',
  'complexity_router_config',
  'complexity_router_default_model',
])
const litellmOnlyPrefix = /^(aws_|litellm_|gcs_|s3_)/
const priceLike = /(^|_)costs?(_|$)|^tiered_pricing$|^off_peak_pricing$/

/** Whether the key is LiteLLM's own business of which this version does nothing. */
export function isLitellmOnly(key: string): boolean {
  if (Object.hasOwn(litellmParams.shape, key)) return false
  return litellmOnly.has(key) || litellmOnlyPrefix.test(key) || priceLike.test(key)
}

/** What it means to the operator that such a key has no effect, where that is not plain. */
export function noteOn(key: string): string | undefined {
  if (priceLike.test(key)) return 'costs are counted without it'
  return undefined
}

/** Body fields that the operator sets for a deployment; `extra_body` stays under its name, as a caller may send it. */
export function bodyDefaults(params: LitellmParams): JsonObject {
  const entries: [string, JsonValue][] = []
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue
    if (key === 'extra_body' || !(Object.hasOwn(litellmParams.shape, key) || isLitellmOnly(key))) {
      // Unknown keys pass the schema as they are in the spec, which is JSON.
      entries.push([key, value as JsonValue])
    }
  }
  return Object.fromEntries(entries)
}
