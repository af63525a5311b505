import { z } from 'zod'
import type { Snapshot } from '../../../config/snapshot.ts'
import { type Cost, costOf } from '../../../core/cost/cost-of.ts'
import type { Price } from '../../../core/cost/price.ts'
import { rateToNumber } from '../../../core/cost/rate.ts'
import { nanoToUsd } from '../../../core/money.ts'
import { roles } from '../../../core/role.ts'
import { serviceTierOf, type Usage } from '../../../core/usage.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import type { AdminPorts } from '../ports.ts'
import { detailed } from '../refusals.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { tag } from './reload.ts'

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const request = z.object({
  model: z.string().min(1),
  input_tokens: count.default(0),
  output_tokens: count.default(0),
  cached_tokens: count.optional(),
  cache_creation_tokens: count.optional(),
  reasoning_tokens: count.optional(),
  audio_input_tokens: count.optional(),
  audio_output_tokens: count.optional(),
  web_searches: count.optional(),
  service_tier: z.string().optional(),
  num_requests_per_day: count.nullish(),
  num_requests_per_month: count.nullish(),
})

/** `POST /cost/estimate`: what calls would cost at today's prices, discounts and margins (contract 1.8). */
export function estimateRoutes({ calls }: Pick<AdminPorts, 'calls'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/cost/estimate',
      summary: 'What a call of so many tokens would cost',
      tag,
      roles: [...roles],
      body: request,
      handle({ body, exchange }) {
        const snapshot = snapshotOf(exchange)
        const priced = pricedModel(snapshot, body.model, calls.clock.wall())
        if (priced === undefined) throw unpriced(body.model)
        const usage = usageOf(body)
        const cost = costOf(usage, priced.price, snapshot.settings.terms.of(priced.provider))
        if (cost === undefined) throw unpriced(body.model)
        const card = priced.price.card(usage.serviceTier, usage.inputTokens)
        return {
          body: {
            model: body.model,
            input_tokens: body.input_tokens,
            output_tokens: body.output_tokens,
            num_requests_per_day: body.num_requests_per_day ?? null,
            num_requests_per_month: body.num_requests_per_month ?? null,
            ...sums(cost, 1, '_per_request', 'cost_per_request'),
            ...sums(cost, body.num_requests_per_day, '', 'daily_cost', 'daily_'),
            ...sums(cost, body.num_requests_per_month, '', 'monthly_cost', 'monthly_'),
            input_cost_per_token: card.input === undefined ? null : rateToNumber(card.input),
            output_cost_per_token: card.output === undefined ? null : rateToNumber(card.output),
            provider: priced.provider,
            price_map_key: priced.price.name,
          },
        }
      },
    }),
  ]
}

export interface Priced {
  readonly price: Price
  readonly provider: string
}

/** The price at this moment of a public model name, of its first deployment; else of a name of the price map. */
export function pricedModel(snapshot: Snapshot, model: string, now: number): Priced | undefined {
  const resolution = snapshot.models.resolve(model)
  for (const deployment of resolution?.group.deployments ?? []) {
    const upstream = deployment.upstreamModel.replace('*', () => resolution?.wildcard ?? '*')
    const price = snapshot.prices.priceOf(deployment, upstream)
    if (price !== undefined) return { price: price.at(now), provider: deployment.provider }
  }
  const slash = model.indexOf('/')
  const price =
    snapshot.prices.find(model) ??
    (slash === -1 ? undefined : snapshot.prices.findModel(model.slice(0, slash), model.slice(slash + 1)))
  return price === undefined ? undefined : { price: price.at(now), provider: price.provider }
}

export function unpriced(model: string) {
  return detailed(404, `This model isn't mapped yet: no price of model=${model} is known.`)
}

function usageOf(body: z.output<typeof request>): Usage {
  const tier = serviceTierOf(body.service_tier)
  return {
    inputTokens: body.input_tokens,
    outputTokens: body.output_tokens,
    ...(body.cached_tokens === undefined ? {} : { cachedInputTokens: body.cached_tokens }),
    ...(body.cache_creation_tokens === undefined ? {} : { cacheWriteTokens: body.cache_creation_tokens }),
    ...(body.reasoning_tokens === undefined ? {} : { reasoningTokens: body.reasoning_tokens }),
    ...(body.audio_input_tokens === undefined ? {} : { audioInputTokens: body.audio_input_tokens }),
    ...(body.audio_output_tokens === undefined ? {} : { audioOutputTokens: body.audio_output_tokens }),
    ...(body.web_searches === undefined ? {} : { webSearches: body.web_searches }),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  }
}

/** `cost_per_request`, `input_cost_per_request` …; `daily_cost`, `daily_input_cost` …: LiteLLM's names. */
function sums(cost: Cost, calls: number | null | undefined, ending: string, total: string, beginning = '') {
  const usd = (amount: number): number | null => (typeof calls === 'number' ? nanoToUsd(amount * calls) : null)
  return {
    [total]: usd(cost.total),
    [`${beginning}input_cost${ending}`]: usd(cost.input),
    [`${beginning}output_cost${ending}`]: usd(cost.output),
    [`${beginning}margin_cost${ending}`]: usd(cost.margin),
    [`${beginning}discount_cost${ending}`]: usd(cost.discount),
  }
}
