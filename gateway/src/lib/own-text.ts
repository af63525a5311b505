import { Buffer } from 'node:buffer'

/** Used again for each: a buffer of its own would take as long as the copy. */
const scratch = Buffer.allocUnsafeSlow(1024)
/** A unit of a string takes at most three bytes of UTF-8. */
const shortText = 341

/**
 * A copy of well-formed text that was cut out of a longer one: the part would keep all of that in memory for as long as it is kept
 * itself, and `JSON.stringify` takes twice as long for all of a value that has such a part in it.
 */
export function ownText(text: string): string {
  if (text.length > shortText) return Buffer.from(text).toString()
  return scratch.toString('utf8', 0, scratch.write(text))
}
