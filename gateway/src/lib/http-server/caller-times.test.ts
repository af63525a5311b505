import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, bodyOf, listen, RawCaller, serve, until } from '../../../test/raw-caller.ts'

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`
const counted = (length: number): string => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`

// At the same time, because each is nothing but waiting.
describe('a caller who takes its time', { concurrency: true }, () => {
  it('with its first byte is told so, and let go', async (context) => {
    const { port } = await serve(context, () => assert.fail('a request'), { head: 1 })
    const caller = new RawCaller(context, port)
    await caller.isEnded()
    assert.match(
      caller.text,
      /^HTTP\/1\.1 408 Request Timeout\r\n(?:.+\r\n)*connection: close\r\ndate: .*\r\n\r\nthe head of a request$/,
    )
  })

  it('with its head is told so, however steadily it sends', async (context) => {
    const { port } = await serve(context, () => assert.fail('a request'), { head: 1 })
    const caller = new RawCaller(context, port, 'GET / HTTP/1.1\r\nhost: a\r\nx-a: ')
    const start = Date.now()
    const sending = setInterval(() => caller.send('x'), 50)
    context.after(() => clearInterval(sending))
    await caller.receives('\r\n\r\nthe head of a request')
    assert.ok(Date.now() - start < 4_000)
  })

  it('with a later head is told so, counted from its first byte', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'ok'), { head: 1, keepAlive: 75 })
    const caller = new RawCaller(context, port, get('/'))
    await sleep(2_100)
    assert.equal(caller.ended, false)
    caller.send('GET / HT')
    await caller.isEnded()
    assert.deepEqual(caller.statuses, [200, 408])
  })

  it('with its body can still be answered, and that answer is the last', async (context) => {
    const { port } = await serve(
      context,
      (exchange) => void bodyOf(exchange).catch((error: Error) => answer(exchange, `${error.name}: ${error.message}`)),
      { body: 1 },
    )
    const caller = new RawCaller(context, port, `${counted(100)}some`)
    const sending = setInterval(() => caller.send('x'), 100)
    context.after(() => clearInterval(sending))
    await caller.receives('connection: close\r\n\r\nRequestTimeout: the body')
    await caller.isEnded()
  })

  it('with a body that nobody reads is let go', async (context) => {
    let told: string[] = []
    const { port } = await serve(
      context,
      (exchange) => {
        told = listen(exchange)
      },
      { body: 1 },
    )
    const caller = new RawCaller(context, port, `${counted(100)}some`)
    await caller.isEnded()
    assert.equal(caller.text, '')
    await until('its end', () => told.length > 0)
    assert.deepEqual(told, ['cut'])
  })

  it('with a body whose answer was given is let go without another', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'early'), { body: 1 })
    const caller = new RawCaller(context, port, `${counted(100)}some`)
    await caller.isEnded()
    assert.deepEqual(caller.statuses, [200])
  })

  it('between two requests is let go without a word', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'ok'), { keepAlive: 1 })
    const caller = new RawCaller(context, port, get('/'))
    await caller.isEnded()
    assert.match(caller.text, /\r\nkeep-alive: timeout=1\r\n\r\nok$/)
    const withEmptyLine = new RawCaller(context, port, `${get('/')}\r\n`)
    await withEmptyLine.receives('ok')
  })

  it('between two requests has the time that it was promised', async (context) => {
    const { port } = await serve(context, (exchange) => answer(exchange, 'ok'), { keepAlive: 1 })
    const waits = [0, 250, 500, 750].map(async (ms) => {
      await sleep(ms)
      const caller = new RawCaller(context, port, get('/'))
      await caller.receives('ok')
      const start = performance.now()
      await caller.isEnded()
      return performance.now() - start
    })
    for (const waited of await Promise.all(waits)) assert.ok(waited > 980 && waited < 4_000, `${waited} ms`)
  })

  it('with reading its answer is not cut', async (context) => {
    const size = 12_000_000
    const { port } = await serve(
      context,
      (exchange) => {
        exchange.open(200, ['content-length', String(size)])
        exchange.writeLarge(Buffer.alloc(size))
        exchange.end('')
      },
      { keepAlive: 1, head: 1, body: 1 },
    )
    const caller = new RawCaller(context, port, get('/'))
    let bytes = 0
    let slow = true
    caller.socket.on('data', (piece: Buffer) => {
      bytes += piece.length
      caller.socket.pause()
      setTimeout(() => caller.socket.resume(), slow ? 100 : 0)
    })
    await sleep(3_000)
    assert.ok(bytes < size)
    slow = false
    await until('all of it', () => bytes > size)
  })

  it('may be answered as slowly', async (context) => {
    const { port } = await serve(
      context,
      (exchange) => {
        exchange.open(200, [])
        exchange.write('first')
        setTimeout(() => exchange.end('last'), 2_500)
      },
      { keepAlive: 1, head: 1, body: 1 },
    )
    const caller = new RawCaller(context, port, get('/'))
    await caller.receives('4\r\nlast\r\n0\r\n\r\n')
  })

  it('with an answer of which it reads nothing is let go, with half of its connection or the whole', async (context) => {
    for (const hangsUp of [true, false]) {
      let told: string[] = []
      const { port } = await serve(
        context,
        (exchange) => {
          told = listen(exchange)
          answer(exchange, 'z'.repeat(20_000_000))
        },
        { unread: 1 },
      )
      const caller = new RawCaller(context, port, get('/'))
      caller.socket.pause()
      if (hangsUp) caller.socket.end()
      await until(
        'its end',
        () => told.includes('cut'),
        () => told.join(),
      )
    }
  })
})
