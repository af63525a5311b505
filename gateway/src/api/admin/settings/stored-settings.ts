import type { Declared, ResourceDraft } from '../../../core/changes.ts'
import { GatewayError } from '../../../core/errors.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'

/** The settings that the store keeps: one resource, put together with the file's key by key; the file's keys win (contract 6.2). */
const name = 'gateway'
/** What the source of the store's resources is called. */
export const storeSource = 'database'

export const sections = ['litellm_settings', 'router_settings', 'general_settings', 'environment_variables'] as const
export type Section = (typeof sections)[number]
export type SettingsPatch = { readonly [Name in Section]?: JsonObject }

export function storedSettings(draft: ResourceDraft): JsonObject {
  const stored = draft.stored('settings', name)
  return stored === undefined || stored.deleted ? {} : stored.spec
}

/**
 * Lays what is sent over what is stored, key by key: the request wins, `null` takes a key away.
 * @throws GatewayError `config_owned` naming the keys that the file sets, nothing being changed
 */
export function putSettings(draft: ResourceDraft, patch: SettingsPatch): void {
  const stored = storedSettings(draft)
  const after: Record<string, JsonValue | undefined> = { ...stored }
  for (const section of sections) {
    const sent = patch[section]
    if (sent === undefined || Object.keys(sent).length === 0) continue
    refuseOwned(draft, section, Object.keys(sent))
    const values: Record<string, JsonValue | undefined> = { ...sectionOf(stored, section) }
    for (const [key, value] of Object.entries(sent)) {
      if (value === null || value === undefined) delete values[key]
      else values[key] = value
    }
    if (Object.keys(values).length === 0) delete after[section]
    else after[section] = values
  }
  if (Object.keys(after).length > 0) draft.put('settings', name, after)
  else if (Object.keys(stored).length > 0) draft.delete('settings', name)
}

/** @throws GatewayError with LiteLLM's body for keys that the configuration file sets */
export function refuseOwned(draft: ResourceDraft, section: Section, keys: readonly string[]): void {
  const owned = keys.filter((key) => isOwned(draft, section, key))
  if (owned.length > 0) throw ownedByFile(section, owned)
}

export function ownedByFile(section: string, keys: readonly string[]): GatewayError {
  const named = keys.map((key) => `'${key}'`).join(', ')
  const message = `${section} key ${named} is set in the config file and cannot be changed here.`
  return new GatewayError('config_owned', message, { detail: { error: message, keys: [...keys], section } })
}

function isOwned(draft: ResourceDraft, section: Section, key: string): boolean {
  const declared = draft.declared('settings', name)
  return declared !== undefined && isFileKey(declared, section, key)
}

/** Whether a key that counts today comes from elsewhere than the store. */
export function isFileKey(counts: Declared, section: string, key: string): boolean {
  const value = sectionOf(counts.spec, section)[key]
  return value !== undefined && value !== null && counts.sourceOf(`${section}.${key}`) !== storeSource
}

export function sectionOf(spec: JsonObject, section: string): JsonObject {
  const values = spec[section]
  return isObject(values) ? values : {}
}
