import { Reply } from '../calls/reply.ts'
import type { Lease, Slot } from '../config/slot.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { asGatewayError, GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { DialectName } from '../core/wire.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { Clock } from '../lib/clock.ts'
import type { HttpExchange } from '../lib/http-server/http-exchange.ts'
import type { Listed } from '../lib/roster.ts'
import type { Authenticator } from './authenticate.ts'
import { checkAddress } from './caller-address.ts'
import { errorAnswer } from './error-answer.ts'
import type { Answers } from './idempotency.ts'
import { type RequestHead, readHead } from './request-head.ts'
import type { Exchange, Route, RouteTable } from './route.ts'
import { checkKept, checkServed } from './route-rules.ts'

/** What every request at the wall is served with. */
export interface VisitPorts {
  readonly slot: Slot
  readonly routes: RouteTable
  readonly authenticator: Authenticator
  readonly dialect: (name: DialectName) => Dialect
  readonly clock: Clock
  readonly newId: () => string
  /** Without it `Idempotency-Key` has no effect. */
  readonly answers: Answers | undefined
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>, cause: unknown) => void
  /** Whether every answer is the last on its connection. */
  readonly draining: () => boolean
  /** The answer is over, whole or not. */
  readonly onOver: (visit: Visit) => void
}

/** One request at the wall: stops 1 and 2, then the handler of its route, which is given this. */
export class Visit implements Exchange, Listed {
  place = -1
  readonly startedAt: number
  readonly http: HttpExchange
  readonly reply: Reply
  id = ''
  /** Read before anybody sees this as an exchange. */
  head!: RequestHead
  pathParameter = ''
  snapshot: Snapshot | undefined
  principal: Principal | undefined
  readonly #ports: VisitPorts
  #lease: Lease | undefined
  #route: Route | undefined

  constructor(http: HttpExchange, ports: VisitPorts) {
    this.#ports = ports
    this.http = http
    this.startedAt = ports.clock.now()
    this.#lease = ports.slot.acquire()
    this.snapshot = this.#lease?.snapshot
    this.reply = new Reply(http, ports.draining, () => {
      this.#lease?.[Symbol.dispose]()
      ports.onOver(this)
    })
  }

  get answers(): Answers | undefined {
    return this.#ports.answers
  }

  /** Not an async function: until a handler has to wait, a request is one run of plain calls. */
  serve(): void {
    try {
      const route = this.#find()
      // Nothing reads the body before the handler does, so it waits in the connection while a key is looked up.
      const principal = route.access === 'public' ? undefined : this.#authenticate(route)
      if (principal instanceof Promise) {
        principal.then((known) => this.#runAfterLookUp(route, known)).catch(this.#refuse)
      } else this.#run(route, principal)
    } catch (caught) {
      this.#refuse(caught)
    }
  }

  async renew(): Promise<Exchange> {
    await this.#ports.authenticator.confirm()
    this.#takeNewest()
    if (this.#route !== undefined) this.principal = await this.#authenticate(this.#route)
    return this
  }

  #find(): Route {
    const settings = this.snapshot?.settings
    this.head = readHead(this.http.request, settings)
    const { callId, method, path } = this.head
    this.id = callIdOf(callId) ?? this.#ports.newId()
    const match = this.#ports.routes.find(method, path)
    if (match === undefined) throw notFound(method, path)
    if (match === 'other-method') throw otherMethod(method, path)
    const { route } = match
    this.#route = route
    this.pathParameter = match.pathParameter
    if (this.snapshot === undefined && route.withoutSnapshot !== true) {
      throw new GatewayError('not_ready', 'No configuration has been accepted yet; GET /config/status tells why.')
    }
    if (route.access !== 'public') {
      checkAddress(this.http, settings?.addresses)
      checkServed(route, path, settings?.routes)
    }
    return route
  }

  #authenticate(route: Route): Principal | Promise<Principal> {
    return this.#ports.authenticator.authenticate(this.head, route, this.snapshot?.settings, this.http.connection)
  }

  #runAfterLookUp(route: Route, principal: Principal): void {
    this.#checkPresent()
    // The store may have been asked: what it said counts for the whole call and not for its key alone.
    if (this.snapshot !== this.#ports.slot.current) this.#takeNewest()
    this.#run(route, principal)
  }

  #run(route: Route, principal: Principal | undefined): void {
    this.principal = principal
    checkKept(route, this.head.path, principal, this.snapshot?.settings.routes)
    const done = route.handle(this)
    if (done instanceof Promise) done.catch(this.#refuse)
  }

  #takeNewest(): void {
    this.#checkPresent()
    this.#lease?.[Symbol.dispose]()
    this.#lease = this.#ports.slot.acquire()
    this.snapshot = this.#lease?.snapshot
  }

  /** A reply that is closed has given its lease back, and would not do so again. */
  #checkPresent(): void {
    if (this.reply.gone) throw new GatewayError('client_closed', 'The caller closed the connection.')
  }

  readonly #refuse = (caught: unknown): void => {
    const error = asGatewayError(caught)
    const { reply, http, snapshot } = this
    const id = this.id === '' ? this.#ports.newId() : this.id
    if (error.code === 'internal') this.#ports.report('request.failed', { callId: id }, error.cause)
    if (reply.opened) {
      reply.destroy()
      return
    }
    if (!http.complete) reply.closeAfter()
    const dialect = this.#ports.dialect(this.#route?.dialect ?? 'openai-chat')
    const { status, fields, body } = errorAnswer(error, dialect, id, snapshot)
    reply.send(status, fields, body)
  }
}

/** The caller's own id, if it can be a header value again. */
function callIdOf(given: string | undefined): string | undefined {
  return given !== undefined && /^[\x21-\x7e]{1,128}$/.test(given) ? given : undefined
}

function notFound(method: string, path: string): GatewayError {
  return new GatewayError('route_not_found', `There is no route ${method} ${path.slice(0, 200)}.`)
}

function otherMethod(method: string, path: string): GatewayError {
  return new GatewayError('method_not_allowed', `${path.slice(0, 200)} does not take ${method}.`)
}
