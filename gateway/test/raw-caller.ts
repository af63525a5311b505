import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerTimes } from '../src/lib/http-server/caller-connection.ts'
import type { HttpExchange } from '../src/lib/http-server/http-exchange.ts'
import { HttpServer } from '../src/lib/http-server/http-server.ts'

/** The reason is sent, so that a test can see it. */
export async function serve(
  context: Pick<TestContext, 'after'>,
  onRequest: (exchange: HttpExchange) => void,
  times: Partial<ServerTimes> = {},
): Promise<{ server: HttpServer; port: number }> {
  const server = new HttpServer({
    times: { keepAlive: 75, head: 80, body: 300, unread: 120, ...times },
    onRequest,
    refusalOf: ({ name, message }) => ({ status: name === 'RequestTimeout' ? 408 : 400, fields: [], body: message }),
  })
  const { port } = await server.listen('127.0.0.1', 0)
  context.after(async () => {
    const closed = server.close()
    server.closeConnections()
    await closed
  })
  return { server, port }
}

/** A whole answer of one write. */
export function answer(exchange: HttpExchange, body: string, fields: readonly string[] = []): void {
  exchange.open(200, [...fields, 'content-length', String(body.length)])
  exchange.end(body)
}

/** @returns the body, a character for each byte; rejects with what broke it */
export function bodyOf(exchange: HttpExchange): Promise<string> {
  const pieces: Buffer[] = []
  return new Promise((resolve, reject) => {
    exchange.readBody({
      onData: (bytes) => pieces.push(bytes),
      onEnd: () => resolve(Buffer.concat(pieces).toString('latin1')),
      onError: reject,
    })
  })
}

/** What a listener was told, in its order. */
export function listen(exchange: HttpExchange): string[] {
  const told: string[] = []
  exchange.listener = {
    onDrain: () => told.push('drain'),
    onHangUp: () => told.push('hang-up'),
    onClosed: (whole) => told.push(whole ? 'whole' : 'cut'),
  }
  return told
}

/** Waits until something has come about; fails after five seconds. */
export async function until(what: string, happened: () => boolean, seen: () => string = () => ''): Promise<void> {
  const giveUp = Date.now() + 5_000
  while (!happened()) {
    if (Date.now() > giveUp) assert.fail(`never: ${what} ${seen()}`)
    await sleep(2)
  }
}

/** A caller that says bytes and keeps all that it is told. */
export class RawCaller {
  readonly socket: Socket
  /** All that came, a character for each byte. */
  text = ''
  /** The other side has said all it had to. */
  ended = false
  closed = false
  /** Its connection was reset. */
  failed: string | undefined

  /** Closed when the test ends. */
  constructor(context: Pick<TestContext, 'after'>, port: number, first = '') {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.setNoDelay(true)
    this.socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1')
    })
    this.socket.on('end', () => {
      this.ended = true
    })
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failed = error.code ?? error.message
    })
    if (first !== '') this.send(first)
    context.after(() => this.socket.destroy())
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Waits until the end of what came is this. */
  async receives(end: string): Promise<void> {
    await until(
      `ended ${JSON.stringify(end)}`,
      () => this.text.endsWith(end),
      () => JSON.stringify(this.text.slice(-500)),
    )
  }

  async isEnded(): Promise<void> {
    await until('the end of the connection', () => this.ended || this.closed)
  }

  /** The status of each answer that came. */
  get statuses(): readonly number[] {
    return Array.from(this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status))
  }
}
