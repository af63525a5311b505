import type { InputContent, InputUri } from '../../core/input.ts'
import { holdsReference, referenceOf } from '../../core/reference.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { Report } from '../kinds/kind.ts'
import { joinPath } from './path.ts'

/** A spec with the content of its references in their place. */
export interface Resolved {
  readonly value: JsonObject
  /** Path of each value that came from a reference, and the reference as written. */
  readonly references: ReadonlyMap<string, string>
  /** Paths whose reference has no content; the values are absent. */
  readonly missing: ReadonlySet<string>
  readonly reports: readonly Report[]
}

const nothing: ReadonlyMap<string, string> = new Map()
const none: ReadonlySet<string> = new Set()

/**
 * Puts the content of references in their place, wherever a value is one.
 * @param within whether to look at the value of this path and below it
 */
export async function resolveReferences(
  spec: JsonObject,
  read: (uri: InputUri) => InputContent | Promise<InputContent>,
  within: (path: string) => boolean,
): Promise<Resolved> {
  if (!holdsReference(spec)) return { value: spec, references: nothing, missing: none, reports: [] }
  const references = new Map<string, string>()
  const missing = new Set<string>()
  const reports: Report[] = []

  async function resolve(value: JsonValue, path: string): Promise<JsonValue | undefined> {
    if (typeof value === 'string') return resolveText(value, path)
    if (!holdsReference(value)) return value
    if (isObject(value)) return resolveMapping(value, path)
    if (!Array.isArray(value)) return value
    const list: JsonValue[] = []
    for (const [index, item] of value.entries()) list.push((await resolve(item, joinPath(path, index))) ?? null)
    return list
  }

  async function resolveMapping(value: JsonObject, path: string): Promise<JsonObject> {
    const entries: [string, JsonValue][] = []
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue
      const itemPath = joinPath(path, key)
      const content = within(itemPath) ? await resolve(item, itemPath) : item
      if (content !== undefined) entries.push([key, content])
    }
    return Object.fromEntries(entries)
  }

  async function resolveText(value: string, path: string): Promise<JsonValue | undefined> {
    const uri = referenceOf(value)
    if (uri === undefined) return value
    const content = await read(uri)
    references.set(path, value)
    if (content.found) return content.value.reveal()
    missing.add(path)
    reports.push({ path, make: (where) => content.problem(where) })
    return undefined
  }

  return { value: await resolveMapping(spec, ''), references, missing, reports }
}
