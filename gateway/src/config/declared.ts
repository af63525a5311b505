import type { KindName } from '../core/resource.ts'
import { kinds } from './kinds/index.ts'
import { priceMapName } from './kinds/price-map.ts'
import { settingsName } from './kinds/settings.ts'
import type { Declared } from './merge.ts'
import type { DeclaredIndex } from './snapshot.ts'

/** What is declared of each kind, by name. */
export type DeclaredKinds = { readonly [Name in KindName]: ReadonlyMap<string, Declared> }

/** What is compiled where no source declares settings. */
export const defaultSettings: Declared = {
  source: 'default',
  resource: {
    kind: 'settings',
    name: settingsName,
    spec: {},
    hash: 'default',
    origin: 'default',
    path: '',
    originOf: () => 'default',
  },
}

/** The map that comes with the gateway, where none was fetched yet. */
export const defaultPrices: Declared = {
  source: 'default',
  resource: { ...defaultSettings.resource, kind: 'price-map', name: priceMapName },
}

/** Whether it stands in for what nobody declares. */
export function isDefault(declared: Declared): boolean {
  return declared === defaultSettings || declared === defaultPrices
}

/** With settings and prices, of which there is always one. */
export function withDefaults(declared: DeclaredKinds): DeclaredKinds {
  const settings = declared.settings.get(settingsName) ?? defaultSettings
  const prices = declared['price-map'].get(priceMapName) ?? defaultPrices
  return {
    ...declared,
    'price-map': new Map([[priceMapName, prices]]),
    settings: new Map([[settingsName, settings]]),
  }
}

/** For those who show where something is declared. */
export function declaredIndex(declared: DeclaredKinds): DeclaredIndex {
  return {
    kinds: kinds.map(({ name }) => name),
    get(kind, name) {
      const found = declared[kind].get(name)
      if (found === undefined) return undefined
      const { resource, source } = found
      return {
        source,
        origin: resource.origin,
        spec: resource.spec,
        sourceOf: (path) => found.sourceOf?.(path) ?? source,
        originOf: (path) => resource.originOf(path),
      }
    },
    names: (kind) => declared[kind].keys(),
  }
}
