import type { Snapshot } from '../../../config/snapshot.ts'
import { isPriceField } from '../../../core/cost/price-fields.ts'
import type { Deployment } from '../../../core/deployment.ts'
import type { JsonObject } from '../../../lib/json.ts'

/**
 * What the price map knows of the deployment's model, by LiteLLM's field names: limits, abilities, and the prices that calls are
 * costed with. Where the operator has prices of its own, the map's do not count and are not shown (contract 1.7).
 */
export function mapFacts({ prices }: Pick<Snapshot, 'prices'>, deployment: Deployment): JsonObject {
  const { pricing, provider, upstreamModel } = deployment
  const entry =
    (pricing.baseModel === undefined ? undefined : prices.findModel(provider, pricing.baseModel)) ??
    prices.findModel(provider, upstreamModel)
  // Entries of the map are parsed JSON.
  const facts = (entry === undefined ? {} : { ...entry.fields, key: entry.name }) as JsonObject
  if (pricing.own === undefined) return facts
  const counted = (prices.priceOf(deployment, upstreamModel)?.fields ?? {}) as JsonObject
  const rest = Object.entries(facts).filter(([key]) => !isPriceField(key))
  return { ...Object.fromEntries(rest), ...counted }
}
