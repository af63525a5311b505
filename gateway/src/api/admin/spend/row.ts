import type { SettledCall } from '../../../core/ledger/settled-call.ts'
import { nanoToUsd } from '../../../core/money.ts'
import { costBreakdownToWire } from './cost-breakdown.ts'

/** A row as LiteLLM's spend logs show it. Content is never stored, so `messages` and `response` are empty. */
export function callToWire(call: SettledCall) {
  const { holders, usage } = call
  const inputTokens = usage?.inputTokens ?? 0
  const outputTokens = usage?.outputTokens ?? 0
  return {
    request_id: call.answerId || call.callId,
    call_type: call.callType,
    api_key: holders.key,
    spend: call.cost === undefined ? 0 : nanoToUsd(call.cost),
    total_tokens: inputTokens + outputTokens,
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    startTime: new Date(call.startedAt).toISOString(),
    endTime: new Date(call.endedAt).toISOString(),
    completionStartTime:
      call.firstContentMs === undefined ? null : new Date(call.startedAt + call.firstContentMs).toISOString(),
    request_duration_ms: call.endedAt - call.startedAt,
    // Of a call that nobody was asked for the name that its caller wrote; sums do not have it, or callers could fill them.
    model: call.providerModel || call.requestedModel,
    model_id: call.deployment,
    model_group: call.modelGroup,
    custom_llm_provider: call.provider,
    api_base: call.apiBase,
    user: holders.user,
    team_id: holders.team || null,
    organization_id: holders.organization || null,
    end_user: holders.endUser,
    status: call.status < 400 ? 'success' : 'failure',
    cache_hit: call.cacheHit ? 'True' : 'False',
    request_tags: call.tags,
    requester_ip_address: call.clientAddress,
    messages: {},
    response: {},
    metadata: {
      user_api_key_alias: holders.keyAlias || null,
      status_code: call.status,
      error: call.errorCode ?? null,
      ...(call.status < 400
        ? {}
        : {
            error_information: {
              error_code: String(call.status),
              error_class: call.errorCode ?? '',
              llm_provider: call.provider,
            },
          }),
      litellm_call_id: call.callId,
      requested_model: call.requestedModel,
      attempts: call.attempts,
      fallbacks: call.fallbacks,
      stream: call.stream,
      revision: call.revision,
      price_map: call.priceMap,
      cost_known: call.cost !== undefined,
      usage_estimated: call.estimated,
      usage_object: usage ?? null,
      cost_breakdown: costBreakdownToWire(call),
    },
  }
}

const csvColumns = [
  'request_id',
  'startTime',
  'endTime',
  'status',
  'call_type',
  'api_key',
  'user',
  'team_id',
  'organization_id',
  'end_user',
  'model_group',
  'model',
  'custom_llm_provider',
  'model_id',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'spend',
] as const

export const csvHead = `${csvColumns.join(',')}\n`

/** RFC 4180; a cell that a spreadsheet would run as a formula is made text. */
export function callToCsv(call: SettledCall): string {
  const row = callToWire(call)
  return `${csvColumns.map((name) => csvCell(String(row[name] ?? ''))).join(',')}\n`
}

function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?[\d.]+(?:e-?\d+)?$/i.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
