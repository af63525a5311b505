import { type RecordKind, recordKinds } from '../core/record.ts'
import type { KindName } from '../core/resource.ts'
import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import type { Seal } from './seal.ts'

type Path = readonly string[]

/** What of a spec is sealed as one value; the empty path is the whole. Resources of kinds that are not listed are sealed whole. */
const resourcePaths: Partial<Record<KindName, readonly Path[]>> = {
  credential: [['credential_values']],
  deployment: [['litellm_params']],
  alias: [],
  settings: [[]],
}

/** A record's body holds secrets where it says how its calls are logged. */
const recordPaths: readonly Path[] = [
  ['metadata', 'logging'],
  ['metadata', 'callback_settings'],
]

const mark = '$sealed'

export interface SealedObject {
  readonly json: JsonObject
  /** Of the key it was sealed with; '' when it holds nothing that is sealed. */
  readonly keyId: string
}

/** Replaces what holds secrets by `{ "$sealed": envelope }`. */
export function sealFields(seal: Seal, kind: KindName | RecordKind, name: string, plain: JsonObject): SealedObject {
  let json: JsonObject = plain
  let keyId = ''
  for (const path of pathsOf(kind)) {
    const value = valueAt(json, path)
    if (isEmpty(value)) continue
    json = replaced(json, path, { [mark]: seal.seal(value, placeOf(kind, name, path)) })
    keyId = seal.keyId
  }
  return { json, keyId }
}

/**
 * Opens what `sealFields` sealed.
 * @returns `unreadable`: why a part did not open; that part is left out then, never taken for plain text
 */
export function openFields(
  seal: Seal,
  kind: KindName | RecordKind,
  name: string,
  stored: JsonObject,
): { readonly json: JsonObject; readonly unreadable: string | undefined } {
  let json: JsonObject = stored
  let unreadable: string | undefined
  for (const path of pathsOf(kind)) {
    const value = valueAt(json, path)
    if (isEmpty(value)) continue
    const place = placeOf(kind, name, path)
    const envelope = isObject(value) ? value[mark] : undefined
    const opened = typeof envelope === 'string' ? seal.open(envelope, place) : { reason: 'it is not a sealed value' }
    if ('value' in opened) {
      json = replaced(json, path, opened.value)
      continue
    }
    json = replaced(json, path, undefined)
    unreadable ??= path.length === 0 ? opened.reason : `\`${path.join('.')}\`: ${opened.reason}`
  }
  return { json, unreadable }
}

function pathsOf(kind: KindName | RecordKind): readonly Path[] {
  return isRecordKind(kind) ? recordPaths : (resourcePaths[kind] ?? [[]])
}

function isRecordKind(kind: KindName | RecordKind): kind is RecordKind {
  const kinds: readonly string[] = recordKinds
  return kinds.includes(kind)
}

function placeOf(kind: string, name: string, path: Path): string {
  return JSON.stringify([kind, name, ...path])
}

function isEmpty(value: JsonValue | undefined): value is null | undefined {
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0)
}

function valueAt(json: JsonObject, path: Path): JsonValue | undefined {
  let value: JsonValue | undefined = json
  for (const key of path) value = isObject(value) ? value[key] : undefined
  return value
}

function replaced(json: JsonObject, path: Path, value: JsonValue | undefined): JsonObject {
  const [key, ...rest] = path
  if (key === undefined) return isObject(value) ? value : {}
  const inner = json[key]
  const next = rest.length === 0 ? value : replaced(isObject(inner) ? inner : {}, rest, value)
  return { ...json, [key]: next }
}
