import { z } from 'zod'
import type { ChangeOptions } from '../../../core/change.ts'
import type { ResourceDraft } from '../../../core/changes.ts'
import type { Role } from '../../../core/role.ts'
import type { JsonObject } from '../../../lib/json.ts'
import type { AdminReply, DeclaredRoute } from '../../admin-route.ts'
import { adminRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import type { Exchange } from '../../route.ts'
import { masked } from '../masking.ts'
import { storeOff } from '../models/refusals.ts'
import { objectOf } from '../models/row.ts'
import type { AdminPorts } from '../ports.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { storesModels } from '../stored-models.ts'
import { putAliases } from './aliases.ts'
import { fits, generalFields, pythonType, type SettingField } from './fields.ts'
import { bad } from './refusals.ts'
import {
  isFileKey,
  putSettings,
  type Section,
  sectionOf,
  sections,
  storedSettings,
  storeSource,
} from './stored-settings.ts'

const tag = 'configuration'
const access: readonly Role[] = ['proxy_admin']
const readers: readonly Role[] = ['proxy_admin', 'proxy_admin_viewer']

const mapping = z.record(z.string(), z.unknown())
const update = z.object({
  environment_variables: mapping.nullish(),
  litellm_settings: mapping.nullish(),
  general_settings: mapping.nullish(),
  router_settings: mapping.nullish(),
})
const configType = z.literal('general_settings')
const fieldUpdate = z.object({ field_name: z.string(), field_value: z.unknown(), config_type: configType })
const fieldDelete = z.object({ field_name: z.string(), config_type: configType })

/** What a caller must not be able to give itself or take from others: read at start, or from the file. */
const never: ReadonlySet<string> = new Set([
  'general_settings.master_key',
  'general_settings.database_url',
  'router_settings.redis_url',
  'router_settings.redis_host',
  'router_settings.redis_port',
  'router_settings.redis_password',
  'router_settings.redis_db',
  'general_settings.role_permissions',
])

export function settingsRoutes(
  ports: Pick<AdminPorts, 'changes' | 'environment' | 'ignoredSetting' | 'isSetting'>,
): readonly DeclaredRoute[] {
  const { changes } = ports

  async function change<Result>(
    exchange: Exchange,
    options: ChangeOptions,
    edit: (draft: ResourceDraft) => Result,
    answer: (result: Result) => unknown,
    touched: readonly string[],
  ): Promise<AdminReply> {
    if (!storesModels(exchange.snapshot, ports.environment)) throw storeOff()
    const forbidden = touched.find((key) => never.has(key))
    if (forbidden !== undefined)
      throw bad(`${forbidden} cannot be changed by API; set it in the config file or the environment.`)
    const outcome = await changes.resources(options, (draft) => ({ result: edit(draft) }))
    const reply = changeReply(options, outcome, answer(outcome.result))
    const head = [
      ...warning(
        'unknown_fields',
        touched.filter((key) => !isVariable(key) && !ports.isSetting(key)),
      ),
      ...warning(
        'settings_without_effect',
        touched.filter((key) => ports.ignoredSetting(key) !== undefined),
      ),
    ]
    return { ...reply, head: [...(reply.head ?? []), ...head] }
  }

  return [
    adminRoute({
      method: 'POST',
      path: '/config/update',
      summary: 'Changes settings key by key; the request wins over what is stored, null takes a key away',
      tag,
      roles: access,
      body: update,
      handle({ sent, change: options, exchange }) {
        const touched = sections.flatMap((section) =>
          Object.keys(objectOf(sent[section])).map((key) => `${section}.${key}`),
        )
        return change(
          exchange,
          options,
          (draft) => putSettings(draft, patchOf(putAliases(draft, sent))),
          () => ({ message: 'Config updated successfully' }),
          touched,
        )
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/config/field/update',
      summary: 'Changes one general setting',
      tag,
      roles: access,
      body: fieldUpdate,
      handle({ body, sent, change: options, exchange }) {
        const field = fieldNamed(body.field_name)
        const value = sent.field_value ?? null
        if (!fits(field.type, value)) throw bad(`Invalid type of field value=${pythonType(value)} passed in.`)
        return change(
          exchange,
          options,
          (draft) => {
            putSettings(draft, { general_settings: { [field.name]: value } })
            return rowOf(draft)
          },
          (row) => row,
          [`general_settings.${field.name}`],
        )
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/config/field/delete',
      summary: 'Takes one general setting back; what the file or the default says counts again',
      tag,
      roles: access,
      body: fieldDelete,
      handle({ body, change: options, exchange }) {
        const field = fieldNamed(body.field_name)
        return change(
          exchange,
          options,
          (draft) => {
            if (sectionOf(storedSettings(draft), 'general_settings')[field.name] === undefined) {
              throw bad(`Field name=${field.name} not in config`)
            }
            putSettings(draft, { general_settings: { [field.name]: null } })
            return rowOf(draft)
          },
          (row) => row,
          [`general_settings.${field.name}`],
        )
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/config/field/info',
      summary: 'One general setting as it counts',
      tag,
      roles: readers,
      query: z.object({ field_name: z.string() }),
      handle({ query, exchange }) {
        const field = fieldNamed(query.field_name)
        const value = general(exchange)[field.name]
        if (value === undefined) throw bad(`Field name=${field.name} not in DB`)
        return { body: { field_name: field.name, field_value: masked({ [field.name]: value })[field.name] ?? null } }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/config/list',
      summary: 'The general settings that can be changed, their values, and where these come from',
      tag,
      roles: readers,
      query: z.object({ config_type: configType }),
      handle: ({ exchange }) => ({ body: generalFields.map((field) => shownField(field, exchange)) }),
    }),
  ]
}

function patchOf(sent: JsonObject): { readonly [Name in Section]?: JsonObject } {
  return Object.fromEntries(sections.map((section) => [section, objectOf(sent[section])]))
}

function fieldNamed(name: string): SettingField {
  const field = generalFields.find((known) => known.name === name)
  if (field !== undefined) return field
  throw bad(`Invalid field=${name} passed in.`)
}

function rowOf(draft: ResourceDraft): JsonObject {
  return {
    param_name: 'general_settings',
    param_value: masked(sectionOf(storedSettings(draft), 'general_settings')),
  }
}

function general(exchange: Exchange): JsonObject {
  return sectionOf(snapshotOf(exchange).declared.get('settings', 'gateway')?.spec ?? {}, 'general_settings')
}

function shownField(field: SettingField, exchange: Exchange): JsonObject {
  const declared = snapshotOf(exchange).declared.get('settings', 'gateway')
  const value = general(exchange)[field.name] ?? null
  const path = `general_settings.${field.name}`
  const ofFile = declared !== undefined && isFileKey(declared, 'general_settings', field.name)
  const stored = value !== null && declared?.sourceOf(path) === storeSource
  return {
    field_name: field.name,
    field_type: field.type,
    field_description: field.description,
    field_value: masked({ [field.name]: value })[field.name] ?? null,
    stored_in_db: value === null ? null : stored,
    field_default_value: field.fallback,
    premium_field: false,
    nested_fields: null,
    editable: !ofFile,
    origin: value === null ? 'default' : (declared?.originOf(path) ?? 'default'),
  }
}

function isVariable(key: string): boolean {
  return key.startsWith('environment_variables.')
}

/** Names are percent-encoded, being the caller's text. */
function warning(what: string, keys: readonly string[]): readonly string[] {
  if (keys.length === 0) return []
  return ['x-midflight-warnings', `${what}=${keys.map((key) => encodeURIComponent(key.toWellFormed())).join(',')}`]
}
