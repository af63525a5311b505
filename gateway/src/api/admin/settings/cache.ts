import { GatewayError } from '../../../core/errors.ts'
import { roles } from '../../../core/role.ts'
import { adminRoute, type DeclaredRoute } from '../../admin-route.ts'

/** Answers are not cached by this version; whoever asks is told so, in LiteLLM's forms. */
export function cacheRoutes(): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/cache/settings',
      summary: 'The settings of the response cache: there is none',
      tag: 'caching',
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      handle: () => ({ body: { fields: [], current_values: {}, redis_type_descriptions: {} } }),
    }),
    adminRoute({
      method: 'GET',
      path: '/cache/ping',
      summary: 'Whether the response cache answers: there is none',
      tag: 'caching',
      roles: [...roles],
      handle() {
        const message = 'Cache not initialized. This version does not cache answers.'
        throw new GatewayError('not_ready', message, { detail: message })
      },
    }),
  ]
}
