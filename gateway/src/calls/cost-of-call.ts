import { type Cost, costOf } from '../core/cost/cost-of.ts'
import type { Usage } from '../core/usage.ts'
import type { Call } from './call.ts'
import type { Served } from './dispatch.ts'
import { upstreamModelOf } from './route.ts'
import type { Tools } from './tools.ts'

/** What the call costs at the prices it started with. `undefined`: the usage, or a price that is needed, is not known. */
export function costOfCall(
  call: Call,
  { deployment, target }: Pick<Served, 'deployment' | 'target'>,
  usage: Usage | undefined,
  tools: Pick<Tools, 'clock'>,
): Cost | undefined {
  if (usage === undefined) return undefined
  const { prices, settings } = call.snapshot
  const model = upstreamModelOf(deployment, target.resolution.wildcard)
  const price = prices.priceOf(deployment, model, usage.model)
  if (price === undefined) return undefined
  const responseMs = Math.round(tools.clock.now() - call.startedAt)
  const billed = price.billsTime ? { ...usage, units: { ...usage.units, responseMs } } : usage
  return costOf(billed, price, settings.terms.of(deployment.provider))
}
