import type { Buffer } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import type { UpstreamExchange, UpstreamPool, UpstreamRequest, UpstreamSink } from '../http-client.ts'
import { Roster } from '../roster.ts'
import { Connection, type ConnectionOwner, type ConnectionSink, type Place, type RequestBytes } from './connection.ts'
import { RequestText } from './request-text.ts'

/**
 * Idle time of a pooled connection, ms, where the server promises none. Below the idle time of common servers (5 s and more), so
 * that they do not close a connection in the instant we reuse it (reliability 3.3).
 */
const idleMs = 4_000
/** A promise of the server's is trusted up to this much before its end, and to this length. */
const promiseMarginMs = 1_000
const longestIdleMs = 600_000
const sweepMs = 500

/**
 * Kept-alive connections to one origin, the latest used first, so that what is not needed falls idle and closes. Opened as needed and
 * without limit: how many calls may run is decided before they come here.
 */
export class ConnectionPool implements UpstreamPool, ConnectionOwner {
  readonly origin: string
  readonly #place: Place
  readonly #text: RequestText
  readonly #open = new Roster<Connection>()
  readonly #idle: Connection[] = []
  #sweeper: NodeJS.Timeout | undefined
  #closing = false
  #onAllClosed: (() => void)[] = []

  /** @param origin `http://host:port` or `https://…` */
  constructor(origin: string) {
    const url = new URL(origin)
    const secure = url.protocol === 'https:'
    this.origin = origin
    this.#text = new RequestText(url.host)
    this.#place = {
      secure,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      session: undefined,
    }
  }

  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamExchange {
    const exchange = new Exchange(sink)
    try {
      if (this.#closing) throw new Error('the pool of connections is closed')
      this.#start(this.#text.of(request), exchange)
    } catch (error) {
      exchange.onError(error instanceof Error ? error : new Error(String(error)), false)
    }
    return exchange
  }

  close(): Promise<void> {
    this.#closing = true
    for (const connection of this.#idle.splice(0)) connection.destroy()
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
    return new Promise((resolve) => {
      if (this.#open.size === 0) resolve()
      else this.#onAllClosed.push(resolve)
    })
  }

  /** The server closed a kept-alive connection in the instant it was reused: nobody has seen the request. */
  onUnsent(message: RequestBytes, sink: ConnectionSink): void {
    this.#start(message, sink)
  }

  onFree(connection: Connection, promisedMs: number | undefined): void {
    const forMs = promisedMs === undefined ? idleMs : Math.min(promisedMs - promiseMarginMs, longestIdleMs)
    if (this.#closing || forMs <= 0) {
      connection.destroy()
      return
    }
    connection.idleUntil = performance.now() + forMs
    this.#idle.push(connection)
    this.#sweeper ??= setInterval(this.#sweep, sweepMs)
  }

  onClosed(connection: Connection): void {
    this.#open.delete(connection)
    const index = this.#idle.lastIndexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
    if (!this.#closing || this.#open.size > 0) return
    for (const resolve of this.#onAllClosed.splice(0)) resolve()
  }

  #start(message: RequestBytes, sink: ConnectionSink): void {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.usable || performance.now() >= idle.idleUntil) {
        idle.destroy()
        continue
      }
      idle.start(message, sink)
      return
    }
    const connection = new Connection(this.#place, this)
    this.#open.add(connection)
    connection.start(message, sink)
  }

  readonly #sweep = (): void => {
    const now = performance.now()
    for (const connection of [...this.#idle]) {
      if (now < connection.idleUntil && connection.usable) continue
      const index = this.#idle.indexOf(connection)
      if (index !== -1) this.#idle.splice(index, 1)
      connection.destroy()
    }
    if (this.#idle.length > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }
}

/** The hold on one request; it stands between connection and sink, so that nothing is heard after its end. */
class Exchange implements UpstreamExchange, ConnectionSink {
  readonly #sink: UpstreamSink
  connection: Connection | undefined
  #over = false

  constructor(sink: UpstreamSink) {
    this.#sink = sink
  }

  abort(): void {
    if (this.#over) return
    this.#over = true
    this.connection?.destroy()
  }

  pause(): void {
    if (!this.#over) this.connection?.pause()
  }

  resume(): void {
    if (!this.#over) this.connection?.resume()
  }

  onSent(): void {
    if (!this.#over) this.#sink.onSent()
  }

  onHead(status: number, headers: readonly string[]): void {
    if (!this.#over) this.#sink.onHead(status, headers)
  }

  onData(chunk: Buffer): void {
    if (!this.#over) this.#sink.onData(chunk)
  }

  onEnd(): void {
    if (this.#over) return
    this.#over = true
    this.#sink.onEnd()
  }

  onError(error: Error, sent: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#sink.onError(error, sent)
  }
}
