import { type Cost, costOf, reportedCost } from '../core/cost/cost-of.ts'
import type { Price } from '../core/cost/price.ts'
import { parseRate } from '../core/cost/rate.ts'
import type { ZeroCostReason } from '../core/cost/zero-cost.ts'
import { serviceTierOf, type Usage } from '../core/usage.ts'
import type { UpstreamHeaders } from '../lib/http-client.ts'
import { headerOf } from '../lib/http1/head-fields.ts'
import type { Call } from './call.ts'
import type { CallPorts } from './ports.ts'
import type { Served } from './served.ts'
import { upstreamModelOf } from './target.ts'

/**
 * What the call costs at the prices it started with. `undefined`: the usage, or a price that is needed, is not known.
 * @param headers of a whole answer: an upstream that is a gateway of this kind tells itself what it billed (contract 1.8)
 */
export function costOfCall(
  call: Call,
  { deployment, target }: Pick<Served, 'deployment' | 'target'>,
  usage: Usage | undefined,
  ports: Pick<CallPorts, 'clock'>,
  headers?: UpstreamHeaders,
): Cost | undefined {
  const { prices, settings } = call.snapshot
  const told = headers === undefined ? undefined : parseRate(headerOf(headers, 'x-litellm-response-cost'))
  if (told !== undefined) return reportedCost(told, settings.terms.of(deployment.provider))
  if (usage === undefined) return undefined
  const model = upstreamModelOf(deployment, target.resolution.wildcard)
  const entry = prices.priceOf(deployment, model, usage.model)
  if (entry === undefined) return undefined
  const price = entry.hasHours ? entry.at(startedAt(call, ports)) : entry
  return costOf(billed(call, usage, price, ports), price, settings.terms.of(deployment.provider))
}

/** Why a whole answer cost nothing, for the operator; `undefined` where it did, or nothing was used. */
export function zeroCostReason(
  call: Call,
  { deployment, target }: Pick<Served, 'deployment' | 'target'>,
): ZeroCostReason | undefined {
  const { cost, usage } = call.progress
  if (cost !== undefined && cost.total !== 0) return undefined
  // A count of tokens is no use of a model.
  if (usage === undefined) return call.dialect === 'anthropic-count-tokens' ? undefined : 'usage_unknown'
  if (cost !== undefined) return usage.inputTokens + usage.outputTokens > 0 ? 'free' : undefined
  const model = upstreamModelOf(deployment, target.resolution.wildcard)
  return call.snapshot.prices.priceOf(deployment, model, usage.model) === undefined ? 'model_unmapped' : 'price_missing'
}

/** Unix ms. */
function startedAt(call: Call, { clock }: Pick<CallPorts, 'clock'>): number {
  return clock.wall() - (clock.now() - call.startedAt)
}

/** What the provider does not tell but bills: the tier that was asked for, the time that it took, the request itself. */
function billed(call: Call, usage: Usage, price: Price, ports: Pick<CallPorts, 'clock'>): Usage {
  const asked = usage.serviceTier ?? serviceTierOf(call.body.service_tier)
  const tiered = asked === usage.serviceTier || asked === undefined ? usage : { ...usage, serviceTier: asked }
  if (!price.billsMore) return tiered
  const responseMs = Math.round(ports.clock.now() - call.startedAt)
  return { ...tiered, units: { ...usage.units, responseMs, requests: 1 } }
}
