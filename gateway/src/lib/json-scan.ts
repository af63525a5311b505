import type { Buffer } from 'node:buffer'
import type { ByteSpan } from './bytes.ts'

/** Where a key's value is; `ambiguous` when the key is there more than once, `undefined` when it is not. */
export type TopLevelSpan = ByteSpan | 'ambiguous' | undefined

/** One for each key, in the order of the keys: a list, because every set of keys would be an object of another shape (measured: 0.4 µs). */
export type TopLevelSpans<Keys extends readonly string[]> = { readonly [Index in keyof Keys]: TopLevelSpan }

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** Beyond this depth bytes are not looked into any more: no request or chunk is built like that. */
const maxDepth = 512

/**
 * Finds the values of keys of the JSON object that fills `bytes[start, end)`, without building the document. Keys inside
 * nested objects and strings do not count; an escaped spelling (`"mod\u0065l"`) does.
 * It is a scanner, not a validator: the object's own frame, brackets and strings must be right, while numbers and words
 * are only told from other tokens.
 * @param keys ASCII names, written where the result is taken apart: both are in one order
 * @returns nothing for any key when the bytes are not such an object
 */
export function scanTopLevel<const Keys extends readonly string[]>(
  bytes: Buffer,
  start: number,
  end: number,
  keys: Keys,
): TopLevelSpans<Keys> {
  const found: TopLevelSpan[] = []
  for (let index = 0; index < keys.length; index += 1) found.push(undefined)
  if (!collect(bytes, start, end, keys, found)) found.fill(undefined)
  // As many as there are keys.
  return found as unknown as TopLevelSpans<Keys>
}

/** The string whose value that is, if it is a string at all; one with escapes in it comes as it is spelled. */
export function stringAt(bytes: Buffer, span: TopLevelSpan): string | undefined {
  if (span === undefined || span === 'ambiguous' || bytes[span.start] !== quote) return undefined
  return bytes.toString('latin1', span.start + 1, span.end - 1)
}

/** @returns whether the bytes are one object */
function collect(bytes: Buffer, start: number, end: number, keys: readonly string[], found: TopLevelSpan[]): boolean {
  let position = skipSpace(bytes, start, end)
  if (position >= end || bytes[position] !== openBrace) return false
  position = skipSpace(bytes, position + 1, end)
  if (position < end && bytes[position] === closeBrace) return skipSpace(bytes, position + 1, end) === end
  for (;;) {
    if (position >= end || bytes[position] !== quote) return false
    const keyEnd = stringEnd(bytes, position, end)
    if (keyEnd === malformed) return false
    const key = matchKey(bytes, position, keyEnd, keys)
    if (key === malformed) return false
    position = skipSpace(bytes, keyEnd, end)
    if (position >= end || bytes[position] !== colon) return false
    const valueStart = skipSpace(bytes, position + 1, end)
    const valueEnd = skipValue(bytes, valueStart, end)
    if (valueEnd === malformed) return false
    if (key !== other) found[key] = found[key] === undefined ? { start: valueStart, end: valueEnd } : 'ambiguous'
    position = skipSpace(bytes, valueEnd, end)
    if (position >= end) return false
    if (bytes[position] === closeBrace) return skipSpace(bytes, position + 1, end) === end
    if (bytes[position] !== comma) return false
    position = skipSpace(bytes, position + 1, end)
  }
}

const malformed = -1
const other = -2

function skipSpace(bytes: Buffer, from: number, end: number): number {
  let position = from
  while (position < end) {
    const byte = bytes[position]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
    position += 1
  }
  return position
}

/** @returns the key's place in the list, `other` for another key, `malformed` when its escapes are */
function matchKey(bytes: Buffer, start: number, end: number, keys: readonly string[]): number {
  for (let index = start + 1; index < end - 1; index += 1) {
    if (bytes[index] === backslash) return decodeKey(bytes, start, end, keys)
  }
  const length = end - start - 2
  next: for (let place = 0; place < keys.length; place += 1) {
    const key = keys[place]
    if (key?.length !== length) continue
    for (let index = 0; index < length; index += 1) {
      if (bytes[start + 1 + index] !== key.charCodeAt(index)) continue next
    }
    return place
  }
  return other
}

function decodeKey(bytes: Buffer, start: number, end: number, keys: readonly string[]): number {
  try {
    const place = keys.indexOf(String(JSON.parse(bytes.toString('utf8', start, end))))
    return place === -1 ? other : place
  } catch {
    return malformed
  }
}

/** Past the value that starts here, or `malformed`. */
function skipValue(bytes: Buffer, start: number, end: number): number {
  if (start >= end) return malformed
  const byte = bytes[start]
  if (byte === quote) return stringEnd(bytes, start, end)
  if (byte === openBrace || byte === openBracket) return containerEnd(bytes, start, end)
  return wordEnd(bytes, start, end)
}

/** Past the number, `true`, `false` or `null` that starts here. */
function wordEnd(bytes: Buffer, start: number, end: number): number {
  let position = start
  while (position < end && isWordByte(bytes[position])) position += 1
  return position === start ? malformed : position
}

function isWordByte(byte: number | undefined): boolean {
  if (byte === undefined) return false
  // digits, letters, "+", "-", "."
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x45 ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  )
}

/** Bytes that mean something between strings: 1 opens, 2 closes, 3 is a quote. A table costs one look per byte. */
const structure = new Uint8Array(256)
structure[openBrace] = structure[openBracket] = 1
structure[closeBrace] = structure[closeBracket] = 2
structure[quote] = 3

/** The brackets that are open while `containerEnd` runs; one list for all, as it calls nothing that calls it again. */
const openers = new Uint8Array(maxDepth)

/** Past the object or array that starts here: brackets must match in kind. */
function containerEnd(bytes: Buffer, start: number, end: number): number {
  let depth = 0
  let position = start
  while (position < end) {
    position = nextStructure(bytes, position, end)
    const byte = bytes[position] ?? 0
    if (position === end) return malformed
    if (byte === quote) {
      position = stringEnd(bytes, position, end)
      if (position === malformed) return malformed
      continue
    }
    position += 1
    if (structure[byte] === 1) {
      if (depth === maxDepth) return malformed
      openers[depth] = byte
      depth += 1
      continue
    }
    // In ASCII both kinds of bracket close two places after they open.
    depth -= 1
    if (openers[depth] !== byte - 2) return malformed
    if (depth === 0) return position
  }
  return malformed
}

/** A loop of its own, in explicit 32-bit steps: measured at a third of the time inside `containerEnd`. */
function nextStructure(bytes: Buffer, start: number, end: number): number {
  let position = start | 0
  while (position < end && structure[bytes[position] ?? 0] === 0) position = (position + 1) | 0
  return position
}

/** So many bytes are looked at one by one before a native search takes over, which costs more to start. */
const shortString = 64

/** Past the closing quote of the string that starts here, or `malformed`. */
function stringEnd(bytes: Buffer, start: number, end: number): number {
  let position = (start + 1) | 0
  for (;;) {
    const near = Math.min(end, position + shortString) | 0
    while (position < near) {
      const byte = bytes[position]
      if (byte === quote) return position + 1
      position = (position + (byte === backslash ? 2 : 1)) | 0
    }
    if (position >= end) return malformed
    const found = bytes.indexOf(quote, position)
    if (found === -1 || found >= end) return malformed
    if (!isEscaped(bytes, position, found)) return found + 1
    position = found + 1
  }
}

/** Whether an odd number of backslashes stands before `at`; `from` is where no escape is open. */
function isEscaped(bytes: Buffer, from: number, at: number): boolean {
  let position = at - 1
  while (position >= from && bytes[position] === backslash) position -= 1
  return (at - 1 - position) % 2 === 1
}
