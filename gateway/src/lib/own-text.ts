/** A copy of text that was cut out of a longer one, and would keep all of that in memory for as long as it is kept itself. */
export function ownText(text: string): string {
  return Buffer.from(text).toString()
}
