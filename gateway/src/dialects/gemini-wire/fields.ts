import { readList, readObject, refused, wrong } from '../../core/body-fields.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

type Field = JsonValue | undefined

/**
 * A field of a caller's object. Google's servers read `systemInstruction` and `system_instruction` alike (the JSON form of
 * protocol buffers), and callers write both. Null is absent.
 */
export function field(object: JsonObject, name: string): Field {
  const value = object[name] ?? object[snakeCase(name)]
  return value === null ? undefined : value
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** Google's JSON takes numbers as text, too: that is how its 64 bit integers are written. */
export function readNumber(value: Field, path: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  // JSON.parse turns 1e999 into Infinity, which no JSON can say again.
  if (typeof number === 'number' && Number.isFinite(number)) return number
  throw wrong(value, path, 'a number')
}

export function readCount(value: Field, path: string): number {
  const number = readNumber(value, path)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw refused(path, 'must be an integer of 0 or more')
}

export function readObjects(value: Field, path: string): readonly JsonObject[] {
  return readList(value, path).map((item, index) => readObject(item, `${path}[${index}]`))
}

/** A count that a provider reports; anything else is no count. */
export function count(value: Field): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** Text that a provider sends where text is expected; anything else is no text. */
export function text(value: Field): string {
  return typeof value === 'string' ? value : ''
}

/** The objects of a list that a provider sends; anything else is none. */
export function objects(value: Field): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
