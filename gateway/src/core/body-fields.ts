import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { GatewayError } from './errors.ts'

type Field = JsonValue | undefined

export function refused(path: string, problem: string): GatewayError {
  return new GatewayError('invalid_request', `\`${path}\` ${problem}`, { param: path })
}

function missing(path: string): GatewayError {
  return new GatewayError('missing_parameter', `\`${path}\` is required`, { param: path })
}

/**
 * Readers of a caller's body. All of them throw `missing_parameter` for a field that is absent or null and
 * `invalid_request` for a wrong type; both carry the path (`messages[2].content[0].source`).
 */
export function readString(value: Field, path: string): string {
  if (typeof value === 'string') return value
  throw wrong(value, path, 'a string')
}

export function readNumber(value: Field, path: string): number {
  // JSON.parse turns 1e999 into Infinity, which no provider's JSON can say again.
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw wrong(value, path, 'a number')
}

export function readCount(value: Field, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw wrong(value, path, 'an integer of 0 or more')
}

export function readBoolean(value: Field, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(value, path, 'a boolean')
}

export function readObject(value: Field, path: string): JsonObject {
  if (isObject(value)) return value
  throw wrong(value, path, 'an object')
}

export function readList(value: Field, path: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value
  throw wrong(value, path, 'an array')
}

export function readStrings(value: Field, path: string): readonly string[] {
  return readList(value, path).map((item, index) => readString(item, `${path}[${index}]`))
}

/** The field as `read` reads it; `undefined` when it is absent or null. */
export function optional<Value>(
  read: (value: Field, path: string) => Value,
  value: Field,
  path: string,
): Value | undefined {
  return value === undefined || value === null ? undefined : read(value, path)
}

/**
 * JSON text of a caller's value.
 * @throws `invalid_request` when it nests so deep that it cannot be written (JSON.parse reads deeper than JSON.stringify writes)
 */
export function writeJson(value: JsonValue, path: string): string {
  try {
    return JSON.stringify(value)
  } catch {
    throw refused(path, 'nests too deep')
  }
}

/** `missing_parameter` for an absent value, `invalid_request` for another. */
export function wrong(value: Field, path: string, expected: string): GatewayError {
  return value === undefined || value === null ? missing(path) : refused(path, `must be ${expected}`)
}
