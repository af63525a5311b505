import { z } from 'zod'
import type { Role } from '../../../core/role.ts'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import type { AdminPorts } from '../ports.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { missing } from './refusals.ts'
import { routerValues } from './router.ts'
import { putSettings, sectionOf, storedSettings } from './stored-settings.ts'

const tag = 'callbacks'
const readers: readonly Role[] = ['proxy_admin', 'proxy_admin_viewer']
const keys = ['callbacks', 'success_callback', 'failure_callback'] as const

/** Callbacks are kept and shown; this version reports calls nowhere, and `active` says so. */
export function callbackRoutes({ changes }: Pick<AdminPorts, 'changes'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/get/config/callbacks',
      summary: 'The callbacks that are declared, and the router settings',
      tag,
      roles: readers,
      handle({ exchange }) {
        const snapshot = snapshotOf(exchange)
        const settings = sectionOf(snapshot.declared.get('settings', 'gateway')?.spec ?? {}, 'litellm_settings')
        return {
          body: {
            status: 'success',
            callbacks: declared(settings),
            alerts: [],
            router_settings: routerValues(snapshot),
            available_callbacks: {},
            active_alerting_destinations: [],
          },
        }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/config/callback/delete',
      summary: 'Takes a stored callback away',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ callback_name: z.string() }),
      async handle({ body: { callback_name: name }, change }) {
        const outcome = await changes.resources(change, (draft) => {
          const settings = sectionOf(storedSettings(draft), 'litellm_settings')
          const touched = keys.filter((key) => namesIn(settings[key]).includes(name))
          if (touched.length === 0) throw missing(`Callback '${name}' not found in active callbacks`)
          const left = touched.map((key) => [key, namesIn(settings[key]).filter((other) => other !== name)] as const)
          putSettings(draft, {
            litellm_settings: Object.fromEntries(left.map(([key, names]) => [key, names.length === 0 ? null : names])),
          })
          return { result: undefined }
        })
        return changeReply(change, outcome, {
          message: `Successfully deleted callback: ${name}`,
          removed_callback: name,
          deleted_at: new Date().toISOString(),
        })
      },
    }),
  ]
}

function declared(settings: JsonObject): readonly JsonObject[] {
  const types = new Map<string, string>()
  for (const name of namesIn(settings.success_callback)) types.set(name, 'success')
  for (const name of namesIn(settings.failure_callback)) {
    types.set(name, types.has(name) ? 'success_and_failure' : 'failure')
  }
  for (const name of namesIn(settings.callbacks)) types.set(name, 'success_and_failure')
  return Array.from(types, ([name, type]) => ({ name, type, variables: {}, active: false }))
}

function namesIn(value: JsonValue | undefined): readonly string[] {
  const list = typeof value === 'string' ? [value] : value
  return Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string') : []
}
