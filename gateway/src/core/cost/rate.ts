import type { Brand } from '../brand.ts'
import type { NanoUsd } from '../money.ts'

/**
 * A price in units of 10⁻²⁴ US dollars. Every price of LiteLLM's map has at most 23 decimals, so it is held as it is written;
 * a longer one is rounded, half to even.
 */
export type Rate = Brand<bigint, 'Rate'>

const decimals = 24
/** More would be no price, and would cost time and memory to hold: 10¹² dollars. */
const longestWhole = 13

const decimal = /^([+-]?)(\d{0,400})(?:\.(\d{0,400}))?(?:[eE]([+-]?\d{1,4}))?$/

/**
 * Reads a decimal exactly. A number counts as its shortest text, which is what JSON had for up to 15 digits.
 * @param shift power of ten to multiply with, e.g. -3 for a price per thousand
 * @returns `undefined` for what is not a number of 0 or more, or is absurdly large
 */
export function parseRate(value: unknown, shift = 0): Rate | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  const match = decimal.exec(typeof value === 'number' ? String(value) : value.trim())
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = (whole + fraction).replace(/^0+/, '')
  if (digits === '') return whole === '' && fraction === '' ? undefined : asRate(0n)
  if (sign === '-') return undefined
  const places = Number(exponent) - fraction.length + shift
  if (digits.length + places > longestWhole) return undefined
  const power = places + decimals
  if (power >= 0) return asRate(BigInt(digits) * 10n ** BigInt(power))
  // So far behind the last place that is kept that it is less than half of it.
  if (-power > digits.length) return asRate(0n)
  return asRate(divideHalfEven(BigInt(digits), 10n ** BigInt(-power)))
}

/** A rate's decimal text without exponent, for messages: `0.0000025`. */
export function rateToText(rate: bigint): string {
  const text = rate.toString().padStart(decimals + 1, '0')
  const fraction = text.slice(-decimals).replace(/0+$/, '')
  return text.slice(0, -decimals) + (fraction === '' ? '' : `.${fraction}`)
}

/** A rate for JSON; the double nearest to it. */
export function rateToNumber(rate: bigint): number {
  return Number(rateToText(rate))
}

/** Of two non-negative numbers, and the sign carried over for a negative numerator. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  if (numerator < 0n) return -divideHalfEven(-numerator, denominator)
  const quotient = numerator / denominator
  const twice = (numerator - quotient * denominator) * 2n
  if (twice < denominator) return quotient
  return twice > denominator || (quotient & 1n) === 1n ? quotient + 1n : quotient
}

/** One whole: 100 % as a rate. */
export const one = 10n ** BigInt(decimals)

const perNano = 10n ** BigInt(decimals - 9)
const mostNano = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * The one rounding of a cost: half to even, to a billionth of a dollar. What is beyond 9 million dollars counts as that: a
 * provider's absurd token count must not make a number that sums wrongly.
 * @param amount in units of 10⁻²⁴ US dollars, times `scale`
 */
export function rateToNano(amount: bigint, scale = 1n): NanoUsd {
  const nano = divideHalfEven(amount, perNano * scale)
  // A safe integer, which is what the brand promises.
  return Number(nano > mostNano ? mostNano : nano) as NanoUsd
}

export function halfOf(rate: Rate): Rate {
  return asRate(divideHalfEven(rate, 2n))
}

function asRate(value: bigint): Rate {
  // Only made here, from a value that was scaled.
  return value as Rate
}
