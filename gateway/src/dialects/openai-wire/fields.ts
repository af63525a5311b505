import { GatewayError } from '../../core/errors.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

type Field = JsonValue | undefined

/** `invalid_request` for a value that is not what its place wants. */
export function invalid(path: string, expected: string, found: Field): GatewayError {
  return new GatewayError('invalid_request', `\`${path}\`: expected ${expected}, found ${describe(found)}`, {
    param: path,
  })
}

/**
 * Readers of a caller's body. Each throws `missing_parameter` for a field that is absent and `invalid_request` for one of
 * another type; both carry the path (`messages[2].content[0].image_url`).
 */
export function readString(value: Field, path: string): string {
  if (typeof value === 'string') return value
  throw wrong(value, path, 'a string')
}

export function readNumber(value: Field, path: string): number {
  // JSON.parse turns 1e999 into Infinity, which JSON cannot say again.
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw wrong(value, path, 'a number')
}

export function readCount(value: Field, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw wrong(value, path, 'a whole number, 0 or more')
}

export function readBoolean(value: Field, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(value, path, 'true or false')
}

export function readObject(value: Field, path: string): JsonObject {
  if (isObject(value)) return value
  throw wrong(value, path, 'an object')
}

export function readList(value: Field, path: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value
  throw wrong(value, path, 'a list')
}

/** `missing_parameter` for an absent value, `invalid_request` for another. */
export function wrong(value: Field, path: string, expected: string): GatewayError {
  if (value !== undefined) return invalid(path, expected, value)
  return new GatewayError('missing_parameter', `\`${path}\` is required: ${expected}`, { param: path })
}

const longestExcerpt = 40

function describe(value: Field): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (isObject(value)) return 'an object'
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length > longestExcerpt ? `${value.slice(0, longestExcerpt)}…` : value)
}
