import type { Brand } from './brand.ts'

/**
 * An amount of money in whole billionths of a US dollar, as ledger, budgets and counters keep it (issue #4). A safe integer up
 * to 9 million dollars; totals beyond are summed by the database.
 */
export type NanoUsd = Brand<number, 'NanoUsd'>

const nanoPerUsd = 1e9

/** The nearest amount; for limits that people write (`max_budget: 0.5`). Costs are computed exactly, not with this. */
export function usdToNano(usd: number): NanoUsd {
  // Rounding gives the integer that the brand promises.
  return Math.round(usd * nanoPerUsd) as NanoUsd
}

/** For JSON fields in dollars; the shortest decimal that reads back as the same amount. */
export function nanoToUsd(amount: number): number {
  return amount / nanoPerUsd
}

/** A plain decimal without exponent, for headers: `0.0000125`. */
export function nanoToText(amount: NanoUsd): string {
  const digits = String(Math.abs(amount)).padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0+$/, '')
  return `${amount < 0 ? '-' : ''}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`
}
