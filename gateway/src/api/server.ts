import type { AddressInfo } from 'node:net'
import type { GatewayError } from '../core/errors.ts'
import type { HttpExchange } from '../lib/http-server/http-exchange.ts'
import { HttpServer } from '../lib/http-server/http-server.ts'
import { Roster } from '../lib/roster.ts'
import { type ErrorAnswer, errorAnswer } from './error-answer.ts'
import type { Answers } from './idempotency.ts'
import { requestError } from './request-error.ts'
import { type Route, RouteTable } from './route.ts'
import { Visit, type VisitPorts } from './visit.ts'

/**
 * How long a caller may take, s. Between two requests longer than the idle time of the load balancers in front (ALB 60 s, nginx 60 s), so
 * that they never reuse what we just closed (reliability 3.3).
 */
const times = { keepAlive: 75, head: 80, body: 300, unread: 120 }

export interface ServerOptions extends Omit<VisitPorts, 'routes' | 'answers' | 'draining' | 'onOver'> {
  readonly routes: readonly Route[]
  /** Without it `Idempotency-Key` has no effect. */
  readonly answers?: Answers
}

/** The listening socket, and the visits of callers. */
export class GatewayServer {
  readonly #ports: VisitPorts
  readonly #server: HttpServer
  readonly #open = new Roster<Visit>()
  #draining = false

  constructor(options: ServerOptions) {
    this.#ports = {
      ...options,
      routes: new RouteTable(options.routes),
      answers: options.answers,
      draining: () => this.#draining,
      onOver: (visit) => this.#open.delete(visit),
    }
    this.#server = new HttpServer({
      times,
      onRequest: (http) => this.#serve(http),
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
    for (const visit of this.#open.present()) visit.reply.interrupt(error)
  }

  closeConnections(): void {
    this.#server.closeConnections()
  }

  #serve(http: HttpExchange): void {
    const visit = new Visit(http, this.#ports)
    this.#open.add(visit)
    visit.serve()
  }

  /** What is not even a request has no route and no dialect. */
  #refusalOf(error: GatewayError): ErrorAnswer {
    const { dialect, newId, slot } = this.#ports
    return errorAnswer(error, dialect('openai-chat'), newId(), slot.current)
  }
}
