import { GatewayError } from '../../../core/errors.ts'
import { dayMs, utcDay } from '../../../lib/utc-day.ts'

/** Where LiteLLM shows "the last 30 days". */
const usualDays = 30

/** UTC days, both inclusive. */
export interface Days {
  readonly from: string
  readonly to: string
}

/** @throws GatewayError `bad_request` naming the field */
export function daysOf(start: string | undefined, end: string | undefined): Days {
  if (start === undefined || end === undefined) {
    throw new GatewayError('bad_request', 'Please provide start_date and end_date, as YYYY-MM-DD.', {
      param: start === undefined ? 'start_date' : 'end_date',
    })
  }
  return { from: utcDay(momentOf(start, 'start_date', 0)), to: utcDay(momentOf(end, 'end_date', 0)) }
}

/** The last 30 days, today included. */
export function lastDays(now: number): Days {
  return { from: utcDay(now - (usualDays - 1) * dayMs), to: utcDay(now) }
}

/** The days that a query names, else the last ones. @throws GatewayError `bad_request` when it names one end only */
export function daysOrLast(
  { start_date: start, end_date: end }: { start_date?: string | undefined; end_date?: string | undefined },
  now: number,
): Days {
  return start === undefined && end === undefined ? lastDays(now) : daysOf(start, end)
}

/**
 * `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or ISO 8601, in UTC.
 * @param ofDay ms to add to a value that names a whole day: 0 for its start, a day for its end
 * @throws GatewayError `bad_request` naming the field
 */
export function momentOf(text: string, field: string, ofDay: number): number {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const iso = isDay ? `${text}T00:00:00Z` : text.replace(' ', 'T')
  const moment = Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`)
  if (Number.isFinite(moment)) return isDay ? moment + ofDay : moment
  throw new GatewayError('bad_request', `${field} is not a date such as 2026-11-21 or 2026-11-21 08:30:00.`, {
    param: field,
  })
}
