import type { ResourceDraft } from '../../../core/changes.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { bad } from './refusals.ts'
import { ownedByFile, storeSource } from './stored-settings.ts'

/** Where LiteLLM's settings keep aliases; here each alias is a resource of its own (core/resource.ts). */
const aliasKeys = [
  { section: 'litellm_settings', key: 'model_alias_map', first: true },
  { section: 'router_settings', key: 'model_group_alias', first: false },
] as const

/**
 * Takes the aliases out of settings that were sent and makes the stored ones what they say: a mapping replaces all of its kind.
 * @returns the settings without them
 * @throws GatewayError for an alias that the file declares
 */
export function putAliases(draft: ResourceDraft, sent: JsonObject): JsonObject {
  let rest = sent
  for (const { section, key, first } of aliasKeys) {
    const values = rest[section]
    if (!isObject(values) || !Object.hasOwn(values, key)) continue
    const { [key]: mapping, ...others } = values
    rest = { ...rest, [section]: others }
    replaceAliases(draft, mapping ?? null, { section, key, first })
  }
  return rest
}

function replaceAliases(
  draft: ResourceDraft,
  mapping: JsonValue,
  { section, key, first }: { readonly section: string; readonly key: string; readonly first: boolean },
): void {
  if (mapping !== null && !isObject(mapping)) throw bad(`${section}.${key} must be a mapping from aliases to models.`)
  const wanted = mapping ?? {}
  const owned = Object.keys(wanted).filter((name) => {
    const declared = draft.declared('alias', name)
    return declared !== undefined && declared.source !== storeSource && declared.sourceOf('') !== storeSource
  })
  if (owned.length > 0) throw ownedByFile(`${section}.${key}`, owned)
  for (const { name, spec, deleted } of draft.storedOf('alias')) {
    if (!deleted && (spec.first === true) === first && !Object.hasOwn(wanted, name)) draft.delete('alias', name)
  }
  for (const [name, target] of Object.entries(wanted)) {
    if (target === undefined || target === null) {
      if (draft.stored('alias', name) !== undefined) draft.delete('alias', name)
      continue
    }
    draft.put('alias', name, { ...(isObject(target) ? target : { model: target }), ...(first ? { first: true } : {}) })
  }
}
