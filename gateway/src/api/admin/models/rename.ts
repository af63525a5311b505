import type { ResourceDraft } from '../../../core/changes.ts'
import type { RecordKind } from '../../../core/record.ts'
import type { Transaction } from '../../../core/store.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { objectOf } from './row.ts'

/** Where records keep allow-lists of model names. */
const lists: readonly (readonly [kind: RecordKind, field: string])[] = [
  ['key', 'models'],
  ['retired-key', 'models'],
  ['user', 'models'],
  ['team', 'models'],
  ['organization', 'models'],
  ['project', 'models'],
  ['access-group', 'access_model_names'],
  ['access-group', 'models'],
]

/** Where they keep mappings from an alias to a model name. */
const mappings: readonly (readonly [kind: RecordKind, field: string])[] = [
  ['key', 'aliases'],
  ['team', 'model_aliases'],
]

export interface Rename {
  readonly from: string
  readonly to: string
  /** Other deployments keep the old name: who may use it may use both. */
  readonly shared: boolean
}

/**
 * Rewrites every allow-list and alias of the records that names the model, in the commit of the rename, so that nobody loses a
 * model because it is called otherwise now. The store looks through every record: names of models are not indexed.
 */
export async function renameInRecords(transaction: Transaction, rename: Rename): Promise<void> {
  const kinds = new Set([...lists, ...mappings].map(([kind]) => kind))
  for (const kind of kinds) {
    const { records } = await transaction.records({ kind, mentions: rename.from })
    for (const { id, body } of records) {
      const renamed = renamedBody(kind, body, rename)
      if (renamed !== undefined) await transaction.putRecord(kind, id, renamed)
    }
  }
}

/** The body with the new name; `undefined` when it does not name the old one. */
export function renamedBody(kind: RecordKind, body: JsonObject, rename: Rename): JsonObject | undefined {
  let after: JsonObject | undefined
  for (const [owner, field] of lists) {
    if (owner !== kind) continue
    const names = renamedList(body[field], rename)
    if (names !== undefined) after = { ...(after ?? body), [field]: names }
  }
  for (const [owner, field] of mappings) {
    if (owner !== kind || rename.shared) continue
    const mapping = objectOf(body[field])
    if (!Object.values(mapping).includes(rename.from)) continue
    const entries = Object.entries(mapping).map(([alias, name]) => [alias, name === rename.from ? rename.to : name])
    after = { ...(after ?? body), [field]: Object.fromEntries(entries) }
  }
  return after
}

function renamedList(value: JsonValue | undefined, { from, to, shared }: Rename): readonly JsonValue[] | undefined {
  if (!Array.isArray(value) || !value.includes(from)) return undefined
  const names = value.flatMap((name): JsonValue[] => (name !== from ? [name] : shared ? [from, to] : [to]))
  return [...new Set(names)]
}

const fallbackKeys = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks']

/** The same for what the settings and aliases of the store say. What the file says is the file's: it is refused by name if it breaks. */
export function renameInResources(draft: ResourceDraft, { from, to, shared }: Rename): void {
  if (shared) return
  for (const { name, spec, deleted } of draft.storedOf('alias')) {
    if (!deleted && spec.model === from) draft.put('alias', name, { ...spec, model: to })
  }
  const settings = draft.stored('settings', 'gateway')
  if (settings === undefined || settings.deleted) return
  const after: Record<string, JsonValue | undefined> = { ...settings.spec }
  for (const section of ['router_settings', 'litellm_settings']) {
    const values = settings.spec[section]
    if (isObject(values)) after[section] = renamedSettings(values, from, to)
  }
  if (JSON.stringify(after) !== JSON.stringify(settings.spec)) draft.put('settings', 'gateway', after)
}

function renamedSettings(values: JsonObject, from: string, to: string): JsonObject {
  const name = (value: JsonValue): JsonValue => (value === from ? to : value)
  const after: Record<string, JsonValue | undefined> = { ...values }
  for (const key of fallbackKeys) {
    const list = values[key]
    if (!Array.isArray(list)) continue
    after[key] = list.map((entry: JsonValue) => {
      if (!isObject(entry)) return entry
      const entries = Object.entries(entry).map(([model, targets]) => [
        name(model),
        Array.isArray(targets) ? targets.map(name) : targets,
      ])
      return Object.fromEntries(entries)
    })
  }
  for (const key of ['default_fallbacks', 'public_model_groups']) {
    const list = values[key]
    if (Array.isArray(list)) after[key] = list.map(name)
  }
  const policies = values.model_group_retry_policy
  if (isObject(policies) && policies[from] !== undefined) {
    const { [from]: policy, ...others } = policies
    after.model_group_retry_policy = { ...others, [to]: policy }
  }
  return after
}
