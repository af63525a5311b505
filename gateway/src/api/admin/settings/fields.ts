import type { JsonValue } from '../../../lib/json.ts'

/** A setting that can be shown and changed by name. */
export interface SettingField {
  readonly name: string
  readonly type: 'Integer' | 'Float' | 'Boolean' | 'String' | 'List' | 'Dictionary'
  readonly description: string
  /** What counts where nothing is written; `null`: nothing. */
  readonly fallback: JsonValue
  readonly options?: readonly string[]
}

/** Keys of `general_settings` that `/config/list` offers (contract 6.2): those on which the gateway acts. */
export const generalFields: readonly SettingField[] = [
  field('max_parallel_requests', 'Integer', 'Calls under way of each key that has no such limit of its own', null),
  field('global_max_parallel_requests', 'Integer', 'Calls under way of everybody together, on all replicas', null),
  field('max_request_size_mb', 'Float', 'The largest request body that is taken, in MiB', 100),
  field('max_response_size_mb', 'Float', 'The largest answer that is not a stream, in MiB', 100),
  field('always_include_stream_usage', 'Boolean', 'Show usage in every stream, whatever the caller asked for', false),
  field('litellm_key_header_name', 'String', 'A header to read callers’ keys from before all others', null),
  field('store_model_in_db', 'Boolean', 'Whether models and settings may be changed by API', true),
  field(
    'allow_public_health_readiness_details',
    'Boolean',
    'Answer the details of /health/readiness/details without a key, too',
    false,
  ),
  field(
    'background_health_checks',
    'Boolean',
    'Check every deployment now and then; /health answers what was found',
    false,
  ),
  field('health_check_interval', 'Integer', 'Seconds between two background checks of all deployments', 300),
  field(
    'health_check_details',
    'Boolean',
    'Whether /health shows more of a deployment than its model and its error',
    true,
  ),
]

/** Keys of `router_settings` (contract 6.1) on which the gateway acts. */
export const routerFields: readonly SettingField[] = [
  field('routing_strategy', 'String', 'How a deployment is chosen among those that can take a call', 'simple-shuffle'),
  field('num_retries', 'Integer', 'Attempts beyond the first within one model group', 2),
  field('max_retries', 'Integer', 'The same, where num_retries is not set', null),
  field('retry_after', 'Float', 'Smallest wait before the same deployment is tried again, seconds', 0),
  field('retry_policy', 'Dictionary', 'Retries by class of failure', null),
  field('model_group_retry_policy', 'Dictionary', 'The same by model group', null),
  field('timeout', 'Float', 'Time for a whole call, seconds', 6000),
  field('stream_timeout', 'Float', 'The same for streams', null),
  field('connect_timeout', 'Float', 'Time to connect to a provider, seconds', 10),
  field('first_byte_timeout', 'Float', 'Time from the request to the first byte of the answer, seconds', null),
  field('chunk_timeout', 'Float', 'Time between two chunks of an answer, seconds', 300),
  field('fallbacks', 'List', 'Models to try when one fails', null),
  field('context_window_fallbacks', 'List', 'Models to try when a prompt is too long', null),
  field('content_policy_fallbacks', 'List', 'Models to try when a provider refuses the content', null),
  field('default_fallbacks', 'List', 'Models to try where nothing else is said', null),
  field('max_fallbacks', 'Integer', 'How many models one call may fall back to', 5),
  field('allowed_fails', 'Integer', 'Failures within a minute before a deployment is left alone for a while', null),
  field('allowed_fails_policy', 'Dictionary', 'The same by class of failure', null),
  field('cooldown_time', 'Float', 'For how long it is left alone, seconds', 5),
  field('disable_cooldowns', 'Boolean', 'Never leave a deployment alone', false),
  field(
    'default_max_parallel_requests',
    'Integer',
    'Calls under way at each deployment that has no max_parallel_requests, in each process',
    null,
  ),
  field('model_group_alias', 'Dictionary', 'Other names for public models', null),
]

const strategyTexts: Readonly<Record<string, string>> = {
  'simple-shuffle': 'By chance, in proportion to weight, else rpm, else tpm',
  'least-busy': 'The deployment with the fewest calls under way in this process',
  'latency-based-routing': 'The deployment that answered fastest of late',
}

/** What each routing strategy does, by name. */
export function describedStrategies(names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, strategyTexts[name] ?? '']))
}

function field(name: string, type: SettingField['type'], description: string, fallback: JsonValue): SettingField {
  return { name, type, description, fallback }
}

/** Whether a value is of the field's type as LiteLLM's model takes it; what it means is checked when it is prepared. */
export function fits(type: SettingField['type'], value: JsonValue): boolean {
  if (value === null) return true
  switch (type) {
    case 'Integer':
      return Number.isInteger(value)
    case 'Float':
      return typeof value === 'number'
    case 'Boolean':
      return typeof value === 'boolean'
    case 'String':
      return typeof value === 'string'
    case 'List':
      return Array.isArray(value)
    case 'Dictionary':
      return typeof value === 'object' && !Array.isArray(value)
    default:
      return type satisfies never
  }
}

/** As Python calls the type of a value. */
export function pythonType(value: JsonValue): string {
  if (value === null) return "<class 'NoneType'>"
  if (Array.isArray(value)) return "<class 'list'>"
  switch (typeof value) {
    case 'string':
      return "<class 'str'>"
    case 'boolean':
      return "<class 'bool'>"
    case 'number':
      return Number.isInteger(value) ? "<class 'int'>" : "<class 'float'>"
    default:
      return "<class 'dict'>"
  }
}
