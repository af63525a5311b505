import { type Duration, parseDuration } from '../../core/duration.ts'

/**
 * When budgets start again (contract 3.6). Every rule is a function of the time alone, so no replica has to reset anything:
 * a counter whose window has ended counts as 0.
 */

export interface WindowRule {
  readonly duration: Duration
  /** IANA name, from `litellm_settings.timezone`. */
  readonly timezone: string
  /** Unix ms of one end, from which durations without a place in the calendar are counted; `undefined`: from the first Monday of 1970. */
  readonly anchor: number | undefined
}

const secondMs = 1_000
const dayMs = 86_400_000
/** 5 January 1970 was a Monday. */
const firstMonday = 4

/**
 * The end of the window that contains a moment:
 * - `1d`: next midnight; `7d`, `1w`: next Monday; `30d`, `1mo`: the 1st of next month; `Nmo`: the 1st, N months on
 * - seconds, minutes, hours that fit into a day: the next multiple from midnight; the last window of a day ends with it
 * - other days, longer hours: every N from the anchor
 * All of them in the rule's time zone.
 * @param at Unix ms
 * @returns Unix ms, later than `at`
 */
export function windowEnd(rule: WindowRule, at: number): number {
  const { duration, timezone, anchor } = rule
  const local = toLocal(at, timezone)
  const { count, unit } = duration
  switch (unit) {
    case 'mo':
      return monthsOn(local, at, count, rule)
    case 'd':
      if (count === 30) return monthsOn(local, at, 1, rule)
      if (count === 1 || count === 7 || anchor === undefined) return daysOn(local, at, count, timezone)
      return fromAnchor(anchor, at, count, timezone)
    case 's':
    case 'm':
    case 'h': {
      const lengthMs = count * unitMs[unit]
      if (lengthMs <= dayMs) return withinDay(local, at, lengthMs, timezone)
      return (anchor ?? 0) + (Math.floor((at - (anchor ?? 0)) / lengthMs) + 1) * lengthMs
    }
    default:
      return unit satisfies never
  }
}

const unitMs = { s: secondMs, m: 60 * secondMs, h: 3_600 * secondMs } as const

/**
 * The ends of the window before, of this one and of the next.
 * @param at Unix ms
 */
export function windowEnds(rule: WindowRule, at: number): [number, number, number] {
  const end = windowEnd(rule, at)
  return [windowStart(rule, at, end), end, windowEnd(rule, end)]
}

/** The last end at or before a moment: found by looking back twice as long as a window can be, then walking on. */
function windowStart(rule: WindowRule, at: number, end: number): number {
  let step = Math.max(secondMs, end - at)
  // A window's rest tells little of its length, so the look back doubles until it has left the window.
  let earlier = windowEnd(rule, at - step)
  while (earlier >= end) {
    step *= 2
    earlier = windowEnd(rule, at - step)
  }
  for (;;) {
    const next = windowEnd(rule, earlier)
    if (next >= end) return earlier
    earlier = next
  }
}

function withinDay(local: number, at: number, lengthMs: number, timezone: string): number {
  const midnight = Math.floor(local / dayMs) * dayMs
  let next = local - ((local - midnight) % lengthMs) + lengthMs
  // When clocks are set back an hour is told twice; the second time the end is still ahead only one window on.
  for (;;) {
    const end = fromLocal(Math.min(next, midnight + dayMs), timezone)
    if (end > at) return end
    if (next >= midnight + dayMs) return at + lengthMs
    next += lengthMs
  }
}

function daysOn(local: number, at: number, count: number, timezone: string): number {
  const day = Math.floor(local / dayMs)
  let next = day - ((((day - firstMonday) % count) + count) % count) + count
  let end = fromLocal(next * dayMs, timezone)
  while (end <= at) {
    next += count
    end = fromLocal(next * dayMs, timezone)
  }
  return end
}

/** Whole local days from the anchor, so that a change of summer time moves no end away from its hour. */
function fromAnchor(anchor: number, at: number, count: number, timezone: string): number {
  const first = toLocal(anchor, timezone)
  const lengthMs = count * dayMs
  let next = first + Math.ceil((toLocal(at, timezone) - first) / lengthMs) * lengthMs
  let end = fromLocal(next, timezone)
  while (end <= at) {
    next += lengthMs
    end = fromLocal(next, timezone)
  }
  return end
}

function monthsOn(local: number, at: number, count: number, rule: WindowRule): number {
  const date = new Date(local)
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth()
  const anchored = rule.anchor === undefined ? 0 : monthOf(toLocal(rule.anchor, rule.timezone))
  let next = month - ((((month - anchored) % count) + count) % count) + count
  let end = fromLocal(Date.UTC(Math.floor(next / 12), next % 12, 1), rule.timezone)
  while (end <= at) {
    next += count
    end = fromLocal(Date.UTC(Math.floor(next / 12), next % 12, 1), rule.timezone)
  }
  return end
}

function monthOf(local: number): number {
  const date = new Date(local)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

/** Wall-clock time of a zone as if it were UTC, ms. */
function toLocal(at: number, timezone: string): number {
  return timezone === 'UTC' ? at : at + offsetAt(at, timezone)
}

/** The moment at which a zone's clocks show a time; where they skip it, the first moment after. */
function fromLocal(local: number, timezone: string): number {
  if (timezone === 'UTC') return local
  const guess = local - offsetAt(local, timezone)
  const at = local - offsetAt(guess, timezone)
  // In the hour that is skipped the two guesses disagree for ever; the later one is after the gap.
  return toLocal(at, timezone) === local ? at : Math.max(guess, at)
}

/** Formats are dear to make (0.1 ms) and zones are few. */
const formats = new Map<string, Intl.DateTimeFormat>()

/** How far a zone's clocks are ahead of UTC, ms. */
function offsetAt(at: number, timezone: string): number {
  let format = formats.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timezone, format)
  }
  const part = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const shown = Date.UTC(
    part.get('year') ?? 0,
    (part.get('month') ?? 1) - 1,
    part.get('day') ?? 1,
    part.get('hour') ?? 0,
    part.get('minute') ?? 0,
    part.get('second') ?? 0,
  )
  return shown - (at - (at % secondMs))
}

/** Whether the zone is one that this runtime knows. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/**
 * When a budget that starts now is reset first; what rows show as `budget_reset_at`.
 * @returns Unix ms; `undefined` for what is no duration
 */
export function firstReset(duration: string, timezone: string, at: number): number | undefined {
  const parsed = parseDuration(duration)
  if (parsed === undefined) return undefined
  const { count, unit } = parsed
  // Without a place in the calendar, the first window is whole: it ends N days after this midnight, or N hours from now's hour.
  if (unit === 'd' && ![1, 7, 30].includes(count)) {
    const midnight = Math.floor(toLocal(at, timezone) / dayMs) * dayMs
    return fromLocal(midnight + count * dayMs, timezone)
  }
  if (unit !== 'd' && unit !== 'mo' && count * unitMs[unit] > dayMs) {
    const lengthMs = unitMs[unit]
    return Math.floor(at / lengthMs) * lengthMs + count * lengthMs
  }
  if (unit === 'mo' && count > 1) {
    const month = monthOf(toLocal(at, timezone)) + count
    return fromLocal(Date.UTC(Math.floor(month / 12), month % 12, 1), timezone)
  }
  return windowEnd({ duration: parsed, timezone, anchor: undefined }, at)
}
