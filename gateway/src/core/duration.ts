/** A duration as people write it (`30s`, `30m`, `30h`, `30d`, `1w`, `1mo`), read. A week is seven days. */
export interface Duration {
  readonly count: number
  readonly unit: 's' | 'm' | 'h' | 'd' | 'mo'
}

const dayMs = 86_400_000
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: dayMs, mo: 30 * dayMs } as const

/** A hundred years: what is longer is a typing mistake, and dates beyond the calendar cannot be written. */
const longestMs = 100 * 366 * dayMs
const mostMonths = 1_200

/** @returns `undefined` for what is no duration, for 0 of anything, and for more than a hundred years */
export function parseDuration(text: string): Duration | undefined {
  const [, digits, unit] = /^(\d{1,12})(s|mo|m|h|d|w)$/.exec(text.trim()) ?? []
  const count = Number(digits)
  if (unit === undefined || count === 0) return undefined
  // The pattern lets only these units through.
  const duration = unit === 'w' ? ({ count: count * 7, unit: 'd' } as const) : { count, unit: unit as Duration['unit'] }
  if (duration.unit === 'mo' ? count > mostMonths : durationMs(duration) > longestMs) return undefined
  return duration
}

/** Milliseconds, to say which of two is longer; a month counts as 30 days. */
export function durationMs({ count, unit }: Duration): number {
  return count * unitMs[unit]
}

/**
 * The moment a duration after another. A month is one of the calendar (UTC): from the 31st to the last day of a shorter one.
 * @param from Unix ms
 * @returns Unix ms
 */
export function timeAfter(from: number, duration: Duration): number {
  return duration.unit === 'mo' ? monthsAfter(from, duration.count) : from + durationMs(duration)
}

function monthsAfter(from: number, months: number): number {
  const start = new Date(from)
  const end = new Date(from)
  end.setUTCDate(1)
  end.setUTCMonth(start.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate()
  end.setUTCDate(Math.min(start.getUTCDate(), lastDay))
  return end.getTime()
}
