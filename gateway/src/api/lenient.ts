import type { z } from 'zod'
import type { JsonObject, JsonValue } from '../lib/json.ts'

/** A body or query as its schema takes it. */
export interface Taken<Schema extends z.ZodType> {
  readonly result: z.ZodSafeParseResult<z.output<Schema>>
  /** What was sent, with the numbers and booleans for the texts that meant them. */
  readonly sent: JsonObject
}

/**
 * Parses as LiteLLM's proxy does, where a number or a boolean may come as text (`"max_budget": "5"`): forms and shell scripts send it so,
 * and code that was written for that proxy relies on it. A text that means neither is wrong as it was.
 */
export function parseLeniently<Schema extends z.ZodType>(schema: Schema, sent: JsonObject): Taken<Schema> {
  const result = schema.safeParse(sent)
  if (result.success) return { result, sent }
  const meant = structuredClone(sent)
  let replaced = false
  for (const issue of result.error.issues) {
    if (issue.code !== 'invalid_type') continue
    replaced = replaceAt(meant, issue.path, meaningOf[issue.expected]) || replaced
  }
  return replaced ? { result: schema.safeParse(meant), sent: meant } : { result, sent }
}

type Meaning = (value: unknown) => JsonValue | undefined

const meaningOf: Readonly<Record<string, Meaning | undefined>> = { number: numberOf, int: numberOf, boolean: booleanOf }

const longestNumber = 40
const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

function numberOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length > longestNumber || !number.test(value.trim())) return undefined
  const meant = Number(value)
  return Number.isFinite(meant) ? meant : undefined
}

const booleans: Readonly<Record<string, boolean>> = {
  ...{ true: true, t: true, yes: true, y: true, on: true, 1: true },
  ...{ false: false, f: false, no: false, n: false, off: false, 0: false },
}

function booleanOf(value: unknown): boolean | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const word = String(value).toLowerCase()
  return Object.hasOwn(booleans, word) ? booleans[word] : undefined
}

/** @returns whether there was a value with a meaning at that path */
function replaceAt(root: JsonObject, path: readonly PropertyKey[], meaning: Meaning | undefined): boolean {
  const name = path.at(-1)
  if (meaning === undefined || name === undefined) return false
  let holder: unknown = root
  for (const part of path.slice(0, -1)) {
    holder =
      typeof holder === 'object' && holder !== null && Object.hasOwn(holder, part)
        ? Reflect.get(holder, part)
        : undefined
  }
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return false
  const meant = meaning(Reflect.get(holder, name))
  return meant !== undefined && Reflect.set(holder, name, meant)
}
