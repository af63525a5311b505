import { ownText } from '../own-text.ts'
import { byName } from './by-name.ts'

const unsendable = /[^\t\x20-\x7e\x80-\xff]/
/** Looked at one by one: to begin a search takes as long. Longer texts may be put together from others, where each look is a search. */
const shortValue = 12
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** What stands before a value. */
const beginningOf = byName((name) => {
  if (!fieldName.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a header name`)
  return `\r\n${name}: `
})

declare const checked: unique symbol
/** Header lines that can be sent as they are, each after a line end. Only this file makes them. */
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
    lines += beginningOf(name)
    lines += value
  }
  // Every name and value of it was looked at.
  return lines as FieldLines
}

/** The same for lines that are kept, and sent many times: in one piece, because what is put together is taken apart each time. */
export function keptLines(fields: readonly string[]): FieldLines {
  // The copy of checked lines.
  return ownText(fieldLines(fields)) as FieldLines
}

function isSendable(value: string): boolean {
  if (value.length > shortValue) return !unsendable.test(value)
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false
  }
  return true
}
