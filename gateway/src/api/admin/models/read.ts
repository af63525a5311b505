import { z } from 'zod'
import type { Snapshot } from '../../../config/snapshot.ts'
import type { Deployment } from '../../../core/deployment.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { Principal } from '../../../core/principal.ts'
import { roles } from '../../../core/role.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { openRoute } from '../../open-route.ts'
import { sendJson } from '../../send-json.ts'
import { mapPaced } from '../paced.ts'
import type { AdminPorts } from '../ports.ts'
import { storeSource } from '../settings/stored-settings.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { page, pageSize } from '../wire-fields.ts'
import { groupInfo } from './group-info.ts'
import { shownInfo, shownModel } from './info.ts'
import { supportedParameters } from './parameters.ts'
import { objectOf, textOf } from './row.ts'
import { publicNameIn } from './teams.ts'
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

/** Sees every model; what is public is decided by the list of public names. */
const operator: Principal = {
  role: 'proxy_admin',
  userId: '',
  key: undefined,
  user: undefined,
  team: undefined,
  member: undefined,
  organization: undefined,
}

export function modelReadRoutes({ calls }: Pick<AdminPorts, 'calls'>): readonly DeclaredRoute[] {
  const show = (snapshot: Snapshot, deployment: Deployment): JsonObject =>
    shownModel(snapshot, deployment, supportedParameters(deployment, calls.dialect))

  async function info({
    exchange,
    principal,
    query,
  }: AdminCall<unknown, z.output<typeof oneOrAll>>): Promise<AdminReply> {
    const snapshot = snapshotOf(exchange)
    const id = query.litellm_model_id
    if (id === undefined) {
      const data = await mapPaced(visibleDeployments(snapshot, principal), (deployment) => show(snapshot, deployment))
      return { body: { data } }
    }
    const deployment = snapshot.deployments.get(id)
    if (deployment === undefined || !maySee(snapshot, deployment, principal)) throw unknownId(id)
    return { body: { data: [show(snapshot, deployment)] } }
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
      async handle({ exchange, principal, query }) {
        const snapshot = snapshotOf(exchange)
        const wanted = visibleDeployments(snapshot, principal).filter((deployment) =>
          matches(deployment, snapshot, query),
        )
        const found = await sorted(wanted, snapshot, query.sortBy, query.sortOrder === 'desc')
        const start = (query.page - 1) * query.size
        return {
          body: {
            data: found.slice(start, start + query.size).map((deployment) => show(snapshot, deployment)),
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
      async handle({ exchange, principal, query }) {
        const snapshot = snapshotOf(exchange)
        return { body: { data: await groups(snapshot, principal, query.model_group) } }
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
        const supported = visible.flatMap((deployment) => supportedParameters(deployment, calls.dialect))
        return { body: { supported_openai_params: [...new Set(supported)] } }
      },
    }),
    openRoute({
      method: 'GET',
      path: '/public/model_hub',
      access: 'public',
      summary: 'The models that are marked as public, as /model_group/info shows them',
      tag: 'model management',
      async handle(exchange) {
        const snapshot = snapshotOf(exchange)
        const shown = new Set(snapshot.settings.publicModelGroups)
        const all = shown.size === 0 ? [] : await groups(snapshot, operator, undefined)
        sendJson(
          exchange,
          200,
          all.filter(({ model_group: name }) => typeof name === 'string' && shown.has(name)),
        )
      },
    }),
  ]

  function groups(snapshot: Snapshot, principal: Principal, only: string | undefined): Promise<readonly JsonObject[]> {
    const members = new Map<string, Deployment[]>()
    for (const deployment of visibleDeployments(snapshot, principal)) {
      const name = publicNameIn(deployment.info) || deployment.modelName
      const list = members.get(name)
      if (list === undefined) members.set(name, [deployment])
      else list.push(deployment)
    }
    const published = new Set(snapshot.settings.publicModelGroups)
    // An alias is a public name like others.
    const aliased = only === undefined || members.has(only) ? undefined : snapshot.models.resolve(only)?.group
    if (only !== undefined && aliased !== undefined) {
      members.set(
        only,
        aliased.deployments.filter((deployment) => maySee(snapshot, deployment, principal)),
      )
    }
    const chosen = [...members].filter(([name, list]) => (only === undefined || name === only) && list.length > 0)
    return mapPaced(chosen, ([name, list]) =>
      groupInfo(
        name,
        list.map((deployment) => ({
          deployment,
          info: shownInfo(snapshot, deployment.id),
          supported: supportedParameters(deployment, calls.dialect),
        })),
        published.has(name),
      ),
    )
  }
}

function unknownId(id: string): GatewayError {
  const message = `Model id = ${id} not found on litellm proxy`
  return new GatewayError('bad_request', message, { detail: { error: message } })
}

function matches(deployment: Deployment, snapshot: Snapshot, query: z.output<typeof pages>): boolean {
  const { id, info, modelName, teamId } = deployment
  const name = publicNameIn(info) || modelName
  if (query.model !== undefined && modelName !== query.model && name !== query.model) return false
  if (query.modelId !== undefined && id !== query.modelId) return false
  if (query.teamId !== undefined && teamId !== query.teamId) return false
  if (query.search === undefined || query.search === '') return true
  const sought = query.search.toLowerCase()
  const declared = objectOf(snapshot.declared.get('deployment', id)?.spec.litellm_params)
  return [name, modelName, textOf(declared.model)].some((text) => text.toLowerCase().includes(sought))
}

/** Deployments whose keys are the same stay in the order in which they are declared. */
async function sorted(
  deployments: readonly Deployment[],
  snapshot: Snapshot,
  by: string | undefined,
  descending: boolean,
): Promise<readonly Deployment[]> {
  if (by === undefined) return deployments
  const sign = descending ? -1 : 1
  const keyed = await mapPaced(deployments, (deployment) => ({ deployment, key: sortKey(deployment, snapshot, by) }))
  return keyed
    .sort((left, right) => (left.key < right.key ? -sign : left.key > right.key ? sign : 0))
    .map(({ deployment }) => deployment)
}

function sortKey(deployment: Deployment, snapshot: Snapshot, by: string): string | number {
  if (by === 'model_name') return (publicNameIn(deployment.info) || deployment.modelName).toLowerCase()
  if (by === 'status') return snapshot.declared.get('deployment', deployment.id)?.source === storeSource ? 1 : 0
  if (by !== 'costs') return textOf(deployment.info[by])
  const info = shownInfo(snapshot, deployment.id)
  return Number(info.input_cost_per_token ?? 0) + Number(info.output_cost_per_token ?? 0)
}

function providersInUse(snapshot: Snapshot): readonly JsonObject[] {
  const counts = new Map<string, number>()
  for (const { provider } of snapshot.deployments.values()) counts.set(provider, (counts.get(provider) ?? 0) + 1)
  return Array.from(counts, ([name, deployments]) => ({ name, deployments }))
}
