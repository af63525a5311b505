import { accessGroupsOf, aliased, modelRefusal } from '../../calls/access.ts'
import type { Snapshot } from '../../config/snapshot.ts'
import { allowListOf } from '../../core/allow-list.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Principal, Team } from '../../core/principal.ts'
import type { RouterSettings } from '../../core/settings.ts'
import type { Directory } from '../../directory/directory.ts'
import type { Exchange, Route } from '../route.ts'
import { sendJson } from '../send-json.ts'
import { knownByWildcard } from './wildcard-models.ts'

/** LiteLLM's constants for what it does not know of a model (contract 2.4). */
const created = 1677610602
const ownedBy = 'openai'

/** Where teams are looked up for `?team_id=`. */
type Teams = Pick<Directory, 'find'>

export function modelRoutes(teams?: Teams): readonly Route[] {
  const list = (path: string): Route => ({
    method: 'GET',
    path,
    access: 'caller',
    handle: (exchange) => listModels(exchange, teams),
  })
  const one = (path: string): Route => ({ method: 'GET', path, access: 'caller', handle: showModel })
  return [list('/v1/models'), list('/models'), one('/v1/models/{model}'), one('/models/{model}')]
}

async function listModels(exchange: Exchange, teams: Teams | undefined): Promise<void> {
  const { snapshot } = exchange
  const query = new URLSearchParams(exchange.head.query)
  const fallbacksOf = readFallbacks(query, snapshot?.settings.router)
  const principal = await listedFor(exchange.principal, query, teams)
  const names = snapshot === undefined ? [] : listed(snapshot, principal, query)
  const data = names.map((name) =>
    fallbacksOf === undefined
      ? modelObject(name)
      : { ...modelObject(name), metadata: { fallbacks: fallbacksOf.get(name) ?? [] } },
  )
  sendJson(exchange, 200, { data, object: 'list' })
}

async function showModel(exchange: Exchange): Promise<void> {
  const name = exchange.pathParameter
  // It may have been created on another replica a moment ago.
  if (!maySee(exchange, name) && !maySee(await newest(exchange), name)) {
    throw new GatewayError('route_not_found', `The model '${name}' does not exist. See \`GET /v1/models\`.`, {
      param: 'model',
    })
  }
  sendJson(exchange, 200, modelObject(name))
}

async function newest(exchange: Exchange): Promise<Exchange> {
  try {
    return await exchange.renew()
  } catch (caught) {
    if (caught instanceof GatewayError && caught.code === 'store_unavailable') return exchange
    throw caught
  }
}

function maySee({ snapshot, principal }: Exchange, name: string): boolean {
  if (snapshot === undefined || principal === undefined) return false
  return (
    snapshot.models.resolve(aliased(principal, name)) !== undefined && mayList(snapshot, withoutUser(principal), name)
  )
}

function listed(snapshot: Snapshot, principal: Principal | undefined, query: URLSearchParams): readonly string[] {
  const patterns = isSet(query, 'return_wildcard_routes')
  const may = (name: string): boolean => principal === undefined || mayList(snapshot, principal, name)
  const own = ownNames(snapshot, principal?.team)
  const declared = [...snapshot.models.names.filter((name) => !own.inner.has(name)), ...own.shown]
  const names = [...new Set([...declared, ...knownByWildcard(snapshot)])].filter(
    (name) => (patterns || !name.includes('*')) && may(name),
  )
  const onlyGroups = isSet(query, 'only_model_access_groups')
  if (!onlyGroups && !isSet(query, 'include_model_access_groups')) return names
  const groups = groupsOf(snapshot, principal, names)
  return onlyGroups ? groups : [...names, ...groups.filter((group) => !names.includes(group))]
}

/** A team's own models have inner names, to which aliases of the team lead; its callers ask for these. */
function ownNames(
  snapshot: Snapshot,
  team: Team | undefined,
): { readonly shown: readonly string[]; readonly inner: ReadonlySet<string> } {
  const aliases = Object.entries(team?.modelAliases ?? {}).filter(([alias, name]) => {
    const group = snapshot.models.resolve(name)?.group
    return group?.teamId !== undefined && group.teamId === team?.id && alias !== name
  })
  return { shown: aliases.map(([alias]) => alias), inner: new Set(aliases.map(([, name]) => name)) }
}

function mayList(snapshot: Snapshot, principal: Principal, name: string): boolean {
  return modelRefusal(principal, undefined, snapshot, name) === undefined
}

/** The access groups of the models; of a caller with lists, those that a list names. */
function groupsOf(snapshot: Snapshot, principal: Principal | undefined, names: readonly string[]): readonly string[] {
  const found = new Set<string>()
  for (const name of names) {
    const group = snapshot.models.resolve(name)?.group
    if (group !== undefined) for (const access of accessGroupsOf(group)) found.add(access)
  }
  const lists = [principal?.key?.models, principal?.team?.models].filter((models) => models !== undefined)
  const named = lists.map(allowListOf).filter(({ all, asTeam }) => !all && !asTeam)
  return [...found].filter((group) => named.every((list) => list.allows(group, [])))
}

/**
 * Whose lists count; `undefined`: nobody's, all models are listed. A user's list does not scope what is shown (contract 2.4).
 * @throws GatewayError for another `scope` than `expand`, and for a team that is not the caller's
 */
async function listedFor(
  principal: Principal | undefined,
  query: URLSearchParams,
  teams: Teams | undefined,
): Promise<Principal | undefined> {
  const scope = query.get('scope')
  if (scope !== null && scope !== 'expand') {
    throw refusedParameter('scope', `Invalid scope parameter. Only 'expand' is currently supported. Received: ${scope}`)
  }
  if (principal === undefined || (scope === 'expand' && isSomeAdmin(principal))) return undefined
  const teamId = query.get('team_id')
  if (teamId === null || teamId === '' || teamId === principal.team?.id) return withoutUser(principal)
  const team = await teams?.find('team', teamId)
  if (team === undefined || !belongsTo(team, principal)) {
    throw new GatewayError('permission_denied', `User not allowed to access team. Team=${teamId}`, { param: 'team_id' })
  }
  // As one of the team's own keys without a list would see it. An administrator without a key has no lists to begin with.
  const { key } = principal
  return { ...withoutUser(principal), team, ...(key === undefined ? { key: keyOfTeam(team) } : {}) }
}

function withoutUser(principal: Principal): Principal {
  return principal.user === undefined ? principal : { ...principal, user: undefined }
}

function isSomeAdmin({ role, team, userId }: Principal): boolean {
  return role === 'proxy_admin' || role === 'org_admin' || (team !== undefined && isTeamAdmin(team, userId))
}

function isTeamAdmin(team: Team, userId: string): boolean {
  return userId !== '' && team.members.some((member) => member.userId === userId && member.role === 'admin')
}

function belongsTo(team: Team, { role, userId }: Principal): boolean {
  if (role === 'proxy_admin' || role === 'proxy_admin_viewer') return true
  return userId !== '' && team.members.some((member) => member.userId === userId)
}

/** A key that allows whatever its team does. */
function keyOfTeam(team: Team): NonNullable<Principal['key']> {
  return {
    id: '',
    alias: '',
    blocked: false,
    models: [],
    limits: team.limits,
    metadata: {},
    rest: {},
    shownAs: '',
    expiresAt: undefined,
    allowedRoutes: [],
    aliases: {},
    userId: undefined,
    teamId: team.id,
    organizationId: undefined,
    tags: [],
    neededParameters: [],
    isServiceAccount: false,
  }
}

/** @returns by model; `undefined` when nobody asked for metadata. @throws GatewayError for a type that is none */
function readFallbacks(
  query: URLSearchParams,
  router: RouterSettings | undefined,
): ReadonlyMap<string, readonly string[]> | undefined {
  const type = query.get('fallback_type') ?? 'general'
  if (!Object.hasOwn(fallbackLists, type)) {
    const types = Object.keys(fallbackLists).map((name) => `'${name}'`)
    throw refusedParameter('fallback_type', `Invalid fallback_type. Must be one of: [${types.join(', ')}]`)
  }
  if (!isSet(query, 'include_metadata')) return undefined
  // Its own name was looked for just above.
  const list = fallbackLists[type as keyof typeof fallbackLists]
  return router === undefined ? new Map() : list(router)
}

const fallbackLists = {
  general: (router: RouterSettings) => router.fallbacks,
  context_window: (router: RouterSettings) => router.contextWindowFallbacks,
  content_policy: (router: RouterSettings) => router.contentPolicyFallbacks,
}

function refusedParameter(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param, detail: message })
}

function isSet(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)?.toLowerCase()
  return value === 'true' || value === '1'
}

function modelObject(id: string) {
  return { id, object: 'model', created, owned_by: ownedBy }
}
