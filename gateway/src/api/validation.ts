import type { z } from 'zod'
import type { JsonValue } from '../lib/json.ts'
import type { Exchange } from './route.ts'
import { sendJson } from './send-json.ts'

/** One entry of a 422, in the words of FastAPI, which LiteLLM's clients read (contract 0). */
export interface Invalid {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
}

export function sendInvalid(exchange: Exchange, invalid: readonly Invalid[]): void {
  sendJson(exchange, 422, { detail: invalid })
}

export function invalidFields(where: 'body' | 'query', error: z.ZodError, sent: JsonValue): Invalid[] {
  return error.issues.map((issue) => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
    const input = path.reduce<unknown>(valueAt, sent)
    const loc = [where, ...path]
    if (input === undefined) return { type: 'missing', loc, msg: 'Field required', input: parentOf(path, sent) }
    return { ...said(issue), loc, input: null }
  })
}

/** Pydantic's type and message of a wrong type, which clients look for; what it has no word for is said in ours. */
const wrongTypes: Readonly<Record<string, readonly [type: string, msg: string]>> = {
  string: ['string_type', 'Input should be a valid string'],
  number: ['float_type', 'Input should be a valid number'],
  int: ['int_type', 'Input should be a valid integer'],
  boolean: ['bool_type', 'Input should be a valid boolean'],
  array: ['list_type', 'Input should be a valid list'],
  object: ['dict_type', 'Input should be a valid dictionary'],
  record: ['dict_type', 'Input should be a valid dictionary'],
}

function said(issue: z.core.$ZodIssue): Pick<Invalid, 'type' | 'msg'> {
  if (issue.code === 'invalid_type') {
    const words = wrongTypes[issue.expected]
    if (words !== undefined) return { type: words[0], msg: words[1] }
  }
  if (issue.code === 'invalid_value') {
    return { type: 'enum', msg: `Input should be ${issue.values.map((value) => `'${String(value)}'`).join(', ')}` }
  }
  return { type: issue.code, msg: issue.message }
}

function parentOf(path: readonly (string | number)[], sent: JsonValue): unknown {
  // Only the names: what a caller sent may hold secrets.
  const parent = path.slice(0, -1).reduce<unknown>(valueAt, sent)
  return typeof parent === 'object' && parent !== null ? Object.keys(parent) : null
}

function valueAt(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}
