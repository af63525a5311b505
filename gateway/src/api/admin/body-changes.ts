import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { isObject } from '../../lib/json.ts'

/**
 * A body with what a caller sent laid over it: only names that were sent count, `null` is a value that clears, and `0`, `false`,
 * `[]`, `{}` and `''` are values like others (contract 3.3).
 * @param cleared what a name holds when it was cleared, where that is not `null`: lists and mappings are never null in rows
 */
export function withChanges(body: JsonObject, sent: JsonObject, cleared: JsonObject = {}): JsonObject {
  const changed: Record<string, JsonValue | undefined> = { ...body }
  for (const [name, value] of Object.entries(sent)) {
    if (value === undefined) continue
    changed[name] = value === null ? (cleared[name] ?? null) : value
  }
  return changed
}

/** What `withChanges` puts where something is cleared: the empty lists and mappings of a row where nothing was said. */
export function clearedOf(empty: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(empty).filter(([, value]) => typeof value === 'object' && value !== null))
}

/** What of a body has one of these names. */
export function pick(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]))
}

export function omit(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)))
}

/** What a caller really said of something new: `null` is LiteLLM's way to say nothing, so the operator's defaults count there. */
export function withoutUnsaid(sent: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== null && value !== undefined))
}

/** The body without what was not sent. */
export function present(body: Readonly<Record<string, unknown>>): JsonObject {
  // Bodies are parsed JSON, so every value that is there is JSON.
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as JsonObject
}

export function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function namesOf(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {}
}

/** As rows show moments. */
export function isoTime(at: number): string {
  return new Date(at).toISOString()
}
