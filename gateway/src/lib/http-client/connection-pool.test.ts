import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls'
import type { UpstreamExchange, UpstreamPool, UpstreamRequest, UpstreamSink } from '../http-client.ts'
import { ConnectionPool } from './connection-pool.ts'

/** A server of raw sockets: `onRequest` gets the text of each whole request (its body is as long as its head says). */
interface RawServer {
  readonly origin: string
  readonly requests: string[]
  readonly sockets: Socket[]
}

type OnRequest = (socket: Socket, request: string, count: number) => void

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function serve(
  onRequest: OnRequest,
  options: { tls?: { key: string; cert: string }; onConnection?: (socket: Socket) => void; host?: string } = {},
): Promise<RawServer> {
  const requests: string[] = []
  const sockets: Socket[] = []
  const onSocket = (socket: Socket): void => {
    sockets.push(socket)
    options.onConnection?.(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (;;) {
        const head = text.indexOf('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
        if (head === -1 || text.length < head + 4 + length) return
        requests.push(text.slice(0, head + 4 + length))
        text = text.slice(head + 4 + length)
        onRequest(socket, requests.at(-1) ?? '', requests.length)
      }
    })
  }
  const server: Server =
    options.tls === undefined
      ? createServer(onSocket)
      : createTlsServer({ ...options.tls, ALPNProtocols: ['http/1.1'] }, onSocket)
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo
  const name = host.includes(':') ? `[${host}]` : host
  return { origin: `${options.tls === undefined ? 'http' : 'https'}://${name}:${port}`, requests, sockets }
}

function open(origin: string): UpstreamPool {
  const pool = new ConnectionPool(origin)
  cleanups.push(() => pool.close())
  return pool
}

interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
}

class Sink implements UpstreamSink {
  readonly events: string[] = []
  status = 0
  headers: readonly string[] = []
  readonly chunks: Buffer[] = []
  error: { error: Error; sent: boolean } | undefined
  readonly done: Promise<Answer>
  onChunk: ((chunk: Buffer) => void) | undefined
  #resolve!: (answer: Answer) => void
  #reject!: (error: Error) => void
  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.done.catch(() => {})
  }
  onSent(): void {
    this.events.push('sent')
  }
  onHead(status: number, headers: readonly string[]): void {
    this.events.push('head')
    this.status = status
    this.headers = headers
  }
  onData(chunk: Buffer): void {
    if (this.events.at(-1) !== 'data') this.events.push('data')
    this.chunks.push(chunk)
    this.onChunk?.(chunk)
  }
  onEnd(): void {
    this.events.push('end')
    this.#resolve({ status: this.status, headers: this.headers, body: Buffer.concat(this.chunks).toString() })
  }
  onError(error: Error, sent: boolean): void {
    this.events.push('error')
    this.error = { error, sent }
    this.#reject(error)
  }
}

const post: UpstreamRequest = { method: 'POST', path: '/v1/x?a=b', headers: ['x-key', 'secret'], body: '{"a":"ä"}' }

function send(pool: UpstreamPool, request: UpstreamRequest = post): { sink: Sink; exchange: UpstreamExchange } {
  const sink = new Sink()
  return { sink, exchange: pool.send(request, sink) }
}

const hello = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello'

describe('a request and its answer', () => {
  it('is written whole, and answered in the order of the phases', async () => {
    const server = await serve((socket) => socket.write(hello))
    const { sink } = send(open(server.origin))
    assert.deepEqual(await sink.done, {
      status: 200,
      headers: ['content-type', 'text/plain', 'content-length', '5'],
      body: 'hello',
    })
    assert.deepEqual(sink.events, ['sent', 'head', 'data', 'end'])
    const host = server.origin.slice('http://'.length)
    assert.equal(
      Buffer.from(server.requests[0] ?? '', 'latin1').toString(),
      `POST /v1/x?a=b HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nx-key: secret\r\ncontent-length: 10\r\n\r\n{"a":"ä"}`,
    )
  })

  it('keeps every byte of bodies of all kinds and sizes', async () => {
    const server = await serve((socket) => socket.write(hello))
    const pool = open(server.origin)
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    const bodies = [bytes, Buffer.alloc(300_000, bytes), '', 'ascii', 'ü'.repeat(100_000), null, Buffer.alloc(0)]
    for (const body of bodies) await send(pool, { ...post, body }).sink.done
    assert.deepEqual(
      server.requests.map((request) => request.slice(request.indexOf('\r\n\r\n') + 4)),
      bodies.map((body) => Buffer.from(body ?? '').toString('latin1')),
    )
    assert.equal(server.sockets.length, 1)
  })

  it('may have the operator’s own Host, and a GET no body', async () => {
    const server = await serve((socket) => socket.write(hello))
    await send(open(server.origin), { method: 'GET', path: '/', headers: ['Host', 'other'], body: null }).sink.done
    assert.equal(server.requests[0], 'GET / HTTP/1.1\r\nconnection: keep-alive\r\nHost: other\r\n\r\n')
  })

  it('works over IPv6', async () => {
    const server = await serve((socket) => socket.write(hello), { host: '::1' })
    assert.equal((await send(open(server.origin)).sink.done).body, 'hello')
    assert.match(server.requests[0] ?? '', /host: \[::1\]:\d+\r\n/)
  })

  for (const [what, request] of Object.entries({
    'a header with a line end': { ...post, headers: ['x-a', 'b\r\nx-c: d'] },
    'a header name with a blank': { ...post, headers: ['x a', 'b'] },
    'a header that frames the body': { ...post, headers: ['Transfer-Encoding', 'chunked'] },
    'a header beyond Latin-1': { ...post, headers: ['x-a', '☃'] },
    'a path with a blank': { ...post, path: '/a b' },
    'a path with a line end': { ...post, path: '/a\r\nx: y' },
    'a path that is not one': { ...post, path: 'http://elsewhere/' },
  })) {
    it(`is refused with ${what}, before a connection is made`, async () => {
      const server = await serve((socket) => socket.write(hello))
      const { sink } = send(open(server.origin), request)
      await assert.rejects(sink.done, TypeError)
      assert.equal(sink.error?.sent, false)
      assert.doesNotMatch(sink.error?.error.message ?? '', /x-c/)
      assert.equal(server.sockets.length, 0)
    })
  }
})

describe('connections', () => {
  it('are used again, the latest first', async () => {
    const server = await serve((socket) => socket.write(hello))
    const pool = open(server.origin)
    await Promise.all([send(pool).sink.done, send(pool).sink.done])
    assert.equal(server.sockets.length, 2)
    for (let count = 0; count < 5; count += 1) await send(pool).sink.done
    assert.equal(server.sockets.length, 2)
  })

  it('carry one request at a time', async () => {
    const waiting: Socket[] = []
    const server = await serve((socket) => waiting.push(socket))
    const pool = open(server.origin)
    const sent = [send(pool), send(pool), send(pool)]
    while (waiting.length < 3) await sleep(5)
    assert.equal(new Set(waiting).size, 3)
    for (const socket of waiting) socket.write(hello)
    await Promise.all(sent.map(({ sink }) => sink.done))
  })

  for (const [what, answer] of Object.entries({
    'says `Connection: close`': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
    'is of HTTP/1.0': 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'leaves no time to use it again': 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 5\r\n\r\nhello',
    'is followed by bytes that nobody asked for': `${hello}HTTP/1.1 200 OK\r\n`,
  })) {
    it(`are not used again after an answer that ${what}`, async () => {
      const server = await serve((socket) => socket.write(answer))
      const pool = open(server.origin)
      assert.equal((await send(pool).sink.done).body, 'hello')
      await send(pool).sink.done
      assert.equal(server.sockets.length, 2)
    })
  }

  it('are closed when bytes come while they are idle', async () => {
    const server = await serve((socket) => socket.write(hello))
    const pool = open(server.origin)
    await send(pool).sink.done
    server.sockets[0]?.write('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n')
    await sleep(30)
    assert.equal((await send(pool).sink.done).status, 200)
    assert.equal(server.sockets.length, 2)
  })

  it('are not used again when the answer came before the whole request was written', async () => {
    const server = await serve(() => {}, {
      onConnection(socket) {
        socket.once('data', () => {
          socket.pause()
          socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')
        })
      },
    })
    const pool = open(server.origin)
    assert.equal((await send(pool, { ...post, body: Buffer.alloc(30_000_000) }).sink.done).status, 413)
    assert.equal((await send(pool).sink.done).status, 413)
    assert.equal(server.sockets.length, 2)
  })

  it('close after their idle time', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 5\r\n\r\nhello')
    })
    await send(open(server.origin)).sink.done
    const closed = new Promise((resolve) => server.sockets[0]?.once('close', resolve))
    const startedAt = performance.now()
    await closed
    const ms = performance.now() - startedAt
    assert.ok(ms > 900 && ms < 1_900, `${ms} ms`)
  })

  it('end with the pool, running exchanges first', async () => {
    let answer: (() => void) | undefined
    const server = await serve((socket) => {
      answer = () => socket.write(hello)
    })
    const pool = open(server.origin)
    const { sink } = send(pool)
    while (answer === undefined) await sleep(5)
    let closed = false
    const closing = pool.close().then(() => {
      closed = true
    })
    await sleep(20)
    assert.equal(closed, false)
    answer()
    assert.equal((await sink.done).body, 'hello')
    await closing
    const late = send(pool)
    await assert.rejects(late.sink.done, /closed/)
    assert.equal(late.sink.error?.sent, false)
  })
})

describe('a failure', () => {
  it('to connect is one where nothing was sent', async () => {
    const server = await serve(() => {})
    const pool = open('http://127.0.0.1:1')
    const { sink } = send(pool)
    await assert.rejects(sink.done, { code: 'ECONNREFUSED' })
    assert.deepEqual([sink.error?.sent, sink.events], [false, ['error']])
    assert.equal(server.requests.length, 0)
  })

  it('of a name is one where nothing was sent', async () => {
    const { sink } = send(open('http://name.invalid:80'))
    await assert.rejects(sink.done, /name\.invalid/)
    assert.equal(sink.error?.sent, false)
  })

  for (const [what, part] of Object.entries({
    'before an answer': '',
    'in the head': 'HTTP/1.1 200 OK\r\nConte',
    'in a counted body': hello.slice(0, -1),
    'in a chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel',
    'before the last chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
  })) {
    it(`${what} by an end of the connection is one after sending`, async () => {
      const server = await serve((socket) => socket.end(part))
      const { sink } = send(open(server.origin))
      await assert.rejects(sink.done, /closed the connection/)
      assert.equal(sink.error?.sent, true)
    })
    it(`${what} by a reset is one after sending`, async () => {
      const server = await serve((socket) => {
        socket.write(part)
        setTimeout(() => socket.resetAndDestroy(), 20)
      })
      const { sink } = send(open(server.origin))
      await assert.rejects(sink.done, { code: 'ECONNRESET' })
      assert.equal(sink.error?.sent, true)
    })
  }

  it('of the answer’s grammar is one after sending, and ends the connection', async () => {
    const server = await serve((socket) => socket.write('HTTP/1.1 200 OK\r\nx-a: 1\nx-b: 2\r\n\r\n'))
    const { sink } = send(open(server.origin))
    await assert.rejects(sink.done, { name: 'MalformedMessage' })
    assert.equal(sink.error?.sent, true)
    await sleep(20)
    assert.equal(server.sockets[0]?.destroyed, true)
  })

  it('inside the sink ends the exchange', async () => {
    const server = await serve((socket) => socket.write(hello))
    const { sink } = send(open(server.origin))
    sink.onChunk = () => {
      throw new RangeError('no room')
    }
    await assert.rejects(sink.done, /no room/)
  })
})

describe('a kept-alive connection that the server resets in the instant of its reuse', () => {
  it('costs nothing: the request goes on another one, which is the only one to see it', async () => {
    const server = await serve((socket) => socket.write(hello))
    const pool = open(server.origin)
    await send(pool).sink.done
    // The reset reaches our kernel before we write, and our event loop after it.
    server.sockets[0]?.resetAndDestroy()
    const { sink } = send(pool)
    assert.equal((await sink.done).body, 'hello')
    assert.deepEqual(sink.events, ['sent', 'head', 'data', 'end'])
    assert.deepEqual([server.requests.length, server.sockets.length], [2, 2])
  })

  it('is no reason to try for ever: a fresh connection that dies is a failure', async () => {
    const server = await serve(() => {}, { onConnection: (socket) => socket.resetAndDestroy() })
    const { sink } = send(open(server.origin))
    await assert.rejects(sink.done)
    assert.equal(server.sockets.length, 1)
  })
})

describe('an abort', () => {
  it('before the connection exists is silent', async () => {
    const server = await serve((socket) => socket.write(hello))
    const { sink, exchange } = send(open(server.origin))
    exchange.abort()
    await sleep(50)
    assert.deepEqual(sink.events, [])
    assert.equal(server.requests.length, 0)
  })

  it('in the turn of a reuse sends nothing', async () => {
    const server = await serve((socket) => socket.write(hello))
    const pool = open(server.origin)
    await send(pool).sink.done
    const { sink, exchange } = send(pool)
    exchange.abort()
    await sleep(50)
    assert.deepEqual(sink.events, [])
    assert.equal(server.requests.length, 1)
  })

  it('while an answer comes ends the connection, inside of a chunk too', async () => {
    const server = await serve((socket) => socket.write(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(100_000)}`))
    const { sink, exchange } = send(open(server.origin))
    sink.onChunk = () => exchange.abort()
    while (server.sockets[0]?.destroyed !== true) await sleep(5)
    assert.equal(sink.chunks.length, 1)
    assert.deepEqual(sink.events, ['sent', 'head', 'data'])
  })

  it('after the end does nothing to the next exchange', async () => {
    const server = await serve((socket) => socket.write(hello))
    const pool = open(server.origin)
    const first = send(pool)
    await first.sink.done
    const second = send(pool)
    first.exchange.abort()
    first.exchange.pause()
    assert.equal((await second.sink.done).body, 'hello')
    assert.equal(server.sockets.length, 1)
  })
})

const makeTls = (): { key: string; cert: string } => {
  const directory = mkdtempSync(join(tmpdir(), 'midflight-tls-'))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' })
  const pair = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  rmSync(directory, { recursive: true })
  return pair
}

async function slowReader(server: RawServer, written: () => number, total: number): Promise<void> {
  const { sink, exchange } = send(open(server.origin))
  sink.onChunk = () => exchange.pause()
  while (sink.chunks.length === 0) await sleep(5)
  await sleep(100)
  const held = written()
  const seen = Buffer.concat(sink.chunks).length
  assert.ok(seen <= 200_000, `${seen} bytes came after the pause`)
  await sleep(100)
  assert.equal(written(), held, 'the server is held up')
  assert.ok(held < total)
  sink.onChunk = undefined
  exchange.resume()
  assert.equal((await sink.done).body.length, total)
}

function writer(total: number): { onRequest: OnRequest; written: () => number } {
  let drained = 0
  const piece = Buffer.alloc(100_000, 'x')
  return {
    written: () => drained,
    onRequest(socket) {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
      const more = (): void => {
        if (drained >= total) return
        drained += piece.length
        socket.write(piece, more)
      }
      more()
    },
  }
}

describe('a pause', () => {
  const total = 30_000_000
  it('holds the server up until the resume', async () => {
    const { onRequest, written } = writer(total)
    await slowReader(await serve(onRequest), written, total)
  })

  it('in the last piece of an answer does not stay with the connection', async () => {
    const server = await serve((socket) => socket.write(hello))
    const pool = open(server.origin)
    const { sink, exchange } = send(pool)
    sink.onChunk = () => exchange.pause()
    await sink.done
    assert.equal((await send(pool).sink.done).body, 'hello')
    assert.equal(server.sockets.length, 1)
  })
})

describe('TLS', () => {
  it('refuses a certificate that nobody vouches for, with nothing sent', async () => {
    const server = await serve((socket) => socket.write(hello), { tls: makeTls() })
    const { sink } = send(open(server.origin))
    await assert.rejects(sink.done, /self-signed/)
    assert.deepEqual([sink.error?.sent, server.requests.length], [false, 0])
  })

  it('connects where the certificate is trusted, keeps the connection, resumes sessions and holds up fast servers', async () => {
    const pair = makeTls()
    const trusted = getCACertificates('default')
    setDefaultCACertificates([...trusted, pair.cert])
    cleanups.push(() => setDefaultCACertificates(trusted))
    const reused: boolean[] = []
    const total = 10_000_000
    const { onRequest, written } = writer(total)
    const server = await serve(
      (socket, request, count) => {
        if (socket instanceof TLSSocket) reused.push(socket.isSessionReused())
        if (count <= 2) socket.write(hello)
        else if (count === 3) socket.end(hello.replace('\r\n', '\r\nConnection: close\r\n'))
        else onRequest(socket, request, count)
      },
      { tls: pair },
    )
    const pool = open(server.origin)
    for (let count = 0; count < 3; count += 1) assert.equal((await send(pool).sink.done).body, 'hello')
    assert.equal(server.sockets.length, 1)
    const { sink, exchange } = send(pool)
    sink.onChunk = () => exchange.pause()
    while (sink.chunks.length === 0) await sleep(5)
    await sleep(100)
    assert.ok(Buffer.concat(sink.chunks).length < total && written() < total)
    sink.onChunk = undefined
    exchange.resume()
    assert.equal((await sink.done).body.length, total)
    assert.deepEqual(reused, [false, false, false, true])
  })
})
