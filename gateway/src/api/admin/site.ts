import type { JsonObject } from '../../lib/json.ts'
import { version } from '../../lib/version.ts'
import type { DeclaredRoute } from '../admin-route.ts'
import { openRoute } from '../open-route.ts'
import { type DescribedRoute, openApiDocument } from '../openapi.ts'
import type { Exchange } from '../route.ts'
import { sendJson } from '../send-json.ts'

/**
 * What tells about the routes themselves.
 * @param all every route of the process, these included; asked when somebody wants to know
 */
export function siteRoutes(all: () => readonly DescribedRoute[]): readonly DeclaredRoute[] {
  let document: JsonObject | undefined
  const noCallbacks = (exchange: Exchange): void =>
    sendJson(exchange, 200, {
      alerting: null,
      'litellm.callbacks': [],
      'litellm.success_callback': [],
      'litellm.failure_callback': [],
      num_callbacks: 0,
      num_alerting: 0,
    })
  const open = (
    path: string,
    access: 'public' | 'caller',
    tag: string,
    summary: string,
    handle: (exchange: Exchange) => void,
  ): DeclaredRoute =>
    openRoute({ method: 'GET', path, access, tag, summary, withoutSnapshot: access === 'public', handle })

  return [
    open('/openapi.json', 'public', 'reference', 'This document', (exchange) => {
      document ??= openApiDocument(all())
      sendJson(exchange, 200, document)
    }),
    open('/routes', 'public', 'reference', 'Every route with its methods', (exchange) =>
      sendJson(exchange, 200, { routes: routeList(all()) }),
    ),
    open('/', 'public', 'health', 'What answers here; load balancers ask for it', (exchange) =>
      sendJson(exchange, 200, { name: 'Midflight', version, openapi: '/openapi.json', health: '/health/readiness' }),
    ),
    open('/test', 'public', 'health', 'Whether requests arrive', (exchange) =>
      sendJson(exchange, 200, { route: exchange.head.path }),
    ),
    open('/config/yaml', 'public', 'configuration', 'A placeholder, as LiteLLM answers it', (exchange) =>
      sendJson(exchange, 200, { hello: 'world' }),
    ),
    ...['/active/callbacks', '/settings'].map((path) =>
      open(path, 'caller', 'callbacks', 'The callbacks to which calls are reported: none', noCallbacks),
    ),
  ]
}

function routeList(routes: readonly DescribedRoute[]): readonly JsonObject[] {
  const methods = new Map<string, string[]>()
  for (const { method, path } of routes) {
    const list = methods.get(path)
    if (list === undefined) methods.set(path, [method])
    else list.push(method)
  }
  return Array.from(methods, ([path, list]) => ({ path, methods: list, name: path, endpoint: path }))
}
