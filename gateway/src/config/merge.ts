import { hash as digest } from 'node:crypto'
import type { KindName, Layer, Resource } from '../core/resource.ts'
import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import type { Pacer } from './pacer.ts'

/** A resource and the source whose declaration of it counts. */
export interface Declared {
  readonly resource: Resource
  readonly source: string
  /** The source of a value inside the spec, where several sources declare parts of it; `source` everywhere else. */
  readonly sourceOf?: (path: string) => string
  /** What it was put together from, the first counting before the second. */
  readonly parts?: readonly [Declared, Declared]
}

/** All resources of all layers, by kind and name, in declaration order. */
export interface Merged {
  readonly kinds: { readonly [Name in KindName]: ReadonlyMap<string, Declared> }
  /** Without effect, because another source declares the same and counts before. */
  readonly shadowed: readonly { readonly declared: Declared; readonly by: Resource }[]
}

/**
 * Of two resources with one kind and name the later layer's counts. But of settings and aliases the earlier one's: what the file
 * says cannot be changed by API (contract 6.2), and settings are put together key by key.
 */
export async function mergeLayers(layers: readonly Layer[], pacer: Pacer): Promise<Merged> {
  const kinds = {
    credential: new Map<string, Declared>(),
    deployment: new Map<string, Declared>(),
    alias: new Map<string, Declared>(),
    'price-map': new Map<string, Declared>(),
    settings: new Map<string, Declared>(),
  }
  const shadowed: { declared: Declared; by: Resource }[] = []
  for (const { source, resources } of layers) {
    for (const resource of resources) {
      const before = kinds[resource.kind].get(resource.name)
      const declared = { resource, source }
      if (before !== undefined && resource.kind === 'alias') {
        shadowed.push({ declared, by: before.resource })
        continue
      }
      if (before !== undefined && resource.kind !== 'settings') shadowed.push({ declared: before, by: resource })
      const merged = before !== undefined && resource.kind === 'settings' ? mergeSettings(before, declared) : declared
      kinds[resource.kind].set(resource.name, merged)
      if (pacer.due()) await pacer.pause()
    }
  }
  return { kinds, shadowed }
}

/** Every key of the first counts; the second adds what the first does not set. `null` sets nothing. */
function mergeSettings(first: Declared, second: Declared): Declared {
  const spec: { [section: string]: JsonValue } = {}
  for (const section of new Set([...Object.keys(first.resource.spec), ...Object.keys(second.resource.spec)])) {
    const own = first.resource.spec[section]
    // What is no section at all stays as it is: the schema refuses it by its place.
    const malformed = own !== undefined && own !== null && !isObject(own)
    spec[section] = malformed
      ? own
      : { ...sectionOf(second.resource, section), ...setKeys(sectionOf(first.resource, section)) }
  }
  const ownerOf = (path: string): Declared => {
    const [section = '', key = ''] = path.split(/[.[]/, 2)
    const owned = key === '' || Object.hasOwn(setKeys(sectionOf(first.resource, section)), key)
    return owned ? first : second
  }
  return {
    source: first.source,
    parts: [first, second],
    sourceOf(path) {
      const owner = ownerOf(path)
      return owner.sourceOf?.(path) ?? owner.source
    },
    resource: {
      ...first.resource,
      spec,
      hash: digest('sha256', `${first.resource.hash} ${second.resource.hash}`),
      originOf: (path) => ownerOf(path).resource.originOf(path),
    },
  }
}

function sectionOf({ spec }: Resource, section: string): JsonObject {
  const values = spec[section]
  return isObject(values) ? values : {}
}

function setKeys(section: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== undefined && value !== null))
}
