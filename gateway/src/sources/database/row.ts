import { hash } from 'node:crypto'
import type { Resource } from '../../core/resource.ts'
import type { StoredResource } from '../../core/store.ts'
import { isObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

const origin = 'database'

/** A row as a resource. Its hash is the same on every replica, in whichever order a database keeps the fields. */
export function toResource({ kind, name, spec }: Pick<StoredResource, 'kind' | 'name' | 'spec'>): Resource {
  return {
    kind,
    name,
    spec,
    hash: hash('sha256', canonical(spec)),
    origin,
    // Settings are their document's root; of the others the name tells which row it is.
    path: kind === 'settings' ? '' : `${kind}[${name}]`,
    originOf: () => origin,
  }
}

/** JSON text with the fields in order of their names. */
function canonical(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isObject(value)) return JSON.stringify(value ?? null)
  return `{${fieldsOf(value).join()}}`
}

function fieldsOf(object: JsonObject): string[] {
  const names = Object.keys(object).filter((name) => object[name] !== undefined)
  return names.sort().map((name) => `${JSON.stringify(name)}:${canonical(object[name])}`)
}
