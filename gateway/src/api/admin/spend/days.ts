import { GatewayError } from '../../../core/errors.ts'

const dayMs = 86_400_000

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
  return { from: dayOf(momentOf(start, 'start_date', 0)), to: dayOf(momentOf(end, 'end_date', 0)) }
}

/** The last days up to today, today included. */
export function lastDays(count: number, now: number): Days {
  return { from: dayOf(now - (count - 1) * dayMs), to: dayOf(now) }
}

export function dayOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 10)
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
