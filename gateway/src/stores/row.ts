import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import type { SqlRow } from './sql.ts'

/** Reads a column that the schema says is text and not null. @throws when it is not: the schema and the program disagree */
export function text(row: SqlRow, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return value
  throw new Error(`column ${column} is not text`)
}

export function number(row: SqlRow, column: string): number {
  const value = row[column]
  if (typeof value === 'number') return value
  throw new Error(`column ${column} is not a number`)
}

export function optionalText(row: SqlRow, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}

export function optionalNumber(row: SqlRow, column: string): number | undefined {
  return row[column] === null ? undefined : number(row, column)
}

export function object(row: SqlRow, column: string): JsonObject {
  const value: unknown = JSON.parse(text(row, column))
  if (isObject(value)) return value
  throw new Error(`column ${column} is not a JSON object`)
}

export function list(row: SqlRow, column: string): readonly JsonValue[] {
  const value: unknown = JSON.parse(text(row, column))
  // What JSON.parse answers is JSON.
  if (Array.isArray(value)) return value as readonly JsonValue[]
  throw new Error(`column ${column} is not a JSON list`)
}
