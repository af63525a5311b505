import type { Reply } from '../calls/reply.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { Role } from '../core/role.ts'
import type { DialectName } from '../core/wire.ts'
import type { HttpExchange } from '../lib/http-server/http-exchange.ts'
import type { Answers } from './idempotency.ts'
import type { RequestHead } from './request-head.ts'

/** One request at the wall, as a route's handler sees it. */
export interface Exchange {
  readonly id: string
  readonly startedAt: number
  readonly head: RequestHead
  /** What the `{…}` of the route's path matched, decoded; '' for a path without. */
  readonly pathParameter: string
  /** `undefined` only on routes that work without a configuration. */
  readonly snapshot: Snapshot | undefined
  /** `undefined` on public routes only. */
  readonly principal: Principal | undefined
  readonly http: HttpExchange
  readonly reply: Reply
  /** What was answered before to requests with an idempotency key. */
  readonly answers: Answers | undefined
  /**
   * The same request with the newest configuration and principal, after everything that was committed before is known here: what
   * a caller is refused for may just have been changed on another replica. Once at most, and before a call was made of it.
   * Rejects with `store_unavailable`, or with what now refuses the caller.
   */
  renew(): Promise<Exchange>
}

/** Who may call: anybody, any key, or these roles. Decided on the same route object that is then run. */
export type Access = 'public' | 'caller' | readonly Role[]

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

export interface Route {
  readonly method: Method
  /** Exact, or with one `{name}` that matches any non-empty text, slashes too. */
  readonly path: string
  readonly access: Access
  /** What roles are told that `access` does not name. */
  readonly denied?: (role: Role) => GatewayError
  /** The dialect in which errors are told; OpenAI's unless given. */
  readonly dialect?: DialectName
  /** Runs while nothing is loaded yet, too. */
  readonly withoutSnapshot?: boolean
  /** Answers on `exchange.reply`, or throws GatewayError before anything was sent. */
  handle(exchange: Exchange): Promise<void> | void
}

export interface Match {
  readonly route: Route
  readonly pathParameter: string
}

/** Finds routes by method and path. Paths are compared as sent: nothing is normalised, so nothing can be normalised twice. */
export class RouteTable {
  readonly #exact = new Map<string, Route[]>()
  readonly #patterns: { readonly prefix: string; readonly suffix: string; readonly route: Route }[] = []
  /** What was found last by its very path: requests of one kind come one after the other, and to compare a text is less than to hash it. */
  #last: Match | undefined

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const brace = route.path.indexOf('{')
      if (brace === -1) {
        const known = this.#exact.get(route.path)
        if (known === undefined) this.#exact.set(route.path, [route])
        else known.push(route)
        continue
      }
      const suffix = route.path.slice(route.path.indexOf('}') + 1)
      this.#patterns.push({ prefix: route.path.slice(0, brace), suffix, route })
    }
  }

  /** @returns the match; `other-method` when the path exists; `undefined` when it does not */
  find(method: string, path: string): Match | 'other-method' | undefined {
    const last = this.#last
    if (last?.route.path === path && last.route.method === method) return last
    const exact = this.#exact.get(path)
    if (exact !== undefined) {
      const route = exact.find((each) => each.method === method)
      if (route === undefined) return 'other-method'
      this.#last = { route, pathParameter: '' }
      return this.#last
    }
    let otherMethod = false
    for (const { prefix, suffix, route } of this.#patterns) {
      if (path.length <= prefix.length + suffix.length || !path.startsWith(prefix) || !path.endsWith(suffix)) continue
      const text = decoded(path.slice(prefix.length, path.length - suffix.length))
      if (text === undefined) continue
      if (route.method === method) return { route, pathParameter: text }
      otherMethod = true
    }
    return otherMethod ? 'other-method' : undefined
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
