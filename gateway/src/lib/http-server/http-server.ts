import { type AddressInfo, createServer, type Server } from 'node:net'
import type { MalformedMessage } from '../http1/head-fields.ts'
import { Roster } from '../roster.ts'
import { CallerConnection, type ConnectionOwner, type Refusal, type ServerTimes } from './caller-connection.ts'
import type { HttpExchange, RequestTimeout } from './http-exchange.ts'

export interface HttpServerOptions {
  readonly times: ServerTimes
  /** Must not throw. */
  readonly onRequest: (exchange: HttpExchange) => void
  /** What is answered to bytes that are no request, and to requests that do not come to their end. */
  readonly refusalOf: (error: MalformedMessage | RequestTimeout) => Refusal
}

/** The kernel asks after a silent caller from then on, so that one that vanished does not hold its answer for ever. */
const tcpKeepAliveMs = 60_000
const lookEveryMs = 1_000

/** Listens for HTTP/1.1 on TCP (decision 21). */
export class HttpServer implements ConnectionOwner {
  readonly times: ServerTimes
  second = 0
  closing = false
  readonly #options: HttpServerOptions
  readonly #server: Server
  readonly #connections = new Roster<CallerConnection>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.times = options.times
    this.#server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs, allowHalfOpen: true },
      (socket) => this.#connections.add(new CallerConnection(socket, this)),
    )
  }

  /** @param port 0 for any that is free */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        this.#timer = setInterval(() => this.#look(), lookEveryMs)
        const address = this.#server.address()
        if (address === null || typeof address === 'string') reject(new Error('the server has no TCP address'))
        else resolve(address)
      })
    })
  }

  /** Stops listening and closes connections as soon as they are idle; resolves when every connection is closed. */
  close(): Promise<void> {
    this.closing = true
    return new Promise((resolve) => {
      this.#server.close(() => {
        clearInterval(this.#timer)
        resolve()
      })
      for (const connection of this.#connections.present()) if (connection.idle) connection.destroy()
    })
  }

  closeConnections(): void {
    for (const connection of this.#connections.present()) connection.destroy()
  }

  onRequest(exchange: HttpExchange): void {
    this.#options.onRequest(exchange)
  }

  refusalOf(error: MalformedMessage | RequestTimeout): Refusal {
    return this.#options.refusalOf(error)
  }

  onClosed(connection: CallerConnection): void {
    this.#connections.delete(connection)
  }

  #look(): void {
    this.second += 1
    for (const connection of this.#connections.present()) {
      // Not at its due second, which began before its time was over: callers count on what `keep-alive` promised.
      if (connection.dueSecond < this.second) connection.expire()
    }
  }
}
