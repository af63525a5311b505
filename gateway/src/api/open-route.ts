import type { z } from 'zod'
import { roles } from '../core/role.ts'
import type { DeclaredRoute } from './admin-route.ts'
import type { Exchange, Method } from './route.ts'

/** A route that takes no body and asks for no role: for everybody, or for every key. Declared like a management route, for the reference. */
export function openRoute(route: {
  readonly method: Method
  readonly path: string
  readonly access: 'public' | 'caller'
  readonly summary: string
  readonly tag: string
  readonly query?: z.ZodType
  readonly reply?: z.ZodType
  readonly withoutSnapshot?: boolean
  handle(exchange: Exchange): Promise<void> | void
}): DeclaredRoute {
  return {
    method: route.method,
    path: route.path,
    access: route.access,
    ...(route.withoutSnapshot === undefined ? {} : { withoutSnapshot: route.withoutSnapshot }),
    declared: { ...route, roles: route.access === 'public' ? [] : [...roles] },
    handle: route.handle,
  }
}
