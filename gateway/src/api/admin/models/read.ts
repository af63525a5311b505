import { z } from 'zod'
import type { Snapshot } from '../../../config/snapshot.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Principal } from '../../../core/principal.ts'
import { roles } from '../../../core/role.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { namesOf } from '../body-changes.ts'
import type { AdminParts } from '../parts.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { page, pageSize } from '../wire-fields.ts'
import { groupInfo } from './group-info.ts'
import { shownInfo, shownModel } from './info.ts'
import { supportedParameters } from './parameters.ts'
import { objectOf, textOf } from './row.ts'
import { maySee, visibleDeployments } from './visible.ts'

const tag = 'model management'
const everyRole = [...roles]

const oneOrAll = z.object({ litellm_model_id: z.string().optional() })
const pages = z.object({
  page,
  size: pageSize(50, 1000),
  model: z.string().optional(),
  search: z.string().optional(),
  modelId: z.string().optional(),
  teamId: z.string().optional(),
  sortBy: z.enum(['model_name', 'created_at', 'updated_at', 'costs', 'status']).optional(),
  sortOrder: z.enum(['asc', 'desc']).optional(),
  user_models_only: z.string().optional(),
  include_team_models: z.string().optional(),
  debug: z.string().optional(),
})
const modelList = z.object({
  data: z.array(
    z.object({
      model_name: z.string(),
      litellm_params: z.looseObject({}),
      model_info: z.looseObject({ id: z.string() }),
    }),
  ),
})

export function modelReadRoutes({ tools }: Pick<AdminParts, 'tools'>): readonly DeclaredRoute[] {
  const listOf = (snapshot: Snapshot, principal: Principal): JsonObject[] =>
    visibleDeployments(snapshot, principal).map((deployment) =>
      shownModel(snapshot, deployment, supportedParameters(deployment, tools.dialect)),
    )

  function info({ exchange, principal, query }: AdminCall<unknown, z.output<typeof oneOrAll>>): AdminReply {
    const snapshot = snapshotOf(exchange)
    const id = query.litellm_model_id
    if (id === undefined) return { body: { data: listOf(snapshot, principal) } }
    const deployment = snapshot.deployments.get(id)
    if (deployment === undefined || !maySee(snapshot, deployment, principal)) throw unknownId(id)
    return { body: { data: [shownModel(snapshot, deployment, supportedParameters(deployment, tools.dialect))] } }
  }

  return [
    ...['/model/info', '/v1/model/info'].map((path) =>
      adminRoute({
        method: 'GET',
        path,
        summary: 'Every deployment that the caller may see, secrets masked',
        tag,
        roles: everyRole,
        query: oneOrAll,
        reply: modelList,
        handle: info,
      }),
    ),
    adminRoute({
      method: 'GET',
      path: '/v2/model/info',
      summary: 'The same in pages, searched and sorted',
      tag,
      roles: everyRole,
      query: pages,
      handle({ exchange, principal, query }) {
        const found = sorted(
          listOf(snapshotOf(exchange), principal).filter((model) => matches(model, query)),
          query.sortBy,
          query.sortOrder === 'desc',
        )
        const start = (query.page - 1) * query.size
        return {
          body: {
            data: found.slice(start, start + query.size),
            total_count: found.length,
            current_page: query.page,
            total_pages: Math.ceil(found.length / query.size),
            size: query.size,
          },
        }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/model_group/info',
      summary: 'Every public model: providers, limits, costs and abilities over its deployments',
      tag,
      roles: everyRole,
      query: z.object({ model_group: z.string().optional() }),
      handle({ exchange, principal, query }) {
        const snapshot = snapshotOf(exchange)
        return { body: { data: groups(snapshot, principal, query.model_group) } }
      },
    }),
    adminRoute({
      method: 'GET',
      path: '/model/settings',
      summary: 'The providers in use, and how many deployments each serves',
      tag,
      roles: everyRole,
      handle: ({ exchange }) => ({ body: providersInUse(snapshotOf(exchange)) }),
    }),
    adminRoute({
      method: 'GET',
      path: '/utils/supported_openai_params',
      summary: "OpenAI's parameters that reach a model's provider",
      tag: 'utilities',
      roles: everyRole,
      query: z.object({ model: z.string() }),
      handle({ exchange, query, principal }) {
        const snapshot = snapshotOf(exchange)
        const visible = snapshot.models
          .resolve(query.model)
          ?.group.deployments.filter((deployment) => maySee(snapshot, deployment, principal))
        if (visible === undefined || visible.length === 0) {
          throw new GatewayError('bad_request', `Could not map model=${query.model}`, {
            detail: { error: `Could not map model=${query.model}` },
          })
        }
        const supported = visible.flatMap((deployment) => supportedParameters(deployment, tools.dialect))
        return { body: { supported_openai_params: [...new Set(supported)] } }
      },
    }),
  ]

  function groups(snapshot: Snapshot, principal: Principal, only: string | undefined): readonly JsonObject[] {
    const members = new Map<string, ReturnType<typeof visibleDeployments>[number][]>()
    for (const deployment of visibleDeployments(snapshot, principal)) {
      const name = textOf(deployment.info.team_public_model_name) || deployment.modelName
      const list = members.get(name)
      if (list === undefined) members.set(name, [deployment])
      else list.push(deployment)
    }
    const published = new Set(publicGroups(snapshot))
    // An alias is a public name like others.
    const aliased = only === undefined || members.has(only) ? undefined : snapshot.models.resolve(only)?.group
    if (only !== undefined && aliased !== undefined) {
      members.set(
        only,
        aliased.deployments.filter((deployment) => maySee(snapshot, deployment, principal)),
      )
    }
    return [...members]
      .filter(([name, list]) => (only === undefined || name === only) && list.length > 0)
      .map(([name, list]) =>
        groupInfo(
          name,
          list.map((deployment) => ({
            deployment,
            info: shownInfo(snapshot, deployment.id),
            supported: supportedParameters(deployment, tools.dialect),
          })),
          published.has(name),
        ),
      )
  }
}

/** `litellm_settings.public_model_groups` */
export function publicGroups(snapshot: Snapshot): readonly string[] {
  const settings = snapshot.declared.get('settings', 'gateway')?.spec
  return namesOf(objectOf(settings?.litellm_settings).public_model_groups)
}

function unknownId(id: string): GatewayError {
  const message = `Model id = ${id} not found on litellm proxy`
  return new GatewayError('bad_request', message, { detail: { error: message } })
}

function matches(model: JsonObject, query: z.output<typeof pages>): boolean {
  const info = objectOf(model.model_info)
  const name = textOf(info.team_public_model_name) || textOf(model.model_name)
  if (query.model !== undefined && model.model_name !== query.model && name !== query.model) return false
  if (query.modelId !== undefined && info.id !== query.modelId) return false
  if (query.teamId !== undefined && info.team_id !== query.teamId) return false
  if (query.search === undefined || query.search === '') return true
  const sought = query.search.toLowerCase()
  return [name, textOf(model.model_name), textOf(objectOf(model.litellm_params).model)].some((text) =>
    text.toLowerCase().includes(sought),
  )
}

function sorted(models: JsonObject[], by: string | undefined, descending: boolean): JsonObject[] {
  if (by === undefined) return models
  const keyOf = (model: JsonObject): string | number => {
    const info = objectOf(model.model_info)
    if (by === 'model_name') return textOf(model.model_name).toLowerCase()
    if (by === 'costs') return Number(info.input_cost_per_token ?? 0) + Number(info.output_cost_per_token ?? 0)
    if (by === 'status') return info.db_model === true ? 1 : 0
    return textOf(info[by])
  }
  const sign = descending ? -1 : 1
  return models
    .map((model) => ({ model, key: keyOf(model) }))
    .sort((left, right) => (left.key < right.key ? -sign : left.key > right.key ? sign : 0))
    .map(({ model }) => model)
}

function providersInUse(snapshot: Snapshot): readonly JsonObject[] {
  const counts = new Map<string, number>()
  for (const { provider } of snapshot.deployments.values()) counts.set(provider, (counts.get(provider) ?? 0) + 1)
  return Array.from(counts, ([name, deployments]) => ({ name, deployments }))
}
