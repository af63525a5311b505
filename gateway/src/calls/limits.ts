import type { GatewayError } from '../core/errors.ts'
import { type NanoUsd, nanoToText } from '../core/money.ts'
import type { Charge } from '../core/spend.ts'
import type { Admission } from '../state/limits/call-limits.ts'
import type { LimitedCall } from '../state/limits/limited-call.ts'
import type { Call } from './call.ts'
import type { CallPorts } from './ports.ts'
import type { Served, Source } from './served.ts'
import { sizeOf } from './size.ts'
import type { Target } from './target.ts'

/**
 * Stop 4, second half: takes room in every limit that holds for the call; of calls without any it asks nothing.
 * @throws GatewayError `rate_limit_exceeded` (429), `budget_exceeded` (422); as a rejection where counters are shared
 */
export function takeRoom(call: Call, target: Target, ports: CallPorts): Admission | undefined | Promise<Admission> {
  return ports.limits.admit(limitedCall(call), () => sizeOf(call, target, ports))
}

/** Adds what the call cost to everybody's sums. @returns who is charged, for its row */
export function charge(
  call: Call,
  source: Source | undefined,
  row: 'row' | 'no-row',
  ports: Pick<CallPorts, 'limits'>,
): readonly Charge[] {
  const { cost } = call.progress
  if (cost === undefined) return nobody
  return ports.limits.charge(limitedCall(call), { cost: cost.total, served: servedOf(source) }, row)
}

const nobody: readonly Charge[] = []

/** Stop 8: gives back what the call did not use. */
export function settleRoom(
  call: Call,
  served: Served | undefined,
  error: GatewayError | undefined,
  ports: CallPorts,
): void {
  const { usage, cost, admission } = call.progress
  const outcome = {
    succeeded: error === undefined,
    usage,
    cost: cost?.total,
    served: servedOf(served),
  }
  ports.limits.settle(limitedCall(call), admission, outcome)
  served?.room?.settle(outcome)
}

function servedOf(source: Source | undefined) {
  if (source === undefined) return undefined
  return { group: source.target.resolution.group.name, deployment: source.deployment }
}

function limitedCall(call: Call): LimitedCall {
  return {
    principal: call.principal,
    customer: call.customer,
    endUser: call.endUser,
    endUserLimits: call.endUserLimits,
    model: call.routedAs,
    settings: call.settings.limits,
    tags: call.tags,
    tagged: call.tagged,
  }
}

const measureNames = { requests: 'requests', tokens: 'tokens', parallel: 'max_parallel_requests' } as const

/**
 * What is left of the caller's limits (contract 4.3): LiteLLM's headers by descriptor, and the plain ones that OpenAI's clients
 * read, of the tightest limit.
 */
export function pushLimits(head: string[], call: Call, ports: Pick<CallPorts, 'limits'>): void {
  const { admission, cost, usage } = call.progress
  if (admission !== undefined) pushRemaining(head, admission, usage === undefined ? undefined : countedTokens(call))
  const { key } = call.principal
  if (key === undefined) return
  const { maxBudget, tokensPerMinute, requestsPerMinute } = key.limits
  const spent = ports.limits.keySpend(limitedCall(call), admission)
  if (spent !== undefined) head.push('x-litellm-key-spend', nanoToText(usdSum(spent, cost?.total ?? 0)))
  if (maxBudget !== undefined) head.push('x-litellm-key-max-budget', nanoToText(maxBudget))
  if (tokensPerMinute !== undefined) head.push('x-litellm-key-tpm-limit', String(tokensPerMinute))
  if (requestsPerMinute !== undefined) head.push('x-litellm-key-rpm-limit', String(requestsPerMinute))
}

/** A sum of whole amounts is one. */
function usdSum(first: number, second: number): NanoUsd {
  return (first + second) as NanoUsd
}

function countedTokens(call: Call): number {
  const { usage } = call.progress
  const { countedTokens: which } = call.settings.limits
  return (which === 'output' ? 0 : (usage?.inputTokens ?? 0)) + (which === 'input' ? 0 : (usage?.outputTokens ?? 0))
}

/** @param used tokens of the call, if they are known already: what was taken for it and not used is left after all */
function pushRemaining(head: string[], { demands, reservation }: Admission, used: number | undefined): void {
  const tightest: { -readonly [Name in 'requests' | 'tokens']?: { limit: number; left: number } } = {}
  for (const [index, { descriptor, measure, limit, amount }] of demands.entries()) {
    // What everybody has together is the operator's to know.
    if (measure === 'budget' || descriptor === 'proxy') continue
    let left = reservation.remaining[index] ?? 0
    if (measure === 'tokens' && used !== undefined) left = Math.min(limit, Math.max(0, left + amount - used))
    const name = measureNames[measure]
    // A call has several tags; a header that comes twice is one that nobody can read.
    if (descriptor !== 'tag' || !head.includes(`x-ratelimit-tag-limit-${name}`)) {
      head.push(`x-ratelimit-${descriptor}-limit-${name}`, String(limit))
      head.push(`x-ratelimit-${descriptor}-remaining-${name}`, String(left))
    }
    if (measure === 'parallel') continue
    const known = tightest[measure]
    if (known === undefined || left < known.left) tightest[measure] = { limit, left }
  }
  for (const measure of ['requests', 'tokens'] as const) {
    const found = tightest[measure]
    if (found === undefined) continue
    head.push(`x-ratelimit-limit-${measure}`, String(found.limit))
    head.push(`x-ratelimit-remaining-${measure}`, String(found.left))
  }
}
