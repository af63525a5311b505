import { z } from 'zod'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { ResourceDraft } from '../../../core/changes.ts'
import type { Role } from '../../../core/role.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { masked } from '../masking.ts'
import type { AdminPorts } from '../ports.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { storesModels } from '../stored-models.ts'
import { describedStrategies, routerFields } from './fields.ts'
import { bad, missing } from './refusals.ts'
import { putSettings, refuseOwned, sectionOf, storedSettings } from './stored-settings.ts'

const tag = 'router settings'
const readers: readonly Role[] = ['proxy_admin', 'proxy_admin_viewer']

const types = {
  general: 'fallbacks',
  context_window: 'context_window_fallbacks',
  content_policy: 'content_policy_fallbacks',
} as const
const fallbackType = z.enum(['general', 'context_window', 'content_policy']).default('general')
type FallbackType = z.output<typeof fallbackType>

const newFallback = z.object({
  model: z.string().min(1),
  fallback_models: z.array(z.string().min(1)).min(1),
  fallback_type: fallbackType,
})
const byType = z.object({ fallback_type: fallbackType })

export function routerRoutes(
  ports: Pick<AdminPorts, 'changes' | 'environment' | 'strategies'>,
): readonly DeclaredRoute[] {
  const { changes, environment, strategies } = ports

  const requireStore = (snapshot: Snapshot): void => {
    if (!storesModels(snapshot, environment)) {
      throw bad('Fallback management needs STORE_MODEL_IN_DB; it is switched off.')
    }
  }

  return [
    adminRoute({
      method: 'GET',
      path: '/router/settings',
      summary: 'Every router setting with its value, what it means and what counts where it is not set',
      tag,
      roles: readers,
      handle({ exchange }) {
        const values = routerValues(snapshotOf(exchange))
        return {
          body: {
            fields: shownFields(values, strategies),
            current_values: values,
            routing_strategy_descriptions: describedStrategies(strategies),
          },
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/router/fields',
      summary: 'The router settings there are, without their values',
      tag,
      roles: readers,
      handle: () => ({
        body: {
          fields: shownFields({}, strategies),
          routing_strategy_descriptions: describedStrategies(strategies),
        },
      }),
    }),
    adminRoute({
      method: 'POST',
      path: '/fallback',
      summary: 'Says which models to try when one fails',
      tag,
      roles: ['proxy_admin'],
      body: newFallback,
      async handle({ body, change, exchange }) {
        const snapshot = snapshotOf(exchange)
        requireStore(snapshot)
        checkNames(snapshot, body.model, body.fallback_models)
        const outcome = await changes.resources(change, (draft) => ({
          result: putFallback(draft, snapshot, body.fallback_type, body.model, body.fallback_models),
        }))
        return changeReply(change, outcome, {
          ...body,
          message: `Fallback configuration ${outcome.result ? 'updated' : 'created'} successfully`,
        })
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/fallback/{model}',
      summary: 'The models that are tried when this one fails',
      tag,
      roles: readers,
      query: byType,
      handle({ exchange, pathParameter: model, query: { fallback_type: type } }) {
        const found = fallbacksOf(routerValues(snapshotOf(exchange)), type, model)
        if (found === undefined) throw noFallbacks(type, model)
        return { body: { model, fallback_models: found, fallback_type: type } }
      },
    }),
    adminRoute({
      method: 'DELETE',
      path: '/fallback/{model}',
      summary: 'Takes them away',
      tag,
      roles: ['proxy_admin'],
      query: byType,
      async handle({ exchange, change, pathParameter: model, query: { fallback_type: type } }) {
        requireStore(snapshotOf(exchange))
        const outcome = await changes.resources(change, (draft) => {
          const key = types[type]
          const section = sectionOf(storedSettings(draft), 'router_settings')
          if (fallbacksOf(section, type, model) === undefined) {
            refuseOwned(draft, 'router_settings', [key])
            throw noFallbacks(type, model)
          }
          const left = listOf(section[key]).flatMap((entry) => without(entry, model))
          putSettings(draft, { router_settings: { [key]: left.length === 0 ? null : left } })
          return { result: undefined }
        })
        return changeReply(change, outcome, {
          model,
          fallback_type: type,
          message: 'Fallback configuration deleted successfully',
        })
      },
    }),
  ]
}

/** The router's settings as they count, aliases put back among them. */
export function routerValues(snapshot: Snapshot): JsonObject {
  const spec = snapshot.declared.get('settings', 'gateway')?.spec ?? {}
  const aliases: Record<string, JsonValue> = {}
  for (const name of snapshot.declared.names('alias')) {
    const alias = snapshot.declared.get('alias', name)?.spec
    if (alias === undefined || alias.first === true) continue
    const { hidden, model = null } = alias
    aliases[name] = hidden === true ? { model, hidden } : model
  }
  const values = masked(sectionOf(spec, 'router_settings'))
  return Object.keys(aliases).length === 0 ? values : { ...values, model_group_alias: aliases }
}

function shownFields(values: JsonObject, strategies: AdminPorts['strategies']): readonly JsonObject[] {
  return routerFields.map((field) => ({
    field_name: field.name,
    field_type: field.type,
    field_value: values[field.name] ?? null,
    field_description: field.description,
    field_default: field.fallback,
    options: field.name === 'routing_strategy' ? [...strategies] : null,
    ui_field_name: field.name.replaceAll('_', ' '),
    link: null,
  }))
}

function checkNames(snapshot: Snapshot, model: string, fallbacks: readonly string[]): void {
  const { models } = snapshot
  if (models.resolve(model) === undefined) {
    throw missing(`Model '${model}' not found in router`, { available_models: [...models.names] })
  }
  const repeated = fallbacks.find((name, index) => fallbacks.indexOf(name) !== index)
  if (repeated !== undefined) throw bad(`Fallback model '${repeated}' is named twice`)
  if (fallbacks.includes(model)) throw bad(`Model '${model}' cannot be its own fallback`)
  const unknown = fallbacks.filter((name) => models.resolve(name) === undefined)
  if (unknown.length > 0) throw bad(`Invalid fallback models: ${unknown.join(', ')} not found in router`)
}

/** @returns whether there was one before. @throws GatewayError when the file sets the fallbacks */
function putFallback(
  draft: ResourceDraft,
  snapshot: Snapshot,
  type: FallbackType,
  model: string,
  targets: readonly string[],
): boolean {
  const key = types[type]
  const section = sectionOf(storedSettings(draft), 'router_settings')
  const before = fallbacksOf(section, type, model) !== undefined
  const entries = listOf(section[key]).flatMap((entry) => without(entry, model))
  // What is said in `litellm_settings` counts no more once `router_settings` has the key, so it is taken along.
  const shared = sectionOf(snapshot.declared.get('settings', 'gateway')?.spec ?? {}, 'litellm_settings')[key]
  const kept = section[key] === undefined ? listOf(shared).flatMap((entry) => without(entry, model)) : entries
  putSettings(draft, { router_settings: { [key]: [...kept, { [model]: [...targets] }] } })
  return before
}

function fallbacksOf(section: JsonObject, type: FallbackType, model: string): JsonValue | undefined {
  for (const entry of listOf(section[types[type]])) if (Object.hasOwn(entry, model)) return entry[model] ?? null
  return undefined
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** The entry without a model; none when nothing is left of it. */
function without(entry: JsonObject, model: string): readonly JsonObject[] {
  const { [model]: _gone, ...rest } = entry
  return Object.keys(rest).length === 0 ? [] : [rest]
}

function noFallbacks(type: FallbackType, model: string) {
  return missing(`No ${type} fallbacks configured for model '${model}'`)
}
