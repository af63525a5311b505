export const dayMs = 86_400_000

/** The day in UTC, `YYYY-MM-DD`. */
export function utcDay(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 10)
}

/** Days in UTC since 1970. */
export function dayNumber(unixMs: number): number {
  return Math.floor(unixMs / dayMs)
}
