import type { Route } from './route.ts'

/**
 * LiteLLM's names for groups of routes, as `allowed_routes` of a key may hold them (contract 3.5). A group is decided on the
 * declared path of the route that will run, never on the text that was sent.
 */
const groups: Readonly<Record<string, (route: Route) => boolean>> = {
  openai_routes: isOpenAi,
  anthropic_routes: (route) => route.dialect?.startsWith('anthropic') === true,
  google_routes: isGoogle,
  llm_api_routes: (route) => isOpenAi(route) || route.dialect !== undefined || isGoogle(route),
  info_routes: (route) => infoRoutes.has(route.path),
  management_routes: (route) => startsWith(route, managementRoots),
  key_management_routes: (route) => startsWith(route, ['/key']),
  spend_tracking_routes: (route) => startsWith(route, ['/spend']),
  global_spend_tracking_routes: (route) => startsWith(route, ['/global']),
  public_routes: (route) => route.access === 'public',
}

const listings: ReadonlySet<string> = new Set(['/v1/models', '/models', '/v1/models/{model}', '/models/{model}'])

const infoRoutes: ReadonlySet<string> = new Set([
  '/key/info',
  '/v2/key/info',
  '/key/list',
  '/key/aliases',
  '/key/health',
  '/team/info',
  '/team/list',
  '/v2/team/list',
  '/team/available',
  '/organization/list',
  '/organization/info',
  '/user/info',
  '/v2/user/info',
  '/model/info',
  '/v1/model/info',
  '/v2/model/info',
  '/model_group/info',
  '/health',
  ...listings,
])

const managementRoots = [
  '/key',
  '/v2/key',
  '/user',
  '/v2/user',
  '/team',
  '/v2/team',
  '/organization',
  '/customer',
  '/end_user',
  '/budget',
  '/model',
  '/v1/model',
  '/v2/model',
  '/model_group',
  '/credentials',
  '/access_group',
  '/v1/access_group',
  '/tag',
  '/project',
  '/invitation',
]

function isOpenAi(route: Route): boolean {
  return route.dialect?.startsWith('openai') === true || listings.has(route.path)
}

export function isGoogle(route: Route): boolean {
  return startsWith(route, ['/v1beta', '/gemini', '/vertex_ai', '/vertex-ai'])
}

/** Whether the path is one of the roots or below it; `/model` is no root of `/models`. */
function startsWith(route: Route, roots: readonly string[]): boolean {
  return roots.some((root) => route.path === root || route.path.startsWith(`${root}/`))
}

const decided = new WeakMap<Route, ReadonlySet<string>>()

function groupsOf(route: Route): ReadonlySet<string> {
  const known = decided.get(route)
  if (known !== undefined) return known
  const names = Object.keys(groups).filter((name) => groups[name]?.(route) === true)
  const found = new Set(names)
  decided.set(route, found)
  return found
}

/**
 * Whether a key's `allowed_routes` name the route: its path, a path with a final `*`, or a group.
 * @param path as sent; the very text by which the route was found
 */
export function routeAllowed(allowed: readonly string[], route: Route, path: string): boolean {
  if (allowed.length === 0) return true
  for (const name of allowed) {
    if (name === path || name === route.path) return true
    if (name.endsWith('*') && path.startsWith(name.slice(0, -1))) return true
    if (groupsOf(route).has(name)) return true
  }
  return false
}
