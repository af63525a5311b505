import type { Charge } from './charges.ts'
import type { Cost } from './cost-of.ts'
import { rateToNano } from './rate.ts'

/**
 * What a cost is made of, billionths of a dollar: `input.text`, `input.cache-read`, `output.reasoning`, `tools.web-search` … add
 * up to the cost before discount and margin, to the last billionth. With them, where there are any: `discount` (taken away) and
 * `margin` (added), and the terms that made them, in billionths too: `discount-share`, `margin-share`, `margin-fixed`.
 */
export type Breakdown = Readonly<Record<string, number>>

/** Every call that has a price comes here: a side with one charge, which most have, costs no arithmetic. */
export function breakdownOf(cost: Cost): Breakdown {
  const parts: Record<string, number> = {}
  const { charges, terms } = cost
  for (const side of sides) addSide(parts, charges, side, cost[side])
  if (cost.priced === 'provider') parts['output.reported'] = cost.original
  if (terms === undefined) return parts
  if (cost.discount !== 0) {
    parts.discount = cost.discount
    parts['discount-share'] = rateToNano(terms.discount)
  }
  if (cost.margin !== 0) {
    parts.margin = cost.margin
    if (terms.margin !== 0n) parts['margin-share'] = rateToNano(terms.margin)
    if (terms.fixed !== 0n) parts['margin-fixed'] = rateToNano(terms.fixed)
  }
  return parts
}

/** Units of a rate in a billionth of a dollar. */
const perNano = 1e15

const sides = ['input', 'output', 'tools'] as const

/** Running sums are rounded, and a part is what lies between two: so the parts add up, and each is right to the billionth. */
function addSide(parts: Record<string, number>, charges: readonly Charge[], side: Charge['side'], whole: number): void {
  const last = charges.findLastIndex((charge) => charge.side === side)
  let amount = 0
  let told = 0
  for (let at = 0; at <= last; at += 1) {
    const charge = charges[at]
    if (charge === undefined || charge.side !== side) continue
    // In doubles: only the whole has to be exact, and it is.
    if (at !== last) amount += charge.quantity * Number(charge.rate ?? 0n)
    const upTo = at === last ? whole : Math.min(whole, Math.round(amount / perNano))
    const name = nameOf(charge)
    parts[name] = (parts[name] ?? 0) + upTo - told
    told = upTo
  }
}

/** Made once each: a name put together for every call is text that has to be hashed again. */
const names: Readonly<Record<Charge['side'], Map<Charge['kind'], string>>> = {
  input: new Map(),
  output: new Map(),
  tools: new Map(),
}

function nameOf({ side, kind }: Charge): string {
  const known = names[side].get(kind)
  if (known !== undefined) return known
  const name = `${side}.${kind}`
  names[side].set(kind, name)
  return name
}
