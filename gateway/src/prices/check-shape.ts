import type { JsonValue } from '../lib/json.ts'
import { MapRefused } from './refusal.ts'

/** Deeper than LiteLLM's map ever was (5), and far from what recursion can bear. */
const mostLevels = 32

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/**
 * What JSON.parse does not tell: keys that stand twice in one object, of which it would silently take the last, keys that would
 * reach a prototype, and nesting without an end.
 * @param bytes JSON in UTF-8, known to be valid
 * @param text the same as text
 * @param value what it says
 * @throws MapRefused
 */
export function checkShape(bytes: Uint8Array, text: string, value: JsonValue): void {
  const { deepest, members } = measure(bytes)
  if (deepest > mostLevels) throw new MapRefused(`it is nested deeper than ${mostLevels} levels`)
  // Whether any is at fault is counted, in a fifth of the time that it takes to find which.
  if (members !== membersOf(value)) findFault(text)
}

/** How many members all its objects have as they are written, and how deep it is. */
function measure(bytes: Uint8Array): { readonly members: number; readonly deepest: number } {
  let members = 0
  let depth = 0
  let deepest = 0
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case quote:
        at += 1
        while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
        break
      case colon:
        members += 1
        break
      case openBrace:
      case openBracket:
        depth += 1
        if (depth > deepest) deepest = depth
        break
      case closeBrace:
      case closeBracket:
        depth -= 1
        break
    }
  }
  return { members, deepest }
}

const colon = 0x3a

/** How many members all its objects have; not a number if a key is one that may not be. Bounded by the depth. */
function membersOf(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) members += membersOf(item)
    return members
  }
  // Not a list, and what JSON.parse made.
  const fields = value as { readonly [key: string]: JsonValue }
  for (const key in fields) {
    if (key === forbidden) return Number.NaN
    const inner = fields[key]
    members += 1
    if (typeof inner === 'object' && inner !== null) members += membersOf(inner)
  }
  return members
}

const forbidden = '__proto__'

/** Walks through the text to what is at fault. @throws MapRefused */
function findFault(text: string): void {
  /** The keys of each object that is open; `undefined` for a list. */
  const open: (Set<string> | undefined)[] = []
  const path: string[] = []
  let isKey = false
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = endOfString(text, at + 1)
        const keys = open.at(-1)
        if (isKey && keys !== undefined) {
          const key = keyOf(text, at, end)
          if (key === forbidden) throw new MapRefused(`it has the key \`${forbidden}\`, which no model has`)
          if (keys.has(key)) throw new MapRefused(`the key ${shown(key)} stands twice${inside(path, open.length)}`)
          keys.add(key)
          path[open.length - 1] = key
          isKey = false
        }
        at = end
        break
      }
      case openBrace:
        open.push(new Set())
        isKey = true
        break
      case openBracket:
        open.push(undefined)
        isKey = false
        break
      case closeBrace:
      case closeBracket:
        open.pop()
        isKey = false
        break
      case comma:
        isKey = open.at(-1) !== undefined
        break
    }
  }
}

const comma = 0x2c

/** @returns where its closing quote is */
function endOfString(text: string, from: number): number {
  let at = text.indexOf('"', from)
  while (at !== -1 && isEscaped(text, at, from)) at = text.indexOf('"', at + 1)
  return at === -1 ? text.length : at
}

function isEscaped(text: string, at: number, from: number): boolean {
  let start = at
  while (start > from && text.charCodeAt(start - 1) === backslash) start -= 1
  return (at - start) % 2 === 1
}

function keyOf(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end)
  // Two spellings of one key are one key.
  return raw.includes('\\') ? String(JSON.parse(text.slice(start, end + 1))) : raw
}

function inside(path: readonly string[], depth: number): string {
  return depth < 2 ? '' : ` in ${shown(path[depth - 2] ?? '')}`
}

/** A name of the map, fit for a message whatever it is. */
export function shown(name: string): string {
  const short = name.length > 80 ? `${name.slice(0, 80)}…` : name
  return JSON.stringify(short)
}
