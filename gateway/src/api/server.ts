import type { AddressInfo } from 'node:net'
import { withCallId } from '../calls/error-body.ts'
import { Reply } from '../calls/reply.ts'
import { errorHead } from '../calls/response-head.ts'
import type { Slot } from '../config/slot.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { asGatewayError, GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { DialectName } from '../core/wire.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { Clock } from '../lib/clock.ts'
import type { Refusal } from '../lib/http-server/caller-connection.ts'
import type { HttpExchange } from '../lib/http-server/http-exchange.ts'
import { HttpServer } from '../lib/http-server/http-server.ts'
import { Roster } from '../lib/roster.ts'
import type { Authenticator } from './authenticate.ts'
import { checkAddress } from './caller-address.ts'
import type { Answers } from './idempotency.ts'
import { requestError } from './request-error.ts'
import { readHead } from './request-head.ts'
import { type Exchange, type Route, RouteTable } from './route.ts'
import { checkKept, checkServed } from './route-rules.ts'

/** Above the idle time of the load balancers in front (ALB 60 s, nginx 60 s), so that they never reuse what we just closed (reliability 3.3). */
const times = { keepAlive: 75, head: 80, body: 300 }

export interface ServerOptions {
  readonly slot: Slot
  readonly routes: readonly Route[]
  readonly authenticator: Authenticator
  readonly dialect: (name: DialectName) => Dialect
  readonly clock: Clock
  readonly newId: () => string
  /** Without it `Idempotency-Key` has no effect. */
  readonly answers?: Answers
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>, cause: unknown) => void
}

/** The listening socket, and stops 1 and 2 of every request. */
export class GatewayServer {
  readonly #options: ServerOptions
  readonly #routes: RouteTable
  readonly #server: HttpServer
  readonly #open = new Roster<Reply>()
  #draining = false

  constructor(options: ServerOptions) {
    this.#options = options
    this.#routes = new RouteTable(options.routes)
    this.#server = new HttpServer({
      times,
      onRequest: (exchange) => this.#serve(exchange),
      refusalOf: (error) => this.#refusalOf(requestError(error)),
    })
  }

  listen(host: string, port: number): Promise<AddressInfo> {
    return this.#server.listen(host, port)
  }

  /** Requests that have been accepted and not answered to the last byte. */
  get openCalls(): number {
    return this.#open.size
  }

  get draining(): boolean {
    return this.#draining
  }

  /** From here on every answer closes its connection; requests are still accepted. */
  announceEnd(): void {
    this.#draining = true
  }

  /** Stops listening and closes idle connections; resolves when every connection is closed. */
  close(): Promise<void> {
    return this.#server.close()
  }

  /** Ends what is still being answered, in the caller's dialect. */
  interrupt(error: GatewayError): void {
    for (const reply of this.#open.present()) reply.interrupt(error)
  }

  closeConnections(): void {
    this.#server.closeConnections()
  }

  /** Not an async function: until a handler has to wait, a request is one run of plain calls. */
  #serve(http: HttpExchange): void {
    const { slot, clock, authenticator, newId, answers } = this.#options
    let lease = slot.acquire()
    const reply = new Reply(http, this.#isDraining, () => {
      this.#open.delete(reply)
      lease?.[Symbol.dispose]()
    })
    this.#open.add(reply)
    const startedAt = clock.now()
    let id: string | undefined
    let route: Route | undefined
    const refuse = (caught: unknown): void => this.#refuse(http, reply, route, id ?? newId(), lease?.snapshot, caught)
    try {
      const settings = lease?.snapshot.settings
      const head = readHead(http.request, settings)
      const callId = callIdOf(head.callId) ?? newId()
      id = callId
      const match = this.#routes.find(head.method, head.path)
      if (match === undefined) throw notFound(head.method, head.path)
      if (match === 'other-method') throw otherMethod(head.method, head.path)
      const { route: found, pathParameter } = match
      route = found
      if (lease === undefined && found.withoutSnapshot !== true) {
        throw new GatewayError('not_ready', 'No configuration has been accepted yet; GET /config/status tells why.')
      }
      const exchangeOf = (principal: Principal | undefined): Exchange => ({
        id: callId,
        startedAt,
        head,
        pathParameter,
        snapshot: lease?.snapshot,
        principal,
        http,
        reply,
        answers,
        renew,
      })
      const takeNewest = (): void => {
        // A reply that is closed has given its lease back and would not do so again.
        if (reply.gone) throw new GatewayError('client_closed', 'The caller closed the connection.')
        lease?.[Symbol.dispose]()
        lease = slot.acquire()
      }
      const renew = async (): Promise<Exchange> => {
        await authenticator.confirm()
        takeNewest()
        return exchangeOf(await authenticator.authenticate(head, found, lease?.snapshot.settings))
      }
      const run = (principal: Principal | undefined): void => {
        checkKept(found, head.path, principal, lease?.snapshot.settings.routes)
        const done = found.handle(exchangeOf(principal))
        if (done instanceof Promise) done.catch(refuse)
      }
      if (found.access !== 'public') {
        checkAddress(http, settings?.addresses)
        checkServed(found, head.path, settings?.routes)
      }
      // Nothing reads the body before the handler does, so it waits in the connection while a key is looked up.
      const principal = found.access === 'public' ? undefined : authenticator.authenticate(head, found, settings)
      if (!(principal instanceof Promise)) run(principal)
      else {
        principal
          .then((known) => {
            // The store may have been asked: what it said counts for the whole call and not for its key alone.
            if (lease?.snapshot !== slot.current) takeNewest()
            run(known)
          })
          .catch(refuse)
      }
    } catch (caught) {
      refuse(caught)
    }
  }

  #refuse(
    http: HttpExchange,
    reply: Reply,
    route: Route | undefined,
    id: string,
    snapshot: Snapshot | undefined,
    caught: unknown,
  ): void {
    const error = asGatewayError(caught)
    if (error.code === 'internal') this.#options.report('request.failed', { callId: id }, error.cause)
    if (reply.opened) {
      reply.destroy()
      return
    }
    if (!http.complete) reply.closeAfter()
    const body = this.#bodyOf(error, route, id, snapshot)
    reply.send(error.status, errorHead(id, snapshot?.revision, error), body)
  }

  #bodyOf(error: GatewayError, route: Route | undefined, id: string, snapshot: Snapshot | undefined): string {
    const told =
      error.detail === undefined
        ? withCallId(this.#options.dialect(route?.dialect ?? 'openai-chat').encodeError(error), id, snapshot?.settings)
        : { detail: error.detail }
    return JSON.stringify(error.problems === undefined ? told : { ...told, problems: error.problems })
  }

  /** What is not even a request has no route and no dialect. */
  #refusalOf(error: GatewayError): Refusal {
    const id = this.#options.newId()
    const body = this.#bodyOf(error, undefined, id, this.#options.slot.current)
    return { status: error.status, fields: errorHead(id, this.#options.slot.current?.revision, error), body }
  }

  readonly #isDraining = (): boolean => this.#draining
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
