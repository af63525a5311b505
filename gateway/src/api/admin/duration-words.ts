import { type Duration, durationMs, parseDuration, timeAfter } from '../../core/duration.ts'
import { GatewayError } from '../../core/errors.ts'

/** LiteLLM's word for "no end". */
export const never = '-1'

/**
 * The moment a duration (`30s`, `30m`, `30h`, `30d`, `1w`, `1mo`) after another, both Unix ms.
 * @throws GatewayError `bad_request` (400) naming the parameter
 */
export function afterDuration(from: number, words: string, param: string): number {
  return timeAfter(from, readDuration(words, param))
}

/** @throws GatewayError `bad_request` (400) if the words are no duration */
export function checkDuration(words: string | null | undefined, param: string): void {
  if (words !== null && words !== undefined) readDuration(words, param)
}

/** Whether one duration is longer than another; months count as 30 days. */
export function isLonger(words: string, than: string): boolean {
  return durationMs(readDuration(words, 'duration')) > durationMs(readDuration(than, 'duration'))
}

function readDuration(words: string, param: string): Duration {
  const duration = parseDuration(words)
  if (duration !== undefined) return duration
  throw new GatewayError(
    'bad_request',
    `${param}=${words.slice(0, 40)} is not a duration; write a number and a unit, such as 30s, 30m, 30h, 30d, 1w or 1mo.`,
    { param },
  )
}
