import { z } from 'zod'
import type { KindName, Layer, Resource } from '../core/resource.ts'
import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { kinds } from './kinds/index.ts'

/** Seals what a store keeps sealed, before it is written elsewhere too. */
export interface Sealer {
  /** @param place what the value belongs to; an envelope copied elsewhere does not open */
  seal(value: JsonValue, place: string): string
  open(envelope: string, place: string): { readonly value: JsonValue } | { readonly reason: string }
}

const kindNames = new Set<string>(kinds.map((kind) => kind.name))

/** A resource in the copy of the last accepted configuration; the spec is sealed where its store seals it. */
export const keptResource = z.object({
  kind: z.custom<KindName>((value) => kindNames.has(String(value))),
  name: z.string(),
  hash: z.string(),
  origin: z.string(),
  path: z.string(),
  spec: z.custom<JsonObject>(isObject).exactOptional(),
  sealed: z.string().exactOptional(),
})

/** Sealing takes longer than all the rest, and rows outlive many copies. */
const sealedTexts = new WeakMap<Resource, string>()

/** JSON text; `undefined`: a row that cannot be sealed is not written. */
export function keptText(resource: Resource, { acceptance }: Layer, sealer: Sealer | undefined): string | undefined {
  const { kind, name, spec, hash, origin, path } = resource
  if (acceptance !== 'rows') return JSON.stringify({ kind, name, hash, origin, path, spec })
  const known = sealedTexts.get(resource)
  if (known !== undefined || sealer === undefined) return known
  const text = JSON.stringify({ kind, name, hash, origin, path, sealed: sealer.seal(spec, placeOf(resource)) })
  sealedTexts.set(resource, text)
  return text
}

/** Nothing for a row that does not open any more. */
export function restoreKept(kept: z.output<typeof keptResource>, sealer: Sealer | undefined): readonly Resource[] {
  const { sealed, spec: plain, ...rest } = kept
  const spec = plain ?? openedSpec(sealed, placeOf(kept), sealer)
  return spec === undefined ? [] : [{ ...rest, spec, originOf: () => rest.origin }]
}

function openedSpec(sealed: string | undefined, place: string, sealer: Sealer | undefined): JsonObject | undefined {
  if (sealed === undefined || sealer === undefined) return undefined
  const opened = sealer.open(sealed, place)
  return 'value' in opened && isObject(opened.value) ? opened.value : undefined
}

function placeOf({ kind, name }: Pick<Resource, 'kind' | 'name'>): string {
  return JSON.stringify(['last-good', kind, name])
}
