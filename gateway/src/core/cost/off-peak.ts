import { isFlatPrice } from './price-fields.ts'
import { parseRate } from './rate.ts'

type Fields = Readonly<Record<string, unknown>>

/** Prices that hold at some hours only (contract 1.6: `off_peak_pricing`). */
export interface OffPeak {
  /** Minutes of the UTC day: from this one on, up to and without the other; over midnight where it is not before it. */
  readonly from: number
  readonly to: number
  /** By the names of price fields. */
  readonly rates: Fields
}

const hours = /^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$/
const dayMinutes = 1_440

/** @returns `undefined` when no hours can be read: then the usual prices hold always */
export function offPeakOf(value: unknown): OffPeak | undefined {
  if (typeof value !== 'object' || value === null || !('hours_utc' in value)) return undefined
  const match = typeof value.hours_utc === 'string' ? hours.exec(value.hours_utc) : null
  const from = minuteOf(match?.[1], match?.[2])
  const to = minuteOf(match?.[3], match?.[4])
  if (from === undefined || to === undefined) return undefined
  const rates = Object.entries(value).filter(([name, rate]) => isFlatPrice(name) && parseRate(rate) !== undefined)
  return { from: from % dayMinutes, to: to % dayMinutes, rates: Object.fromEntries(rates) }
}

function minuteOf(hour: string | undefined, minute: string | undefined): number | undefined {
  if (hour === undefined || minute === undefined || Number(minute) > 59) return undefined
  const minutes = Number(hour) * 60 + Number(minute)
  return minutes <= dayMinutes ? minutes : undefined
}

/** @param unixMs when the call began, which is when providers look at the clock */
export function isOffPeak({ from, to }: OffPeak, unixMs: number): boolean {
  const minute = Math.floor(unixMs / 60_000) % dayMinutes
  return from < to ? minute >= from && minute < to : minute >= from || minute < to
}

const aboveTokens = /_above_\d+k?_tokens$/

/** A rate of the hour holds whatever the size of the request: its own prices above a size are gone. */
export function withOffPeak(fields: Fields, { rates }: OffPeak): Fields {
  const rest = Object.entries(fields).filter(([name]) => {
    const base = name.replace(aboveTokens, '')
    return base === name || !Object.hasOwn(rates, base) || Object.hasOwn(rates, name)
  })
  return { ...Object.fromEntries(rest), ...rates }
}
