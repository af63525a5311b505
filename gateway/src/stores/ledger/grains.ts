import type { DailyQuery, LedgerScope } from '../../core/ledger/ledger.ts'

/**
 * How finely daily sums are kept: by key and model, by model, or by holder and day alone. A page reads the coarsest that answers it, so
 * that what it reads does not grow with the keys and models that it does not show: over ten million calls 1,500 rows for the spend of 50
 * teams by day, instead of 600,000.
 */
export type Grain = 'key' | 'model' | 'day'

/** A scope is left out where a coarser grain would have about as many rows as the finer one. */
const grains: Readonly<Record<LedgerScope, readonly Grain[]>> = {
  // Keys are kept together here: a page over everybody must not read a row for each key.
  all: ['model', 'day'],
  key: ['key', 'day'],
  user: ['key', 'day'],
  team: ['key', 'model', 'day'],
  organization: ['key', 'model', 'day'],
  'end-user': ['key', 'day'],
  tag: ['key', 'model', 'day'],
}

export function grainsOf(scope: LedgerScope): readonly Grain[] {
  return grains[scope]
}

/** What stands in the column `scope`; the finest grain has the plain name. */
export function storedScope(scope: LedgerScope, grain: Grain): string {
  return grain === grains[scope][0] ? scope : `${scope}/${grain}`
}

/** The stored scope that a page is read from. */
export function scopeFor({ scope, by, model, provider, key }: DailyQuery): string {
  const ofKey = key !== undefined || by.includes('key')
  const ofModel =
    model !== undefined || provider !== undefined || by.some((name) => /^(model|modelGroup|provider)$/.test(name))
  const wanted: Grain = ofKey ? 'key' : ofModel ? 'model' : 'day'
  const [finest = 'key'] = grains[scope]
  return storedScope(scope, grains[scope].includes(wanted) ? wanted : finest)
}
