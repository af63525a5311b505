import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, bodyOf, listen, RawCaller, serve, until } from '../../../test/raw-caller.ts'
import { HttpExchange } from './http-exchange.ts'

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`
const large = Buffer.alloc(8_000_000, 'xyz')

describe('an answer', () => {
  it('of no declared length is sent in chunks', async (context) => {
    const { port } = await serve(context, (exchange) => {
      exchange.open(201, ['x-a', 'b'])
      exchange.write('one')
      exchange.write('')
      exchange.writeLarge(Buffer.from('two'))
      exchange.writeLarge(Buffer.alloc(0))
      exchange.end('a longer last piece')
    })
    const caller = new RawCaller(context, port, get('/'))
    await caller.receives('\r\n\r\n3\r\none\r\n3\r\ntwo\r\n13\r\na longer last piece\r\n0\r\n\r\n')
    assert.match(
      caller.text,
      /^HTTP\/1\.1 201 Created\r\nx-a: b\r\ndate: .*\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n/,
    )
  })

  it('may be nothing but its end', async (context) => {
    const { port } = await serve(context, (exchange) => {
      exchange.open(200, exchange.request.target === '/counted' ? ['content-length', '0'] : [])
      exchange.end('')
    })
    const caller = new RawCaller(context, port, get('/counted') + get('/'))
    await caller.receives('timeout=75\r\n\r\n0\r\n\r\n')
    assert.equal(caller.statuses.length, 2)
  })

  it('of declared length may come in pieces', async (context) => {
    const { port } = await serve(context, (exchange) => {
      exchange.open(200, ['content-length', '9'])
      exchange.write('one')
      exchange.writeLarge(Buffer.from('two'))
      exchange.end('six')
    })
    const caller = new RawCaller(context, port, get('/') + get('/'))
    await until('two answers', () => caller.text.match(/\r\n\r\nonetwosix/g)?.length === 2)
  })

  it('keeps every byte', async (context) => {
    const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('')
    const { port } = await serve(context, (exchange) => answer(exchange, bytes))
    await new RawCaller(context, port, get('/')).receives(`\r\n\r\n${bytes}`)
  })

  for (const [what, request, status] of [
    ['to HEAD', 'HEAD / HTTP/1.1\r\nhost: a\r\n\r\n', 200],
    ['204', get('/'), 204],
    ['304', get('/'), 304],
  ] as const) {
    it(`has no body, whatever is written: ${what}`, async (context) => {
      const { port } = await serve(context, (exchange) => {
        if (exchange.request.target === '/next') return answer(exchange, 'next')
        exchange.open(status, status === 200 ? ['content-length', '5'] : [])
        exchange.write('one')
        exchange.writeLarge(Buffer.from('two'))
        exchange.end('six')
      })
      const caller = new RawCaller(context, port, request)
      await caller.receives('\r\n\r\n')
      caller.send(get('/next'))
      await caller.receives('\r\n\r\nnext')
      assert.doesNotMatch(caller.text, /one|two|six|chunked/)
      assert.equal(caller.text.includes('content-length: 5\r\n'), status === 200)
    })
  }

  it('to HTTP/1.0 ends with its connection, if it has no length', async (context) => {
    const { port } = await serve(context, (exchange) => {
      exchange.open(200, [])
      exchange.write('one')
      exchange.writeLarge(Buffer.from('two'))
      exchange.end('six')
    })
    const caller = new RawCaller(context, port, 'GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n')
    await caller.isEnded()
    assert.match(caller.text, /\r\nconnection: close\r\n\r\nonetwosix$/)
    assert.doesNotMatch(caller.text, /chunked/)
  })

  it('to HTTP/1.0 is the last, unless the caller asks for more and its length is told', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'ok'))
    const first = new RawCaller(context, port, 'GET / HTTP/1.0\r\n\r\n')
    await first.isEnded()
    assert.match(first.text, /\r\nconnection: close\r\n\r\nok$/)
    const second = new RawCaller(context, port, 'GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n'.repeat(2))
    await until('two answers', () => second.statuses.length === 2)
    assert.match(second.text, /\r\nconnection: keep-alive\r\n/)
    assert.equal(second.ended, false)
  })

  it('with a header that cannot be sent is none, and another can be given', async (context) => {
    const refused: unknown[] = []
    const { port } = await serve(context, (exchange) => {
      for (const fields of [
        ['x-a', 'b\r\nx-evil: 1'],
        ['x-a', 'b\n'],
        ['x-a', '\r'],
        ['x-a', 'b\r\n\r\nHTTP/1.1 200 OK'],
        ['x-a', '\0'],
        ['x-a', '\u0100'],
        ['x a', 'b'],
        ['x-a: b\r\nx-evil', '1'],
        ['', 'b'],
      ]) {
        try {
          exchange.open(200, fields)
        } catch (error) {
          assert.ok(error instanceof TypeError)
          refused.push(exchange.opened)
        }
      }
      answer(exchange, 'fine')
    })
    const caller = new RawCaller(context, port, get('/'))
    await caller.receives('fine')
    assert.deepEqual(refused, Array(9).fill(false))
    assert.doesNotMatch(caller.text, /evil|x-a/)
    assert.equal(caller.statuses.length, 1)
  })

  for (const [what, finish] of Object.entries({
    'shorter by nothing at all': (exchange: HttpExchange) => exchange.end(''),
    shorter: (exchange: HttpExchange) => exchange.end('four'),
    longer: (exchange: HttpExchange) => exchange.end('sixsix'),
    'longer by a piece': (exchange: HttpExchange) => {
      exchange.write('five!')
      exchange.write('six')
      exchange.end('')
    },
    'longer by large bytes': (exchange: HttpExchange) => {
      exchange.writeLarge(Buffer.from('five!six'))
      exchange.end('')
    },
  })) {
    it(`that is not as long as it was declared drops the connection: ${what}`, async (context) => {
      const told: string[][] = []
      const { port } = await serve(context, (exchange) => {
        told.push(listen(exchange))
        exchange.open(200, ['content-length', '5'])
        finish(exchange)
      })
      const caller = new RawCaller(context, port, get('/') + get('/'))
      await caller.isEnded()
      await until('its end', () => told[0]?.length === 1)
      assert.deepEqual(told, [['cut']])
      assert.doesNotMatch(caller.text, /six/)
    })
  }

  it('is not complete when it is dropped', async (context) => {
    const told: string[][] = []
    const { port } = await serve(context, (exchange) => {
      told.push(listen(exchange))
      exchange.open(200, [])
      exchange.write('part')
      exchange.destroy()
      exchange.end('last')
    })
    const caller = new RawCaller(context, port, get('/') + get('/'))
    await caller.isEnded()
    assert.doesNotMatch(caller.text, /last|0\r\n\r\n/)
    assert.deepEqual(told, [['cut']])
  })
})

describe('an answer to a caller who reads slowly', () => {
  it('is told of when there is room again, and when it has left', async (context) => {
    let exchange: HttpExchange | undefined
    let told: string[] = []
    const { port } = await serve(context, (one) => {
      exchange = one
      told = listen(one)
      one.open(200, [])
      while (one.writeLarge(large));
    })
    const caller = new RawCaller(context, port, get('/'))
    caller.socket.pause()
    await until('an answer', () => exchange !== undefined)
    await sleep(30)
    assert.deepEqual(told, [])
    caller.socket.resume()
    await until('room', () => told.includes('drain'))
    exchange?.end('last')
    await caller.receives('4\r\nlast\r\n0\r\n\r\n')
    assert.equal(told.at(-1), 'whole')
  })

  it('is over when its last byte has left, and the next request waits until then', async (context) => {
    const told: string[][] = []
    const { port } = await serve(context, (exchange) => {
      told.push(listen(exchange))
      exchange.open(200, ['content-length', String(large.length)])
      exchange.writeLarge(large)
      exchange.end('')
    })
    const caller = new RawCaller(context, port, get('/1') + get('/2'))
    caller.socket.pause()
    await until('an answer', () => told.length > 0)
    await sleep(30)
    assert.deepEqual(told, [[]])
    caller.socket.resume()
    await until('two answers', () => told[1]?.at(-1) === 'whole')
    assert.equal(told[0]?.at(-1), 'whole')
  })
})

describe('an exchange that is over', () => {
  const useAll = (exchange: HttpExchange): void => {
    exchange.write('late')
    exchange.writeLarge(Buffer.from('late'))
    exchange.end('late')
    exchange.closeAfter()
    exchange.readBody({ onData: () => assert.fail('late'), onEnd: assert.fail, onError: assert.fail })
    exchange.destroy()
  }

  it('does nothing to the next one of its connection', async (context) => {
    const seen: HttpExchange[] = []
    const { port } = await serve(context, (exchange) => {
      seen.push(exchange)
      if (seen.length === 1) return answer(exchange, 'first')
      const [first] = seen
      if (first !== undefined) useAll(first)
      exchange.open(200, ['content-length', '6'])
      exchange.write('sec')
      if (first !== undefined) useAll(first)
      void bodyOf(exchange).then(() => {
        if (first !== undefined) useAll(first)
        exchange.end('ond')
      })
    })
    const caller = new RawCaller(context, port, get('/1') + get('/2'))
    await caller.receives('\r\n\r\nsecond')
    caller.send(get('/3'))
    await until('three answers', () => caller.statuses.length === 3)
    assert.doesNotMatch(caller.text, /late/)
  })

  it('adds nothing to an answer that was ended and has not left yet', async (context) => {
    for (const fields of [[], ['content-length', String(large.length)]]) {
      let over = false
      const { port } = await serve(context, (exchange) => {
        if (exchange.request.target === '/2') return answer(exchange, 'second')
        exchange.open(200, fields)
        exchange.writeLarge(large)
        exchange.end('')
        exchange.write('late')
        exchange.writeLarge(Buffer.from('late'))
        exchange.end('late')
        over = true
      })
      const caller = new RawCaller(context, port, get('/1') + get('/2'))
      caller.socket.pause()
      await until('an answer', () => over)
      caller.socket.resume()
      await caller.receives('\r\n\r\nsecond')
      // Not `doesNotMatch`, which would print it all.
      assert.ok(!caller.text.includes('late'))
    }
  })

  it('is told so once', async (context) => {
    const told: string[][] = []
    const { port } = await serve(context, (exchange) => {
      told.push(listen(exchange))
      answer(exchange, 'ok')
    })
    const caller = new RawCaller(context, port, get('/1') + get('/2'))
    await until('two answers', () => caller.statuses.length === 2)
    caller.socket.destroy()
    await sleep(20)
    assert.deepEqual(told, [['whole'], ['whole']])
  })

  it('never had a connection when it was made without one', () => {
    const request = {
      method: 'GET',
      target: '/',
      fields: [],
      length: undefined,
      keepsAlive: true,
      takesChunks: true,
      expectsContinue: false,
    }
    const exchange = new HttpExchange(request, undefined)
    exchange.open(200, [])
    useAll(exchange)
    assert.equal(exchange.remoteAddress, '')
  })
})
