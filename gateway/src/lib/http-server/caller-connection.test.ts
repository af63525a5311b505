import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, bodyOf, listen, RawCaller, serve, until } from '../../../test/raw-caller.ts'
import type { HttpExchange } from './http-exchange.ts'

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`
const inChunks = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'
const counted = (length: number): string => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`

describe('a caller that hangs up', () => {
  for (const [what, sent] of Object.entries({
    'after its request': get('/'),
    'with an empty line behind its request': `${get('/')}\r\n`,
    'with half a line end behind its request': `${get('/')}\r`,
    'with another request behind the first': get('/') + get('/2'),
    'with noise behind its request': `${get('/')}\0\0\0`,
    'in the midst of a body that nobody reads yet': `${counted(10)}four`,
  })) {
    it(`is told of while its answer is worked on: ${what}`, async (context) => {
      const told: string[][] = []
      const { port } = await serve(context, (exchange) => void told.push(listen(exchange)))
      const caller = new RawCaller(context, port, sent)
      await until('a request', () => told.length === 1)
      caller.socket.end()
      await until('the hang-up', () => told[0]?.length === 1)
      assert.deepEqual(told, [['hang-up']])
    })
  }

  it('is told of in the midst of a body', async (context) => {
    let told: string[] = []
    const { port } = await serve(context, (exchange) => {
      told = listen(exchange)
      void bodyOf(exchange)
    })
    const caller = new RawCaller(context, port, `${counted(10)}four`)
    caller.socket.end()
    await until('the hang-up', () => told.length === 1)
    assert.deepEqual(told, ['hang-up'])
  })

  it('is heard again when more requests had come than are kept, and some were answered', async (context) => {
    const held: HttpExchange[] = []
    const told: string[][] = []
    const { port } = await serve(context, (exchange) => {
      if (exchange.request.target === '/') return answer(exchange, 'ok')
      held.push(exchange)
      told.push(listen(exchange))
    })
    const few = get('/').repeat(1_300)
    const caller = new RawCaller(context, port, get('/1') + get('/').repeat(3_800) + get('/2') + few)
    caller.socket.end()
    await sleep(50)
    assert.deepEqual(told, [[]])
    if (held[0] !== undefined) answer(held[0], 'first')
    await until('the hang-up', () => told[1]?.length === 1)
    assert.deepEqual(told, [['whole'], ['hang-up']])
  })

  it('is told of as the end of its exchange when it resets the connection', async (context) => {
    const told: string[][] = []
    const { port } = await serve(context, (exchange) => void told.push(listen(exchange)))
    const caller = new RawCaller(context, port, get('/') + get('/2'))
    await until('a request', () => told.length === 1)
    caller.socket.resetAndDestroy()
    await until('its end', () => told[0]?.includes('cut') === true)
    assert.deepEqual(told, [['cut']])
  })

  it('with half of its connection only can still be answered, and gets no other answer', async (context) => {
    let exchange: HttpExchange | undefined
    let told: string[] = []
    const { port } = await serve(context, (one) => {
      exchange = one
      told = listen(one)
    })
    const caller = new RawCaller(context, port, get('/1') + get('/2'))
    caller.socket.end()
    await until('the hang-up', () => told.length === 1)
    if (exchange !== undefined) answer(exchange, 'after all')
    await caller.isEnded()
    assert.match(caller.text, /\r\n\r\nafter all$/)
    assert.deepEqual(told, ['hang-up', 'whole'])
  })

  it('between requests is forgotten', async (context) => {
    const { server, port } = await serve(context, (exchange) => answer(exchange, 'ok'))
    for (const sent of [get('/'), `${get('/')}\r\n`, `${get('/')}GET / HT`]) {
      const caller = new RawCaller(context, port, sent)
      await caller.receives('ok')
      caller.socket.end()
      await caller.isEnded()
      assert.deepEqual([caller.statuses, caller.failed], [[200], undefined])
    }
    await server.close()
  })
})

describe('bytes that are no request', () => {
  it('get one refusal, and nothing behind them is looked at', async (context) => {
    let requests = 0
    const { port } = await serve(context, (exchange) => {
      requests += 1
      answer(exchange, 'ok')
    })
    const caller = new RawCaller(context, port, `${get('/')}G\x00T / HTTP/1.1\r\n\r\n${get('/2')}`)
    await caller.receives('\r\n\r\na control character or a lone line end in the head')
    caller.send(`${get('/3')}\x00\x01`)
    await caller.isEnded()
    assert.match(
      caller.text,
      /HTTP\/1\.1 400 Bad Request\r\ncontent-length: 50\r\nconnection: close\r\ndate: .*\r\n\r\n/,
    )
    assert.deepEqual([caller.statuses, requests], [[200, 400], 1])
  })

  it('get their refusal also when nothing can follow', async (context) => {
    const { port } = await serve(context, () => assert.fail('a request'))
    const caller = new RawCaller(context, port, 'G(T / HTTP/1.1\r\n\r\n')
    caller.socket.end()
    await caller.isEnded()
    assert.deepEqual([caller.statuses, caller.failed], [[400], undefined])
  })

  it('wait until the answers before them were given', async (context) => {
    const { port } = await serve(context, (exchange) => void setTimeout(() => answer(exchange, 'slow'), 30))
    const caller = new RawCaller(context, port, `${get('/')}\0`)
    await caller.isEnded()
    assert.deepEqual(caller.statuses, [200, 400])
  })

  it('in a body are told to who reads it; the answer still leaves, and is the last', async (context) => {
    const { port } = await serve(context, (exchange) => {
      bodyOf(exchange).then(
        () => answer(exchange, 'good'),
        (error: Error) => setTimeout(() => answer(exchange, error.message), 20),
      )
    })
    const caller = new RawCaller(context, port, `${inChunks}5\r\nhello\r\n`)
    caller.send(`xyz\r\n${get('/2')}`)
    await caller.isEnded()
    assert.match(caller.text, /\r\nconnection: close\r\n\r\na chunk without a size$/)
    assert.deepEqual(caller.statuses, [200])
  })

  it('in a body that was dropped end the connection without another answer', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'early'))
    const caller = new RawCaller(context, port, `${inChunks}5\r\nhello\r\n`)
    await caller.receives('early')
    caller.send('xyz\r\n')
    await caller.isEnded()
    assert.deepEqual(caller.statuses, [200])
  })

  it('in a body whose answer is on its way do not cut it, and it is the last', async (context) => {
    const large = 'x'.repeat(8_000_000)
    let failed: Error | undefined
    const { port } = await serve(context, (exchange) => {
      bodyOf(exchange).catch((error: Error) => {
        failed = error
      })
      answer(exchange, large)
    })
    const caller = new RawCaller(context, port, `${inChunks}5\r\nhello\r\n`)
    caller.socket.pause()
    await sleep(30)
    caller.send('xyz\r\n')
    await until('the error', () => failed !== undefined)
    caller.socket.resume()
    await caller.isEnded()
    assert.ok(caller.text.endsWith(`\r\n\r\n${large}`))
  })
})

describe('after its last answer a connection', () => {
  it('takes what is still being sent, so that the answer arrives', async (context) => {
    const { port } = await serve(context, (exchange) => {
      exchange.closeAfter()
      exchange.open(413, ['content-length', '9'])
      exchange.end('too large')
    })
    const caller = new RawCaller(context, port, counted(50_000_000))
    caller.socket.pause()
    for (let sent = 0; sent < 20_000_000; sent += 1_000_000) {
      await new Promise((resolve) => caller.socket.write(Buffer.alloc(1_000_000), resolve))
    }
    caller.socket.resume()
    await caller.isEnded()
    assert.match(caller.text, /^HTTP\/1\.1 413 Content Too Large\r\n(?:.+\r\n)*\r\ntoo large$/)
    assert.equal(caller.failed, undefined)
  })

  it('takes it for two or three seconds and no longer', async (context) => {
    const { server, port } = await serve(context, (exchange) => {
      exchange.closeAfter()
      answer(exchange, 'enough')
    })
    const caller = new RawCaller(context, port, counted(1_000_000_000))
    await caller.receives('enough')
    const start = Date.now()
    const sending = setInterval(() => caller.send('more'), 50)
    context.after(() => clearInterval(sending))
    await until('the end', () => caller.closed)
    assert.ok(Date.now() - start < 4_500)
    await server.close()
  })
})

describe('a body that nobody reads yet', () => {
  it('is not taken from the caller without bounds', async (context) => {
    let exchange: HttpExchange | undefined
    const { port } = await serve(context, (one) => {
      exchange = one
    })
    const size = 30_000_000
    const caller = new RawCaller(context, port, counted(size))
    caller.socket.write(Buffer.alloc(size))
    await until('a request', () => exchange !== undefined)
    await sleep(50)
    assert.ok(caller.socket.writableLength > 0)
    const length = exchange === undefined ? 0 : (await bodyOf(exchange)).length
    assert.equal(length, size)
  })
})

describe('a thousand connections', () => {
  it('that wait need no timers of their own', async (context) => {
    const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
    const { server, port } = await serve(context, (exchange) => answer(exchange, 'ok'))
    const before = timers()
    const callers = Array.from({ length: 1_000 }, () => new RawCaller(context, port, get('/')))
    for (const caller of callers) await caller.receives('ok')
    assert.ok(timers() - before < 10, `${timers() - before}`)
    await server.close()
    for (const caller of callers) await caller.isEnded()
  })
})

describe('a last answer', () => {
  it('is read whole by a caller whose next request, or an empty line, comes before it was read', async (context) => {
    for (const late of [get('/2'), '\r\n']) {
      const size = 400_000
      let told: string[] = []
      const { port } = await serve(context, (exchange) => {
        told = listen(exchange)
        exchange.closeAfter()
        answer(exchange, 'z'.repeat(size))
      })
      const caller = new RawCaller(context, port, get('/'))
      caller.socket.pause()
      await until(
        'the request',
        () => told.length > 0 || caller.failed !== undefined,
        () => told.join(),
      )
      caller.send(late)
      await sleep(100)
      caller.socket.resume()
      await until('the end', () => caller.ended || caller.failed !== undefined)
      assert.equal(caller.failed, undefined)
      assert.ok(caller.text.length > size)
    }
  })
})

it('a body that came with its head leaves the connection open, though the caller would have waited', async (context) => {
  const { port } = await serve(context, (exchange) => answer(exchange, exchange.takeBody()?.toString() ?? 'none'))
  const post = `POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody`
  const caller = new RawCaller(context, port, post + post)
  await until('two answers', () => caller.statuses.length === 2)
  assert.doesNotMatch(caller.text, /connection: close/)
})
