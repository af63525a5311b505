import { offPeakOf } from '../../core/cost/off-peak.ts'
import { isFlatPrice, isPriceField } from '../../core/cost/price-fields.ts'
import { parseRate } from '../../core/cost/rate.ts'
import type { DeploymentPricing } from '../../core/deployment.ts'
import { problem } from '../../core/problem.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { Build } from '../kinds/kind.ts'
import { describe } from './describe.ts'
import type { Resolved } from './references.ts'

type Values = Readonly<Record<string, unknown>>

/**
 * The operator's own prices. `null` means "not set", 0 means free (contract 1.7); `litellm_params` wins over `model_info`.
 * What is no price is reported.
 */
export function pricingOf(params: Values, info: Values, build: Build, resolved: Resolved): DeploymentPricing {
  const own: Record<string, JsonValue> = {}
  for (const [section, values] of [
    ['model_info', info],
    ['litellm_params', params],
  ] as const) {
    for (const [name, value] of Object.entries(values)) {
      if (value === null || value === undefined || !isPriceField(name)) continue
      if (isPrice(name, value)) {
        // Specs are JSON, and so are their parts.
        own[name] = value as JsonValue
        continue
      }
      const path = `${section}.${name}`
      const reference = resolved.references.get(path)
      const found = reference === undefined ? describe(value as JsonValue, path) : `the value of \`${reference}\``
      build.report(path, (where) => problem('value_invalid', where, { expected: expectedOf(name), found }))
    }
  }
  const baseModel = textOf(info.base_model) ?? textOf(params.base_model)
  return { own: Object.keys(own).length === 0 ? undefined : (own as JsonObject), baseModel }
}

function isPrice(name: string, value: unknown): boolean {
  if (isFlatPrice(name)) return parseRate(value) !== undefined
  if (name === 'off_peak_pricing') return offPeakOf(value) !== undefined
  return name === 'tiered_pricing' ? Array.isArray(value) : isObject(value as JsonValue)
}

function expectedOf(name: string): string {
  if (isFlatPrice(name)) return 'a price in USD, 0 or more'
  if (name === 'off_peak_pricing') return 'prices with `hours_utc: "HH:MM-HH:MM"`'
  return name === 'tiered_pricing' ? 'a list of tiers' : 'a mapping'
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
