import type { NanoUsd } from '../money.ts'
import type { Usage } from '../usage.ts'
import { type Charge, chargesOf } from './charges.ts'
import type { Price } from './price.ts'
import { one, type Rate, rateToNano } from './rate.ts'

/** What one call costs, in billionths of a dollar. */
export interface Cost {
  /** What is billed: after discount and margin. */
  readonly total: NanoUsd
  /** Before discount and margin; `input`, `output` and `tools` add up to it. */
  readonly original: NanoUsd
  readonly input: NanoUsd
  readonly output: NanoUsd
  readonly tools: NanoUsd
  readonly discount: NanoUsd
  readonly margin: NanoUsd
  /** The provider did not tell the usage; it was counted here. */
  readonly estimated: boolean
  /** Name of the entry that priced it; `provider` when the provider told the cost itself. */
  readonly priced: string
  /** What `original` is the sum of, side by side; empty when the provider told the cost itself. */
  readonly charges: readonly Charge[]
  /** What made `discount` and `margin`. */
  readonly terms: Terms | undefined
}

/** Discount and margin that hold for a provider, as fractions: 0.05 is 5 % (contract 1.8). */
export interface Terms {
  readonly discount: Rate
  readonly margin: Rate
  /** Added to every call, dollars. */
  readonly fixed: Rate
}

/**
 * The cost of one call: each quantity times its rate, exactly, then discount and margin, rounded once, half to even.
 * Never throws, whatever a provider reported.
 * @returns `undefined` when a price that is needed is not known: unknown is never 0
 */
export function costOf(usage: Usage, price: Price, terms?: Terms): Cost | undefined {
  let input = 0n
  let output = 0n
  let tools = 0n
  const charges = chargesOf(usage, price)
  for (const charge of charges) {
    if (charge.rate === undefined) return undefined
    const amount = amountOf(charge, charge.rate)
    if (charge.side === 'input') input += amount
    else if (charge.side === 'output') output += amount
    else tools += amount
  }
  return costFrom(input, output, tools, terms, usage.estimated === true, price.name, charges)
}

/** A cost that the provider itself told (another LiteLLM upstream), under our discount and margin. */
export function reportedCost(amount: Rate, terms?: Terms): Cost {
  return costFrom(0n, amount, 0n, terms, false, 'provider', [])
}

export function amountOf({ quantity }: Charge, rate: Rate): bigint {
  return BigInt(quantity) * rate
}

function costFrom(
  input: bigint,
  output: bigint,
  tools: bigint,
  terms: Terms | undefined,
  estimated: boolean,
  priced: string,
  charges: readonly Charge[],
): Cost {
  const sum = input + output + tools
  const original = rateToNano(sum)
  const parts = partsOf(original, input, output, tools)
  if (terms === undefined) {
    const none = 0 as NanoUsd
    return { total: original, original, ...parts, discount: none, margin: none, estimated, priced, charges, terms }
  }
  const total = rateToNano(underTerms(sum, terms), one * one)
  const discount = rateToNano(sum * terms.discount, one)
  // A difference of whole amounts; discount first, so that the three always add up.
  const margin = (total - original + discount) as NanoUsd
  return { total, original, ...parts, discount, margin, estimated, priced, charges, terms }
}

/** Each side rounded for itself might miss the sum by one: running sums are rounded, and a side is what lies between two. */
function partsOf(original: number, input: bigint, output: bigint, tools: bigint) {
  const first = output === 0n && tools === 0n ? original : rateToNano(input)
  const second = tools === 0n ? original : rateToNano(input + output)
  // Differences of whole amounts that only grow.
  return { input: first as NanoUsd, output: (second - first) as NanoUsd, tools: (original - second) as NanoUsd }
}

/** `sum · (1 − discount) · (1 + margin) + fixed`, still exact: in units of a rate times the square of one whole. */
function underTerms(sum: bigint, { discount, margin, fixed }: Terms): bigint {
  return sum * (one - discount) * (one + margin) + fixed * one * one
}
