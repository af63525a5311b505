import { dump } from 'js-yaml'
import { z } from 'zod'
import { GatewayError } from '../../../core/errors.ts'
import type { KindName } from '../../../core/resource.ts'
import type { StoredResource } from '../../../core/store.ts'
import { isObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { masked } from '../masking.ts'
import { objectOf } from '../models/row.ts'
import type { AdminPorts } from '../ports.ts'
import { putAliases } from './aliases.ts'
import { bad } from './refusals.ts'
import { putSettings, type Section, sections, storedSettings } from './stored-settings.ts'

/** The stored configuration in the form of a config.yaml, and back: backup, and the way from one installation to another. */

const tag = 'configuration'
const parts = ['models', 'credentials', 'settings'] as const
type Part = (typeof parts)[number]

const exportQuery = z.object({
  include: z.string().optional(),
  format: z.enum(['json', 'yaml']).default('json'),
  redact_secrets: z.enum(['true', 'false', 'True', 'False']).default('true'),
  limit: z.coerce.number().int().min(1).max(5000).default(1000),
})
const importBody = z.object({
  data: z.looseObject({}),
  conflict: z.enum(['skip', 'replace', 'merge']).default('skip'),
  dry_run: z.boolean().default(false),
})

export function transferRoutes({ changes, store }: Pick<AdminPorts, 'changes' | 'store'>): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/config/export',
      summary: 'What is stored by API, as a config.yaml would declare it; secrets are masked unless asked for',
      tag,
      roles: ['proxy_admin'],
      query: exportQuery,
      async handle({ query, exchange }) {
        const included = partsIn(query.include)
        const redact = query.redact_secrets.toLowerCase() === 'true'
        const { resources, head } = await store.readResources(0)
        const config = exported(resources, included, query.limit, redact)
        if (query.format === 'json')
          return { body: { version: 1, revision: head.revision, redacted: redact, data: config } }
        exchange.reply.send(200, ['content-type', 'application/yaml', 'x-litellm-call-id', exchange.id], dump(config))
        return 'sent'
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/config/import',
      summary: 'Stores what an export holds, in one change: all of it or nothing',
      tag,
      roles: ['proxy_admin'],
      body: importBody,
      async handle({ body, sent, change: options }) {
        const change = body.dry_run ? { ...options, dryRun: true } : options
        const data = objectOf(sent.data)
        const outcome = await changes.resources(change, (draft) => {
          const counts = { created: 0, replaced: 0, merged: 0, skipped: 0 }
          const lists = [
            ['credential', 'credential_list', nameOfCredential],
            ['deployment', 'model_list', idOfModel],
          ] as const
          for (const [kind, key, nameOf] of lists) {
            for (const spec of entriesOf(data[key], key)) {
              const name = nameOf(spec)
              const known = draft.stored(kind, name)
              const before = known === undefined || known.deleted ? undefined : known.spec
              if (before === undefined) {
                draft.put(kind, name, asStored(kind, name, spec))
                counts.created += 1
              } else if (body.conflict === 'skip') counts.skipped += 1
              else {
                const merge = body.conflict === 'merge'
                draft.put(kind, name, asStored(kind, name, merge ? mergedEntry(before, spec) : spec))
                counts[merge ? 'merged' : 'replaced'] += 1
              }
            }
          }
          const settings = Object.fromEntries(sections.map((section) => [section, objectOf(data[section])]))
          importSettings(draft, settings, body.conflict, counts)
          return { result: counts }
        })
        return changeReply(change, outcome, { success: true, ...outcome.result })
      },
    }),
  ]
}

function partsIn(include: string | undefined): ReadonlySet<Part> {
  if (include === undefined || include === '') return new Set(parts)
  const names = include.split(',').map((name) => name.trim())
  const known = parts.filter((part) => names.includes(part))
  if (known.length < names.length) throw bad(`include takes ${parts.join(', ')}`)
  return new Set(known)
}

function exported(
  resources: readonly StoredResource[],
  included: ReadonlySet<Part>,
  limit: number,
  redact: boolean,
): JsonObject {
  const shown = (value: JsonObject): JsonObject => (redact ? masked(value) : value)
  const of = (kind: KindName) => resources.filter((stored) => stored.kind === kind && !stored.deleted)
  const settings = of('settings')[0]?.spec ?? {}
  const aliases = of('alias').filter(({ spec }) => spec.first !== true)
  return {
    ...(included.has('models')
      ? {
          model_list: of('deployment')
            .slice(0, limit)
            .map(({ spec }) => shown(spec)),
        }
      : {}),
    ...(included.has('credentials')
      ? {
          credential_list: of('credential')
            .slice(0, limit)
            .map(({ spec }) => shown(spec)),
        }
      : {}),
    ...(included.has('settings')
      ? {
          ...Object.fromEntries(
            sections
              .filter((section) => isObject(settings[section]))
              .map((section) => [section, shown({ [section]: settings[section] })[section]]),
          ),
          ...(aliases.length === 0
            ? {}
            : {
                router_settings: {
                  ...shown(objectOf(settings.router_settings)),
                  model_group_alias: Object.fromEntries(aliases.map(({ name, spec }) => [name, spec])),
                },
              }),
        }
      : {}),
  }
}

function entriesOf(value: JsonValue | undefined, key: string): readonly JsonObject[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.every(isObject)) return value
  throw bad(`data.${key} must be a list of mappings`)
}

function nameOfCredential({ credential_name: name }: JsonObject): string {
  if (typeof name === 'string' && name !== '') return name
  throw bad('every credential needs a credential_name')
}

function idOfModel(spec: JsonObject): string {
  const { id } = objectOf(spec.model_info)
  if (typeof id === 'string' && id !== '') return id
  throw bad('every model needs model_info.id, so that importing it twice is importing it once')
}

/** Masked values are no values: an export that hides its secrets can be imported only over what has them. */
function asStored(kind: KindName, name: string, spec: JsonObject): JsonObject {
  const masks = JSON.stringify(spec).includes('****')
  if (!masks) return spec
  throw new GatewayError('bad_request', `${kind} ${name} holds masked values`, {
    detail: {
      error: `${kind} ${name} holds masked values (****). Export with redact_secrets=false, or put the secrets in.`,
    },
  })
}

function mergedEntry(before: JsonObject, sent: JsonObject): JsonObject {
  const after: Record<string, JsonValue | undefined> = { ...before }
  const shown = masked(before)
  for (const [key, value] of Object.entries(sent)) {
    const own = before[key]
    if (JSON.stringify(value) === JSON.stringify(shown[key])) continue
    after[key] = isObject(own) && isObject(value) ? mergedEntry(own, value) : value
  }
  return after
}

function importSettings(
  draft: Parameters<typeof putSettings>[0],
  settings: { readonly [key: string]: JsonObject },
  conflict: 'skip' | 'replace' | 'merge',
  counts: { created: number; replaced: number; merged: number; skipped: number },
): void {
  const stored = storedSettings(draft)
  const patch: { [Name in Section]?: JsonObject } = {}
  const rest = putAliases(draft, settings)
  for (const section of sections) {
    const entries = Object.entries(objectOf(rest[section])).filter(([key]) => {
      const known = objectOf(stored[section])[key] !== undefined
      if (known && conflict === 'skip') counts.skipped += 1
      else if (known) counts[conflict === 'merge' ? 'merged' : 'replaced'] += 1
      else counts.created += 1
      return !known || conflict !== 'skip'
    })
    patch[section] = Object.fromEntries(entries)
  }
  if (JSON.stringify(patch).includes('****')) throw bad('the settings hold masked values (****)')
  putSettings(draft, patch)
}
