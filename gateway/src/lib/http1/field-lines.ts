const unsendable = /[^\t\x20-\x7e\x80-\xff]/
/** Looked at one by one: to begin a search takes as long. Longer texts may be put together from others, where each look is a search. */
const shortValue = 12
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * What stands before a value, by the name: names are few and come with every message. What strangers make up is not remembered without
 * end.
 */
const beginnings = new Map<string, string>()
const remembered = 1_000

declare const checked: unique symbol
/** Header lines that can be sent as they are, each after a line end. Only `fieldLines` makes them. */
export type FieldLines = string & { readonly [checked]: true }

/**
 * Header lines as they are written; what goes before them is the first line of a head, or other such lines.
 * @param fields name, value, name, value …
 * @throws TypeError naming the header that cannot be sent; the value stays unsaid, as it may be a credential
 */
export function fieldLines(fields: readonly string[]): FieldLines {
  let lines = ''
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? ''
    const value = fields[index + 1] ?? ''
    // A line end or control character would end the head early, or the message (header injection).
    if (!isSendable(value)) throw new TypeError(`the header ${name} has a value that cannot be sent`)
    lines += beginnings.get(name) ?? beginningOf(name)
    lines += value
  }
  return lines as FieldLines
}

function isSendable(value: string): boolean {
  if (value.length > shortValue) return !unsendable.test(value)
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false
  }
  return true
}

function beginningOf(name: string): string {
  if (!fieldName.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a header name`)
  const beginning = `\r\n${name}: `
  if (beginnings.size < remembered) beginnings.set(name, beginning)
  return beginning
}
