import { z } from 'zod'
import type { ResourceDraft } from '../../../core/changes.ts'
import type { StoredResource } from '../../../core/store.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { namesOf, objectOf, textOf } from '../body-changes.ts'
import type { RecordPorts } from '../record-ports.ts'
import { detailed } from '../refusals.ts'
import { names } from '../wire-fields.ts'

/**
 * The older access groups (contract 3.5 a): a name in `model_info.access_groups` of deployments, which keys and teams list among
 * their models. A group is there while a stored deployment has its name; deployments of a file are the file's to tag.
 */

const tag = 'model access groups'
const readers = ['proxy_admin', 'proxy_admin_viewer'] as const
const chosen = { model_names: names, model_ids: names }

export function modelAccessGroupRoutes(ports: RecordPorts): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'POST',
      path: '/access_group/new',
      summary: 'Names a group of models',
      tag,
      roles: ['proxy_admin'],
      body: z.object({ access_group: z.string().trim().min(1), ...chosen }),
      async handle(call) {
        const { access_group: group, model_names: modelNames, model_ids: modelIds } = call.body
        const outcome = await ports.changes.resources(call.change, (draft) => {
          if (stored(draft).some((deployment) => groupsOf(deployment.spec).includes(group))) {
            throw detailed(
              409,
              `Access group '${group}' already exists. Use PUT /access_group/${group}/update to change it.`,
            )
          }
          return { result: retag(draft, group, members(draft, modelNames, modelIds)) }
        })
        return changeReply(call.change, outcome, groupReply(group, call.body, outcome.result))
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/access_group/list',
      summary: 'Lists the groups that deployments have',
      tag,
      roles: readers,
      handle({ exchange }) {
        const groups = groupsIn(exchange.snapshot)
        return {
          body: { access_groups: [...groups.keys()].sort().map((group) => infoOf(group, groups.get(group) ?? [])) },
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/access_group/{access_group}/info',
      summary: 'Shows the models of a group',
      tag,
      roles: readers,
      handle({ exchange, pathParameter: group }) {
        const models = groupsIn(exchange.snapshot).get(group)
        if (models === undefined) throw unknown(group)
        return { body: infoOf(group, models) }
      },
    }),
    adminRoute({
      method: 'PUT',
      path: '/access_group/{access_group}/update',
      summary: 'Says anew which models a group has',
      tag,
      roles: ['proxy_admin'],
      body: z.object(chosen),
      async handle(call) {
        const group = call.pathParameter
        const { model_names: modelNames, model_ids: modelIds } = call.body
        const outcome = await ports.changes.resources({ ...call.change, revocation: true }, (draft) => {
          if (!stored(draft).some((deployment) => groupsOf(deployment.spec).includes(group))) throw unknown(group)
          return { result: retag(draft, group, members(draft, modelNames, modelIds)) }
        })
        return changeReply(call.change, outcome, groupReply(group, call.body, outcome.result))
      },
    }),
    adminRoute({
      method: 'DELETE',
      path: '/access_group/{access_group}/delete',
      summary: 'Takes the name of a group from its models',
      tag,
      roles: ['proxy_admin'],
      async handle(call) {
        const group = call.pathParameter
        const outcome = await ports.changes.resources({ ...call.change, revocation: true }, (draft) => {
          const count = retag(draft, group, new Set())
          if (count === 0) throw unknown(group)
          return { result: count }
        })
        return changeReply(call.change, outcome, {
          access_group: group,
          models_updated: outcome.result,
          message: `Access group '${group}' deleted successfully`,
        })
      },
    }),
  ]
}

function stored(draft: ResourceDraft): readonly StoredResource[] {
  return draft.storedOf('deployment').filter((deployment) => !deployment.deleted)
}

function groupsOf(spec: JsonObject): readonly string[] {
  return namesOf(objectOf(spec.model_info).access_groups)
}

/** Ids of the deployments that are named, by public name or by id. @throws GatewayError (400) */
function members(
  draft: ResourceDraft,
  modelNames: readonly string[] | null | undefined,
  modelIds: readonly string[] | null | undefined,
): ReadonlySet<string> {
  const deployments = stored(draft)
  // The more precise of the two counts.
  if (modelIds && modelIds.length > 0) {
    const other = modelIds.find((id) => !deployments.some((deployment) => deployment.name === id))
    if (other !== undefined) throw detailed(400, `Deployment with model_id '${other}' not found in Database.`)
    return new Set(modelIds)
  }
  if (!modelNames || modelNames.length === 0)
    throw detailed(400, 'Either model_names or model_ids must be given, and not empty.')
  const other = modelNames.find((name) => !deployments.some(({ spec }) => spec.model_name === name))
  if (other !== undefined) {
    throw detailed(
      400,
      `Can't find model '${other}' in Database. Access group management is only supported for database models.`,
    )
  }
  const named = deployments.filter(({ spec }) => modelNames.includes(textOf(spec.model_name) ?? ''))
  return new Set(named.map((deployment) => deployment.name))
}

/** @returns how many deployments got the name or lost it */
function retag(draft: ResourceDraft, group: string, wanted: ReadonlySet<string>): number {
  let count = 0
  for (const { name, spec } of stored(draft)) {
    const groups = groupsOf(spec)
    if (groups.includes(group) === wanted.has(name)) continue
    const others = groups.filter((other) => other !== group)
    const changed = wanted.has(name) ? [...others, group] : others
    draft.put('deployment', name, { ...spec, model_info: { ...objectOf(spec.model_info), access_groups: changed } })
    count += 1
  }
  return count
}

type Snapshot = NonNullable<Parameters<DeclaredRoute['handle']>[0]['snapshot']>

/** Public names by group, one entry for each deployment, whatever declares it. */
function groupsIn(snapshot: Snapshot | undefined): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (const id of snapshot?.declared.names('deployment') ?? []) {
    const spec = snapshot?.declared.get('deployment', id)?.spec
    const model = textOf(spec?.model_name)
    if (spec === undefined || model === undefined) continue
    for (const group of groupsOf(spec)) {
      const known = groups.get(group)
      if (known === undefined) groups.set(group, [model])
      else known.push(model)
    }
  }
  return groups
}

function infoOf(group: string, models: readonly string[]): JsonObject {
  return { access_group: group, model_names: [...new Set(models)].sort(), deployment_count: models.length }
}

function groupReply(
  group: string,
  body: {
    readonly model_names?: readonly string[] | null | undefined
    readonly model_ids?: readonly string[] | null | undefined
  },
  count: number,
): JsonObject {
  return {
    access_group: group,
    model_names: body.model_names ?? null,
    model_ids: body.model_ids ?? null,
    models_updated: count,
  }
}

function unknown(group: string) {
  return detailed(404, `Access group '${group}' not found`)
}
