import type { Terms } from './cost-of.ts'
import { one, parseRate, type Rate } from './rate.ts'

/** A fraction, and dollars for each call. */
export interface Margin {
  readonly percentage?: number | undefined
  readonly fixed_amount?: number | undefined
}

/** `cost_discount_config` and `cost_margin_config` as they are declared, checked. */
export interface DeclaredTerms {
  /** Provider → fraction of 0 to 1. */
  readonly discounts: Readonly<Record<string, number>>
  /** Provider or `global` → fraction, or fraction and dollars for each call. */
  readonly margins: Readonly<Record<string, number | Margin>>
}

const zero = parseRate(0) as Rate

/** The terms that hold for a provider; a provider's own margin beats the global one. `undefined`: cost is what it is. */
export class TermsTable {
  readonly #declared: DeclaredTerms
  readonly #known = new Map<string, Terms | undefined>()
  readonly #empty: boolean

  constructor(declared: DeclaredTerms) {
    this.#declared = declared
    this.#empty = Object.keys(declared.discounts).length === 0 && Object.keys(declared.margins).length === 0
  }

  of(provider: string): Terms | undefined {
    if (this.#empty) return undefined
    if (!this.#known.has(provider)) this.#known.set(provider, termsOf(this.#declared, provider))
    return this.#known.get(provider)
  }
}

function termsOf({ discounts, margins }: DeclaredTerms, provider: string): Terms | undefined {
  const discount = own(discounts, provider)
  const margin = own(margins, provider) ?? own(margins, 'global')
  if (discount === undefined && margin === undefined) return undefined
  const { percentage = 0, fixed_amount: fixed = 0 } =
    typeof margin === 'number' ? { percentage: margin } : (margin ?? {})
  return {
    discount: atMost(parseRate(discount ?? 0) ?? zero, one),
    margin: parseRate(percentage) ?? zero,
    fixed: parseRate(fixed) ?? zero,
  }
}

function own<Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

function atMost(rate: Rate, most: bigint): Rate {
  // One whole is a rate as well.
  return rate > most ? (most as Rate) : rate
}
