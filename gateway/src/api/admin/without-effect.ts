import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { AdminReply } from '../admin-route.ts'

/**
 * Fields of LiteLLM's rows that are stored and shown, and that this version does not act on. A caller who sets one is told, because
 * a guard that guards nothing must not look like one.
 */
const withoutEffect: ReadonlySet<string> = new Set([
  'agent_id',
  'allowed_cache_controls',
  'allowed_model_region',
  'allowed_passthrough_routes',
  'allowed_vector_store_indexes',
  'auto_rotate',
  'config',
  'default_model',
  'guardrails',
  'logging',
  'object_permission',
  'permissions',
  'policies',
  'project_id',
  'prompts',
  'rotation_interval',
  'router_settings',
  'rpd_limit',
  'rpm_limit_type',
  'secret_manager_settings',
  'send_invite_email',
  'tpd_limit',
  'tpm_limit_type',
])

/** The reply with `x-midflight-warnings: no_effect=guardrails,…` for what was sent and does nothing. */
export function warned(reply: AdminReply, sent: JsonObject): AdminReply {
  const names = Object.keys(sent).filter((name) => withoutEffect.has(name) && saysSomething(sent[name]))
  if (names.length === 0) return reply
  return { ...reply, head: [...(reply.head ?? []), 'x-midflight-warnings', `no_effect=${names.join(',')}`] }
}

function saysSomething(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === '') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
