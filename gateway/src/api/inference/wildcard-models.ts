import type { ModelIndex, Snapshot } from '../../config/snapshot.ts'
import type { PriceBook } from '../../core/cost/price-book.ts'
import type { ModelGroup } from '../../core/deployment.ts'

/** What the wildcards of a generation stand for; a generation's models and prices never change. */
const expanded = new WeakMap<ModelIndex, { readonly prices: PriceBook; readonly names: readonly string[] }>()

/**
 * The models that the price map knows of and that a wildcard lets be called: `openai/*` with an entry `gpt-4o` is
 * `openai/gpt-4o`. A model that only a new map knows is listed from the call after its reload on (contract 2.4).
 */
export function knownByWildcard({ models, prices }: Pick<Snapshot, 'models' | 'prices'>): readonly string[] {
  const known = expanded.get(models)
  if (known?.prices === prices) return known.names
  const names = new Set<string>()
  for (const pattern of models.wildcards) {
    const group = models.resolve(pattern)?.group
    if (group?.name === pattern) addKnown(names, group, prices)
  }
  // A wildcard that is more special, or an exact name, may have its own idea of what is callable.
  const callable = [...names].filter((name) => models.resolve(name) !== undefined)
  expanded.set(models, { prices, names: callable })
  return callable
}

function addKnown(names: Set<string>, { name: pattern, deployments }: ModelGroup, prices: PriceBook): void {
  for (const { provider, upstreamModel } of deployments) {
    const star = upstreamModel.indexOf('*')
    if (star === -1) continue
    const beginning = upstreamModel.slice(0, star)
    const ending = upstreamModel.slice(star + 1)
    for (const model of prices.modelsOf(provider)) {
      if (model.length <= beginning.length + ending.length) continue
      if (!model.startsWith(beginning) || !model.endsWith(ending)) continue
      const matched = model.slice(beginning.length, model.length - ending.length)
      names.add(pattern.replace('*', () => matched))
    }
  }
}
