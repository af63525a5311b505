import type { z } from 'zod'
import type { ChangeOptions } from '../core/change.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { Role } from '../core/role.ts'
import { deepestLevel, type JsonObject } from '../lib/json.ts'
import { readChangeOptions } from './change-options.ts'
import { parseLeniently } from './lenient.ts'
import { readBody } from './read-body.ts'
import type { Exchange, Method, Route } from './route.ts'
import { sendJson } from './send-json.ts'
import { unknownFields } from './unknown-fields.ts'
import { type Invalid, invalidFields, sendInvalid } from './validation.ts'

/** One call of a management route, read and checked. */
export interface AdminCall<Body, Query> {
  readonly body: Body
  /** The body as it came: an absent field and `null` differ (contract 3.3). `{}` where there is none. */
  readonly sent: JsonObject
  readonly query: Query
  /** What the `{…}` of the path matched. */
  readonly pathParameter: string
  readonly principal: Principal
  /** Of routes that change something: who, `If-Match`, `dry_run`, `wait`. */
  readonly change: ChangeOptions
  readonly exchange: Exchange
}

export interface AdminReply {
  /** Default 200. */
  readonly status?: number
  readonly body: unknown
  /** name, value, name, value … */
  readonly head?: readonly string[]
}

/**
 * A management route. From the one declaration come the check of role, body and query, the OpenAPI operation, and the row in the
 * generated test of every route and role.
 */
export interface AdminRoute<Body extends z.ZodType, Query extends z.ZodType> {
  readonly method: Method
  readonly path: string
  /** One line for the reference. */
  readonly summary: string
  /** Noun under which the reference lists it, e.g. `model management`. */
  readonly tag: string
  /** Who may call at all; which rows a caller may see or change is decided by the handler. Nobody else may: deny by default. */
  readonly roles: readonly Role[]
  /** What other roles are told; the words of contract 3.7 unless given. */
  readonly denied?: (role: Role) => GatewayError
  /** Fields that nothing reads are answered with a warning. */
  readonly body?: Body
  readonly query?: Query
  /** Of the body of a 2xx; for the reference. */
  readonly reply?: z.ZodType
  readonly withoutSnapshot?: boolean
  /** @returns the answer, or `sent` by a handler that wrote it itself (exports). @throws GatewayError */
  handle(call: AdminCall<z.output<Body>, z.output<Query>>): Promise<AdminReply | 'sent'> | AdminReply | 'sent'
}

/** Everything a management route may ask of a caller, kept beside the route for the reference and the tests. */
export interface DeclaredRoute extends Route {
  readonly declared: Pick<AdminRoute<z.ZodType, z.ZodType>, 'summary' | 'tag' | 'roles' | 'body' | 'query' | 'reply'>
}

export function adminRoute<Body extends z.ZodType, Query extends z.ZodType>(
  route: AdminRoute<Body, Query>,
): DeclaredRoute {
  return {
    method: route.method,
    path: route.path,
    access: route.roles,
    ...(route.withoutSnapshot === undefined ? {} : { withoutSnapshot: route.withoutSnapshot }),
    ...(route.denied === undefined ? {} : { denied: route.denied }),
    declared: route,
    async handle(exchange) {
      const invalid: Invalid[] = []
      const read = route.body === undefined ? {} : await readJson(exchange)
      const taken = route.body === undefined ? undefined : parseLeniently(route.body, read)
      const body = taken?.result
      const sent = taken?.sent ?? read
      const asked = readQuery(exchange.head.query)
      const query = route.query?.safeParse(asked)
      if (body?.success === false) invalid.push(...invalidFields('body', body.error, sent))
      if (query?.success === false) invalid.push(...invalidFields('query', query.error, asked))
      if (invalid.length > 0) return sendInvalid(exchange, invalid)
      const { principal } = exchange
      if (principal === undefined) throw new GatewayError('internal', `${route.path} was reached without a principal.`)
      const callWith = (claimed: Pick<ChangeOptions, 'claimed'>): AdminCall<z.output<Body>, z.output<Query>> => ({
        // Parsed by the route's own schemas just above, which is what these types say.
        body: body?.data as z.output<Body>,
        query: query?.data as z.output<Query>,
        sent,
        pathParameter: exchange.pathParameter,
        principal,
        change: { ...change, ...claimed },
        exchange,
      })
      const change = readChangeOptions(exchange, principal)
      const make = async (claimed: Pick<ChangeOptions, 'claimed'>) => route.handle(callWith(claimed))
      const reply = await (exchange.answers?.once(exchange, sent, make) ?? make({}))
      if (reply === 'sent') return
      sendJson(exchange, reply.status ?? 200, reply.body, [...(reply.head ?? []), ...warnings(route.body, sent)])
    },
  }
}

const mostNamed = 20

/** `x-midflight-warnings: unknown_fields=a,b.c`: what was sent and has no effect. Names are percent-encoded, being the caller's text. */
function warnings(schema: z.ZodType | undefined, sent: JsonObject): readonly string[] {
  if (schema === undefined) return []
  const unknown = unknownFields(schema, sent)
  if (unknown.length === 0) return []
  const named = unknown.slice(0, mostNamed).map((name) => encodeURIComponent(name.slice(0, 100).toWellFormed()))
  return ['x-midflight-warnings', `unknown_fields=${named.join(',')}${unknown.length > mostNamed ? ',...' : ''}`]
}

/** As deep as a configuration file may be; what is deeper would exhaust the stack of whoever walks through it. */
const mostLevels = 64

/** @throws GatewayError `invalid_request` for a body that is not a JSON object; an absent one is an empty object */
async function readJson(exchange: Exchange): Promise<JsonObject> {
  const limit = exchange.snapshot?.settings.maxRequestBytes ?? 1024 * 1024
  const bytes = await readBody(exchange, limit)
  if (bytes.length === 0) return {}
  const text = bytes.toString('utf8')
  if (deepestLevel(text) > mostLevels) {
    throw new GatewayError('invalid_request', `The body nests more than ${mostLevels} lists and mappings.`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new GatewayError('invalid_request', 'The body is not JSON; check quotes, commas and the encoding (UTF-8).', {
      cause,
    })
  }
  // Arrays are bodies of their own on bulk routes; the schema decides.
  if (typeof value === 'object' && value !== null) return value as JsonObject
  throw new GatewayError('invalid_request', 'The body is not a JSON object.')
}

/** Repeated names become lists. */
function readQuery(text: string): JsonObject {
  const values: Record<string, string | string[]> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const known = values[name]
    if (known === undefined) values[name] = value
    else values[name] = Array.isArray(known) ? [...known, value] : [known, value]
  }
  return values
}
