import { GatewayError } from '../../core/errors.ts'

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** A hundred years: what is longer is a typing mistake, and dates beyond the calendar cannot be written. */
const longestMs = 100 * 366 * unitMs.d

/** LiteLLM's word for "no end". */
export const never = '-1'

/**
 * The moment a duration (`30s`, `30m`, `30h`, `30d`, `1w`, `1mo`) after another.
 * A month is one of the calendar: from the 31st to the last day of a shorter one.
 * @returns Unix ms
 * @throws GatewayError `bad_request` (400) naming the parameter
 */
export function afterDuration(from: number, words: string, param: string): number {
  const match = /^(\d{1,12})(s|mo|m|h|d|w)$/.exec(words.trim())
  if (match === null) throw unreadable(words, param)
  const [, digits, unit] = match
  const amount = Number(digits)
  const at = unit === 'mo' ? afterMonths(from, amount) : from + amount * unitMs[unit as keyof typeof unitMs]
  if (amount === 0 || !(at - from <= longestMs)) throw unreadable(words, param)
  return at
}

/** @throws GatewayError `bad_request` (400) if the words are no duration */
export function checkDuration(words: string | null | undefined, param: string): void {
  if (words !== null && words !== undefined) afterDuration(0, words, param)
}

/** Of two durations, which is longer; months count as 30 days. */
export function durationMs(words: string): number {
  const match = /^(\d{1,12})mo$/.exec(words.trim())
  if (match !== null) return Number(match[1]) * 30 * unitMs.d
  return afterDuration(0, words, 'duration')
}

function afterMonths(from: number, months: number): number {
  if (months > 1_200) return Number.NaN
  const start = new Date(from)
  const end = new Date(from)
  end.setUTCDate(1)
  end.setUTCMonth(start.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate()
  end.setUTCDate(Math.min(start.getUTCDate(), lastDay))
  return end.getTime()
}

function unreadable(words: string, param: string): GatewayError {
  return new GatewayError(
    'bad_request',
    `${param}=${words.slice(0, 40)} is not a duration; write a number and a unit, such as 30s, 30m, 30h, 30d, 1w or 1mo.`,
    { param },
  )
}
