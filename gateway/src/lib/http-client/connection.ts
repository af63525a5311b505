import { Buffer } from 'node:buffer'
import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { UpstreamSink } from '../http-client.ts'
import type { Listed } from '../roster.ts'
import { type Sender, sendAtTurnEnd } from '../turn-end.ts'
import { type ResponseListener, ResponseReader } from './response-reader.ts'

/** Where connections of a pool go. */
export interface Place {
  readonly secure: boolean
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
  /** The last TLS session, to make the next handshake short. */
  session: Buffer | undefined
}

/** A request as it is written: Latin-1 text, and the body's bytes where they are too many to be part of it. */
export interface RequestBytes {
  readonly text: string
  readonly rest: Buffer | undefined
}

/** Receives the answer, and knows on which connection it is awaited. */
export interface ConnectionSink extends UpstreamSink {
  connection: Connection | undefined
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** A kept-alive connection proved dead before it took a byte of the request, which can go on another one. */
  onUnsent(message: RequestBytes, sink: ConnectionSink): void
  /** Ready for another request, which may come within `idleMs` (`undefined`: the server did not say). */
  onFree(connection: Connection, idleMs: number | undefined): void
  /** Over, for whatever reason. Called once. */
  onClosed(connection: Connection): void
}

/** The connection ended while an answer was awaited or on its way. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

/** For a connection that no call waits for any more: the calls' own limits are shorter. */
const connectMs = 60_000
const tcpKeepAliveMs = 60_000

/**
 * Every socket reads into this one buffer: what a read brings is parsed and copied before the next read can happen, and thousands
 * of idle connections hold no buffers.
 */
const sharedBuffer = Buffer.allocUnsafeSlow(65_536)

/** One connection to an upstream, with at most one exchange on it. */
export class Connection implements ResponseListener, Listed, Sender {
  place = -1
  /** `performance.now()` after which it is too old to be used again; set by the pool. */
  idleUntil = 0
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  #connected = false
  /** It has carried an exchange before. */
  #reused = false
  #closed = false
  #paused = false
  #sink: ConnectionSink | undefined
  readonly #reader = new ResponseReader(this)
  /** The request that is not written yet: the connection is being made, or the turn is not over. */
  #pending: RequestBytes | undefined
  #connectTimer: NodeJS.Timeout | undefined
  #error: Error | undefined

  constructor(place: Place, owner: ConnectionOwner) {
    this.#owner = owner
    this.#socket = open(place, { buffer: sharedBuffer, callback: (length) => this.#onRead(length) })
    this.#connectTimer = setTimeout(this.#onConnectTimeout, connectMs)
    this.#socket.once(place.secure ? 'secureConnect' : 'connect', this.#onConnected)
    this.#socket.on('end', () => this.#onPeerEnded())
    this.#socket.on('error', (error) => {
      this.#error ??= error
    })
    this.#socket.on('close', () => this.#onClosed())
  }

  /** Whether a request may be put on it now. */
  get usable(): boolean {
    return !this.#closed && this.#sink === undefined && this.#socket.writable && !this.#socket.destroyed
  }

  /** Puts a request on the connection; it is written at the end of the turn, or when the connection is made. */
  start(message: RequestBytes, sink: ConnectionSink): void {
    this.#sink = sink
    sink.connection = this
    this.#reader.reset()
    this.#pending = message
    if (this.#connected) sendAtTurnEnd(this)
  }

  /** Writes the request that is pending, if its exchange was not given up meanwhile. */
  flush(): void {
    const message = this.#pending
    const sink = this.#sink
    if (message === undefined || sink === undefined) return
    this.#pending = undefined
    if (this.#socket.writable) this.#write(message)
    // An error here is the kernel refusing the first write; once a part of it was taken errors come later, by event.
    if (this.#socket.writable && this.#socket.errored === null) {
      sink.onSent()
      return
    }
    this.#pending = message
    this.#fail(this.#socket.errored ?? this.#error ?? new ConnectionLost('the connection was closed'))
  }

  /** Ends the connection; its exchange hears nothing more. */
  destroy(): void {
    this.#sink = undefined
    this.#pending = undefined
    this.#socket.destroy()
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket.resume()
  }

  onHead(status: number, fields: readonly string[]): void {
    this.#sink?.onHead(status, fields)
  }

  onBody(bytes: Buffer): void {
    this.#sink?.onData(bytes)
  }

  readonly #onConnected = (): void => {
    clearTimeout(this.#connectTimer)
    this.#connectTimer = undefined
    this.#connected = true
    this.flush()
  }

  readonly #onConnectTimeout = (): void => {
    this.#socket.destroy(new ConnectionLost(`no connection within ${connectMs} ms`))
  }

  #write(message: RequestBytes): void {
    if (message.rest === undefined) {
      this.#socket.write(message.text, 'latin1')
      return
    }
    this.#socket.cork()
    this.#socket.write(message.text, 'latin1')
    this.#socket.write(message.rest)
    this.#socket.uncork()
  }

  #onRead(length: number): boolean {
    const reader = this.#reader
    if (this.#sink === undefined) {
      // Nobody asked: an answer to nothing, or what follows an exchange that was given up.
      this.destroy()
      return true
    }
    if (this.#pending !== undefined) {
      // An answer before its request, e.g. the 408 of a server that closes an idle connection.
      this.#fail(new ConnectionLost('the other side closed the connection'))
      return true
    }
    try {
      const at = reader.feed(sharedBuffer, 0, length)
      if (reader.over) this.#finish(reader, at === length)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
    return true
  }

  /** The response is whole. @param clean nothing came after it: more would be the answer to a request that was never made */
  #finish(reader: ResponseReader, clean: boolean): void {
    const sink = this.#sink
    this.#sink = undefined
    this.#reused = true
    const sentAll = this.#socket.writableLength === 0
    if (reader.reusable && clean && sentAll && this.#socket.writable && !this.#socket.destroyed) {
      this.resume()
      this.#owner.onFree(this, reader.idleMs)
    } else this.destroy()
    sink?.onEnd()
  }

  #onPeerEnded(): void {
    const reader = this.#reader
    if (this.#sink !== undefined && reader.finish()) this.#finish(reader, true)
    else if (this.#sink === undefined) this.destroy()
    else this.#fail(new ConnectionLost('the other side closed the connection'))
  }

  #onClosed(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#connectTimer)
    this.#owner.onClosed(this)
    if (this.#sink !== undefined) this.#fail(this.#error ?? new ConnectionLost('the connection was closed'))
  }

  #fail(error: Error): void {
    const sink = this.#sink
    const unsent = this.#pending
    this.destroy()
    if (sink === undefined) return
    if (unsent !== undefined && this.#reused) this.#owner.onUnsent(unsent, sink)
    else sink.onError(error, unsent === undefined)
  }
}

function open(place: Place, onread: OnReadOpts): Socket {
  const { host, port } = place
  const options = { host, port, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs }
  if (!place.secure) return connectPlain(options)
  const socket: TLSSocket = connectTls({
    ...options,
    ALPNProtocols: ['http/1.1'],
    // An address has no name to ask for (RFC 6066, 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(place.session === undefined ? {} : { session: place.session }),
  })
  socket.on('session', (session) => {
    place.session = session
  })
  return socket
}
