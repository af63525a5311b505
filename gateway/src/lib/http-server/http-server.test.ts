import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, bodyOf, listen, RawCaller, serve, until } from '../../../test/raw-caller.ts'
import type { HttpExchange } from './http-exchange.ts'
import { HttpServer } from './http-server.ts'

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`
const post = (target: string, body: string, lines = ''): string =>
  `POST ${target} HTTP/1.1\r\nhost: a\r\n${lines}content-length: ${body.length}\r\n\r\n${body}`

describe('a connection', () => {
  it('carries one request after the other', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, exchange.request.target))
    const caller = new RawCaller(context, port, get('/1'))
    await caller.receives('/1')
    assert.match(
      caller.text,
      /^HTTP\/1\.1 200 OK\r\ncontent-length: 2\r\ndate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\nconnection: keep-alive\r\nkeep-alive: timeout=75\r\n\r\n\/1$/,
    )
    for (const target of ['/2', '/3']) {
      caller.send(get(target))
      await caller.receives(target)
    }
    assert.equal(caller.ended, false)
  })

  it('answers requests that came at once in their order, one at a time', async (context) => {
    let open = 0
    const waits = [30, 0, 15, 0]
    const { port } = await serve(context, async (exchange) => {
      open += 1
      assert.equal(open, 1)
      const body = await bodyOf(exchange)
      await sleep(waits.shift())
      open -= 1
      answer(exchange, `${exchange.request.target}=${body};`)
    })
    const caller = new RawCaller(
      context,
      port,
      `${post('/1', 'one')}${get('/2')}\r\n${post('/3', 'three')}${get('/4')}`,
    )
    await caller.receives('/4=;')
    assert.deepEqual(caller.text.match(/\/\d=\w*;/g), ['/1=one;', '/2=;', '/3=three;', '/4=;'])
  })

  it('serves thousands of requests that came at once without going deeper and deeper', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'x'))
    const caller = new RawCaller(context, port, get('/').repeat(5_000) + post('/last', ''))
    await until('5,001 answers', () => caller.statuses.length === 5_001)
    assert.equal(caller.ended, false)
  })

  it('is not kept when the caller asks for its end', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'bye'))
    const caller = new RawCaller(context, port, `GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n${get('/2')}`)
    await caller.isEnded()
    assert.match(caller.text, /\r\nconnection: close\r\n\r\nbye$/)
    assert.deepEqual(caller.statuses, [200])
  })

  it('is not kept when the answer is the last', async (context) => {
    const { port } = await serve(context, (exchange) => {
      exchange.closeAfter()
      answer(exchange, 'bye')
    })
    const caller = new RawCaller(context, port, get('/1') + get('/2'))
    await caller.isEnded()
    assert.match(caller.text, /\r\nconnection: close\r\n\r\nbye$/)
    assert.deepEqual(caller.statuses, [200])
  })

  it('tells where it comes from, also when it is gone', async (context) => {
    let seen: HttpExchange | undefined
    const { port } = await serve(context, (exchange) => {
      seen = exchange
    })
    const caller = new RawCaller(context, port, get('/'))
    await until('a request', () => seen !== undefined)
    assert.equal(seen?.remoteAddress, '127.0.0.1')
    caller.socket.resetAndDestroy()
    await until('its end', () => seen?.remoteAddress === '')
  })
})

describe('a body', () => {
  const large = 'ab'.repeat(1_000_000)

  for (const [what, lines] of Object.entries({
    counted: `content-length: ${large.length}\r\n\r\n${large}`,
    chunked: `transfer-encoding: chunked\r\n\r\n${'10000\r\n'.concat(large.slice(0, 65_536), '\r\n').repeat(30)}0\r\n\r\n`,
  })) {
    it(`arrives whole though it is wanted late: ${what}`, async (context) => {
      const { port } = await serve(context, async (exchange) => {
        await sleep(30)
        const body = await bodyOf(exchange)
        answer(exchange, `${body.length} ${body === large.slice(0, body.length)} ${exchange.complete}`)
      })
      const caller = new RawCaller(context, port, `POST / HTTP/1.1\r\nhost: a\r\n${lines}${get('/')}`)
      await until('two answers', () => caller.statuses.length === 2)
      await caller.receives('\r\n\r\n0 true true')
      assert.match(caller.text, new RegExp(`${what === 'counted' ? 2_000_000 : 1_966_080} true true`))
    })
  }

  it('comes in the pieces in which it was sent', async (context) => {
    const pieces: string[] = []
    const { port } = await serve(context, (exchange) => {
      exchange.readBody({
        onData: (bytes) => pieces.push(bytes.toString()),
        onEnd: () => answer(exchange, 'ok'),
        onError: assert.fail,
      })
    })
    const caller = new RawCaller(context, port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\none')
    for (const [index, piece] of ['two', 'six'].entries()) {
      await until(`${index + 1} pieces`, () => pieces.length === index + 1)
      caller.send(piece)
    }
    await caller.receives('ok')
    assert.deepEqual(pieces, ['one', 'two', 'six'])
  })

  for (const [what, body] of Object.entries({ small: 'x', large })) {
    it(`that nobody wants is dropped, and the next request served: ${what}`, async (context) => {
      const { port } = await serve(context, (exchange) => answer(exchange, exchange.request.target))
      const caller = new RawCaller(context, port, post('/1', body))
      await caller.receives('/1')
      caller.send(get('/2'))
      await caller.receives('/2')
      assert.deepEqual(caller.statuses, [200, 200])
    })
  }

  it('that is answered in its midst is dropped from there', async (context) => {
    let pieces = 0
    const { port } = await serve(context, (exchange) => {
      if (exchange.request.method === 'GET') return answer(exchange, 'next')
      exchange.readBody({
        onData: () => {
          pieces += 1
          answer(exchange, 'enough')
        },
        onEnd: assert.fail,
        onError: assert.fail,
      })
    })
    const caller = new RawCaller(context, port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\none')
    await caller.receives('enough')
    caller.send(`two${get('/')}`)
    await caller.receives('next')
    assert.equal(pieces, 1)
  })

  it('that came with its head is complete as soon as it is read', async (context) => {
    const told: string[] = []
    const { port } = await serve(context, (exchange) => {
      told.push(`${exchange.complete}`)
      exchange.readBody({
        onData: (bytes) => told.push(bytes.toString()),
        onEnd: () => {
          told.push(`end ${exchange.complete}`)
          answer(exchange, 'ok')
        },
        onError: assert.fail,
      })
      told.push('handler done')
    })
    const caller = new RawCaller(context, port, get('/') + post('/', 'body'))
    await until('two answers', () => caller.statuses.length === 2)
    assert.deepEqual(told, ['true', 'end true', 'handler done', 'false', 'handler done', 'body', 'end true'])
  })
})

describe('a caller that waits to be asked for its body', () => {
  const expecting = 'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n'

  it('is asked when it is wanted, and not before', async (context) => {
    let wanted: (() => void) | undefined
    const { port } = await serve(context, (exchange) => {
      wanted = () => void bodyOf(exchange).then((body) => answer(exchange, body))
    })
    const caller = new RawCaller(context, port, expecting)
    await until('a request', () => wanted !== undefined)
    await sleep(20)
    assert.equal(caller.text, '')
    wanted?.()
    await caller.receives('HTTP/1.1 100 Continue\r\n\r\n')
    caller.send('body')
    await caller.receives('keep-alive: timeout=75\r\n\r\nbody')
    assert.deepEqual(caller.statuses, [100, 200])
  })

  it('is not asked when it did not wait', async (context) => {
    const { port } = await serve(context, (exchange) => void bodyOf(exchange).then((body) => answer(exchange, body)))
    const caller = new RawCaller(context, port, `${expecting}body`)
    await caller.receives('\r\n\r\nbody')
    assert.deepEqual(caller.statuses, [200])
  })

  it('is not asked, and its connection ends, when it is answered without', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'no'))
    const caller = new RawCaller(context, port, expecting)
    await caller.isEnded()
    assert.match(caller.text, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n\r\nno$/)
  })

  it('is not asked in the midst of its answer', async (context) => {
    const { port } = await serve(context, (exchange) => {
      exchange.open(200, ['content-length', '4'])
      exchange.write('on')
      void bodyOf(exchange).then(() => exchange.end('e!'))
    })
    const caller = new RawCaller(context, port, expecting)
    await caller.receives('on')
    caller.send('body')
    await caller.isEnded()
    assert.match(caller.text, /\r\nconnection: close\r\n\r\none!$/)
    assert.deepEqual(caller.statuses, [200])
  })
})

describe('a server', () => {
  it('that closes ends idle connections, and waits for those that are busy', async (context) => {
    let busy: HttpExchange | undefined
    const { server, port } = await serve(context, (exchange) => {
      if (exchange.request.target === '/idle') return answer(exchange, 'idle')
      busy = exchange
      exchange.open(200, [])
      exchange.write('first ')
    })
    const idle = new RawCaller(context, port, get('/idle'))
    await idle.receives('idle')
    const caller = new RawCaller(context, port, get('/busy'))
    await caller.receives('first \r\n')
    let closed = false
    const closing = server.close().then(() => {
      closed = true
    })
    await idle.isEnded()
    await sleep(50)
    assert.deepEqual([closed, caller.ended], [false, false])
    busy?.end('last')
    await caller.receives('4\r\nlast\r\n0\r\n\r\n')
    // The head of this answer promised that the connection stays, and it was true then.
    await closing
    await caller.isEnded()
  })

  it('that closes still answers what has come before the connection was idle', async (context) => {
    let busy: HttpExchange | undefined
    const { server, port } = await serve(context, (exchange) => {
      if (exchange.request.target === '/2') answer(exchange, 'second')
      else busy = exchange
    })
    const caller = new RawCaller(context, port, get('/1') + get('/2'))
    await until('a request', () => busy !== undefined)
    const closing = server.close()
    if (busy !== undefined) answer(busy, 'first')
    await caller.receives('second')
    await closing
  })

  it('that closes has let the caller of a last answer read it', async (context) => {
    const { server, port } = await serve(context, (exchange) => {
      exchange.closeAfter()
      answer(exchange, 'refused')
    })
    const caller = new RawCaller(context, port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nbegin')
    caller.socket.pause()
    await until('an answer', () => caller.socket.bytesRead > 0)
    const closing = server.close()
    for (let sent = 0; sent < 10; sent += 1) {
      caller.send('x'.repeat(10_000))
      await sleep(5)
    }
    caller.socket.resume()
    await caller.receives('refused')
    caller.socket.end()
    await closing
    assert.equal(caller.failed, undefined)
  })

  it('can end all connections at once', async (context) => {
    const told: string[][] = []
    const { server, port } = await serve(context, (exchange) => void told.push(listen(exchange)))
    const callers = [new RawCaller(context, port, get('/')), new RawCaller(context, port, get('/'))]
    await until('two requests', () => told.length === 2)
    const closed = server.close()
    server.closeConnections()
    await closed
    for (const caller of callers) await caller.isEnded()
    assert.deepEqual(told, [['cut'], ['cut']])
  })

  it('says why it cannot listen', async (context) => {
    const { port, server } = await serve(context, () => {})
    const second = new HttpServer({ times: server.times, onRequest() {}, refusalOf: (error) => assert.fail(error) })
    await assert.rejects(second.listen('127.0.0.1', port), { code: 'EADDRINUSE' })
    await second.close()
  })
})
