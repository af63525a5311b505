import type { NanoUsd } from '../../core/money.ts'
import type { SettledCall } from '../../core/settled-call.ts'
import type { Charge } from '../../core/spend.ts'
import type { Usage } from '../../core/usage.ts'
import { dayMs, utcDay } from '../../lib/utc-day.ts'
import { cellOf } from './charges.ts'
import type { Column, columns } from './columns.ts'

/** Longest text that a caller can put into a column; what is beyond is cut. */
const maxText = 512
const maxTags = 50

/**
 * The row of a call as one line: a JSON array in the order of the columns, then whom it is charged to. New columns go to the end, so that the rows an older
 * program left behind can still be read. What is absent is null: unknown is not 0.
 */
export function rowOf(call: SettledCall, charges: readonly Charge[]): string {
  const { holders, usage } = call
  return JSON.stringify([
    call.id,
    call.callId,
    dayOf(call.startedAt),
    call.startedAt,
    call.endedAt,
    call.firstContentMs === undefined ? null : Math.round(call.firstContentMs),
    holders.key,
    holders.keyAlias,
    holders.user,
    holders.team,
    holders.organization,
    storable(holders.endUser),
    storable(call.requestedModel),
    call.modelGroup,
    call.deployment,
    call.provider,
    storable(call.providerModel),
    call.apiBase,
    call.callType,
    call.stream ? 1 : 0,
    call.status,
    call.errorCode ?? '',
    call.attempts,
    call.fallbacks,
    call.revision,
    call.priceMap,
    usage?.inputTokens,
    usage?.outputTokens,
    usage?.cachedInputTokens,
    usage?.cacheWriteTokens,
    usage?.reasoningTokens,
    usage?.audioInputTokens,
    usage?.audioOutputTokens,
    call.estimated ? 1 : 0,
    call.cost,
    call.breakdown === undefined ? null : JSON.stringify(call.breakdown),
    call.tags.length === 0 ? null : JSON.stringify(call.tags.slice(0, maxTags).map(storable)),
    call.cacheHit ? 1 : 0,
    call.clientAddress,
    cellOf(charges),
  ] satisfies [...CellsOf<typeof columns>, ReturnType<typeof cellOf>])
}

type Cell = string | number | null | undefined
/** One cell for each column, so that none is forgotten. */
type CellsOf<List> = { readonly [Index in keyof List]: Cell }

/** The call that a row of the table is about. */
export function callOf(row: Readonly<Record<Column, unknown>>): SettledCall {
  const cost = numberOf(row.cost)
  return {
    id: textOf(row.id),
    callId: textOf(row.call_id),
    startedAt: numberOf(row.started_at) ?? 0,
    endedAt: numberOf(row.ended_at) ?? 0,
    firstContentMs: numberOf(row.first_content_ms),
    holders: {
      key: textOf(row.key_hash),
      keyAlias: textOf(row.key_alias),
      user: textOf(row.user_id),
      team: textOf(row.team_id),
      organization: textOf(row.organization_id),
      endUser: textOf(row.end_user),
    },
    requestedModel: textOf(row.requested_model),
    modelGroup: textOf(row.model_group),
    deployment: textOf(row.deployment),
    provider: textOf(row.provider),
    providerModel: textOf(row.provider_model),
    apiBase: textOf(row.api_base),
    callType: textOf(row.call_type),
    stream: numberOf(row.stream) === 1,
    status: numberOf(row.status) ?? 0,
    errorCode: textOf(row.error) || undefined,
    attempts: numberOf(row.attempts) ?? 0,
    fallbacks: numberOf(row.fallbacks) ?? 0,
    revision: numberOf(row.revision) ?? 0,
    priceMap: textOf(row.price_map),
    usage: usageOf(row),
    estimated: numberOf(row.estimated) === 1,
    // Written as an integer of billionths by `rowOf`.
    cost: cost === undefined ? undefined : (cost as NanoUsd),
    breakdown: jsonOf(row.breakdown) as SettledCall['breakdown'],
    tags: (jsonOf(row.tags) as readonly string[] | undefined) ?? [],
    cacheHit: numberOf(row.cache_hit) === 1,
    clientAddress: textOf(row.client_address),
  }
}

function usageOf(row: Readonly<Record<Column, unknown>>): Usage | undefined {
  const inputTokens = numberOf(row.input_tokens)
  const outputTokens = numberOf(row.output_tokens)
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  const parts = {
    cachedInputTokens: numberOf(row.cached_tokens),
    cacheWriteTokens: numberOf(row.cache_write_tokens),
    reasoningTokens: numberOf(row.reasoning_tokens),
    audioInputTokens: numberOf(row.audio_input_tokens),
    audioOutputTokens: numberOf(row.audio_output_tokens),
  }
  const known = Object.entries(parts).filter(([, tokens]) => tokens !== undefined)
  return { inputTokens, outputTokens, ...Object.fromEntries(known) }
}

/** PostgreSQL's driver gives 64-bit numbers as text. */
function numberOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function jsonOf(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : undefined
}

let lastDay = ''
let lastDayStart = -1

/** UTC, as the daily sums count. Nearly every call is of the same day as the one before. */
function dayOf(unixMs: number): string {
  const start = unixMs - (unixMs % dayMs)
  if (start !== lastDayStart) {
    lastDayStart = start
    lastDay = utcDay(start)
  }
  return lastDay
}

/**
 * PostgreSQL takes neither U+0000 nor half a surrogate pair, and one text that it refuses would hold up every row after it; so
 * what callers write is cut to what can be kept.
 */
function storable(text: string): string {
  const short = text.length > maxText ? text.slice(0, maxText) : text
  const whole = short.isWellFormed() ? short : short.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\ufffd') : whole
}
