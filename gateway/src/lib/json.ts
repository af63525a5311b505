import type { Buffer } from 'node:buffer'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/** Whether a parsed JSON value is an object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object that UTF-8 JSON text holds; `undefined` when it is not JSON or not an object. */
export function parseJsonObject(bytes: Buffer | string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(typeof bytes === 'string' ? bytes : bytes.toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** For regular expressions: a character that JSON spells as it is, of printable ASCII. */
export const plainCharacter = String.raw`[\x20\x21\x23-\x5b\x5d-\x7e]`
const plain = new RegExp(`^${plainCharacter}*$`)

/** A text as JSON spells it. Nearly every name is spelled as it is, and to see that takes a third of what `JSON.stringify` takes. */
export function jsonString(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** How deep the lists and mappings of a JSON text nest. Never recurses; of what is no JSON it tells something. */
export function deepestLevel(text: string): number {
  let level = 0
  let deepest = 0
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === quote) at = endOfText(text, at)
    else if (unit === openBracket || unit === openBrace) {
      level += 1
      if (level > deepest) deepest = level
    } else if (unit === closeBracket || unit === closeBrace) level -= 1
  }
  return deepest
}

const quote = 0x22
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Where the text that starts at a quote ends. */
function endOfText(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1
  return at
}

/** The fields that have a value: an absent field and one that is `undefined` are different things to JSON consumers. */
export function present<Fields extends object>(
  fields: Fields,
): { readonly [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  // Only entries whose value is not undefined are left, under their own keys.
  return Object.fromEntries(entries) as { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> }
}
