import type { NanoUsd } from '../money.ts'
import type { Charge } from '../spend.ts'
import type { Usage } from '../usage.ts'
import type { SettledCall } from './settled-call.ts'

/** A call, and whom it is charged to. */
export interface LedgerRow {
  readonly call: SettledCall
  readonly charges: readonly Charge[]
}

/**
 * What stands where in a line. A new cell goes to the end: lines that an older program wrote are in blocks, and perhaps still on disk.
 * What is absent is null, because unknown is not 0.
 */
export const cellNames = [
  'id',
  'callId',
  'startedAt',
  'endedAt',
  'firstContentMs',
  'key',
  'keyAlias',
  'user',
  'team',
  'organization',
  'endUser',
  'requestedModel',
  'modelGroup',
  'deployment',
  'provider',
  'providerModel',
  'apiBase',
  'callType',
  'stream',
  'status',
  'errorCode',
  'attempts',
  'fallbacks',
  'revision',
  'priceMap',
  'inputTokens',
  'outputTokens',
  'cachedInputTokens',
  'cacheWriteTokens',
  'reasoningTokens',
  'audioInputTokens',
  'audioOutputTokens',
  'estimated',
  'cost',
  'breakdown',
  'tags',
  'cacheHit',
  'clientAddress',
  'charges',
  'answerId',
] as const

export type CellName = (typeof cellNames)[number]

/** The cells of a line that was read. */
export type Cells = readonly unknown[]

const places = new Map<CellName, number>(cellNames.map((name, place) => [name, place]))

export function placeOf(name: CellName): number {
  return places.get(name) ?? -1
}

/** Longest text that a caller can put into a cell; what is beyond is cut. */
const maxText = 512
const maxTags = 50

/** The row as one line, a JSON array, without a line end. */
export function lineOf({ call, charges }: LedgerRow): string {
  const { holders, usage } = call
  return JSON.stringify([
    call.id,
    call.callId,
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
    call.breakdown,
    call.tags.length === 0 ? null : storableTags(call.tags),
    call.cacheHit ? 1 : 0,
    call.clientAddress,
    call.cost === undefined || charges.length === 0 ? null : charges.map(chargeCell),
    call.answerId,
  ] satisfies { readonly [Index in keyof typeof cellNames]: unknown })
}

type ChargeCell = string | readonly [spender: string, start: number, end: number]

function chargeCell({ spender, window }: Charge): ChargeCell {
  return window === undefined ? spender : [spender, window.start, window.end]
}

/** @returns the cells; `undefined`: the line is no row (a disk that lies) */
export function cellsIn(line: string): Cells | undefined {
  try {
    const cells: unknown = JSON.parse(line)
    return Array.isArray(cells) && typeof cells[0] === 'string' && Number.isSafeInteger(cells[2]) ? cells : undefined
  } catch {
    return undefined
  }
}

/** @param cells of `lineOf` */
export function rowIn(cells: Cells): LedgerRow {
  return { call: callIn(cells), charges: chargesIn(cells) }
}

function chargesIn(cells: Cells): readonly Charge[] {
  // Written by `chargeCell`.
  const list = (cells[placeOf('charges')] ?? []) as readonly ChargeCell[]
  return list.map((cell) => {
    if (typeof cell === 'string') return { spender: cell, window: undefined }
    const [spender, start, end] = cell
    return { spender, window: { start, end } }
  })
}

export function callIn(cells: Cells): SettledCall {
  const at = (name: CellName) => cells[placeOf(name)]
  const text = (name: CellName) => textOf(at(name))
  const cost = numberOf(at('cost'))
  return {
    id: text('id'),
    callId: text('callId'),
    answerId: text('answerId'),
    startedAt: numberOf(at('startedAt')) ?? 0,
    endedAt: numberOf(at('endedAt')) ?? 0,
    firstContentMs: numberOf(at('firstContentMs')),
    holders: {
      key: text('key'),
      keyAlias: text('keyAlias'),
      user: text('user'),
      team: text('team'),
      organization: text('organization'),
      endUser: text('endUser'),
    },
    requestedModel: text('requestedModel'),
    modelGroup: text('modelGroup'),
    deployment: text('deployment'),
    provider: text('provider'),
    providerModel: text('providerModel'),
    apiBase: text('apiBase'),
    callType: text('callType'),
    stream: at('stream') === 1,
    status: numberOf(at('status')) ?? 0,
    errorCode: text('errorCode') || undefined,
    attempts: numberOf(at('attempts')) ?? 0,
    fallbacks: numberOf(at('fallbacks')) ?? 0,
    revision: numberOf(at('revision')) ?? 0,
    priceMap: text('priceMap'),
    usage: usageIn(cells),
    estimated: at('estimated') === 1,
    // Written as an integer of billionths by `lineOf`.
    cost: cost === undefined ? undefined : (cost as NanoUsd),
    // Written by `lineOf`, as are the tags.
    breakdown: (at('breakdown') ?? undefined) as SettledCall['breakdown'],
    tags: (at('tags') ?? noTags) as readonly string[],
    cacheHit: at('cacheHit') === 1,
    clientAddress: text('clientAddress'),
  }
}

const noTags: readonly string[] = []

const usageParts = [
  'cachedInputTokens',
  'cacheWriteTokens',
  'reasoningTokens',
  'audioInputTokens',
  'audioOutputTokens',
] as const

function usageIn(cells: Cells): Usage | undefined {
  const at = (name: CellName) => numberOf(cells[placeOf(name)])
  const inputTokens = at('inputTokens')
  const outputTokens = at('outputTokens')
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  const known = usageParts.map((name) => [name, at(name)] as const).filter(([, tokens]) => tokens !== undefined)
  return { inputTokens, outputTokens, ...Object.fromEntries(known) }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/**
 * What callers write, as every store can keep it: PostgreSQL takes neither U+0000 nor half a surrogate pair, and one text that it
 * refuses would hold up every row after it.
 */
export function storable(text: string): string {
  const short = text.length > maxText ? text.slice(0, maxText) : text
  const whole = short.isWellFormed() ? short : short.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\ufffd') : whole
}

export function storableTags(tags: readonly string[]): readonly string[] {
  return tags.slice(0, maxTags).map(storable)
}
