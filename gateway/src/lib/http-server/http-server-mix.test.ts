import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { answer, bodyOf, RawCaller, serve, until } from '../../../test/raw-caller.ts'
import { ResponseReader } from '../http-client/response-reader.ts'
import type { HttpExchange } from './http-exchange.ts'

const large = 'x'.repeat(300_000)

/** How a request is answered; its target starts with the name. */
const ways: Readonly<Record<string, (exchange: HttpExchange, said: string) => unknown>> = {
  atOnce: (exchange, said) => answer(exchange, said),
  later: async (exchange, said) => {
    await turn()
    answer(exchange, said)
  },
  withItsBody: async (exchange, said) => answer(exchange, said + (await bodyOf(exchange))),
  withItsBodyLater: async (exchange, said) => {
    await turn()
    const body = await bodyOf(exchange)
    await turn()
    answer(exchange, said + body)
  },
  inPieces: async (exchange, said) => {
    exchange.open(200, [])
    exchange.write(said)
    const body = await bodyOf(exchange)
    exchange.writeLarge(Buffer.from(body, 'latin1'))
    await turn()
    exchange.end('')
  },
  withTheFirstOfItsBody: (exchange, said) => {
    const once = (): void => {
      if (!exchange.opened) answer(exchange, said)
    }
    exchange.readBody({ onData: once, onEnd: once, onError: (error) => assert.fail(error) })
  },
  withMuch: (exchange, said) => {
    exchange.open(200, ['content-length', String(said.length + large.length)])
    exchange.write(said)
    exchange.writeLarge(Buffer.from(large))
    exchange.end('')
  },
}

const saysBody = new Set(['withItsBody', 'withItsBodyLater', 'inPieces'])

const body = fc.string({ unit: fc.constantFrom('a', '\r\n', 'GET / HTTP/1.1\r\n\r\n', '\xff'), maxLength: 40 })
const request = fc.record({
  way: fc.constantFrom(...Object.keys(ways)),
  body,
  chunked: fc.boolean(),
  head: fc.boolean(),
  emptyLine: fc.boolean(),
})
type Asked = typeof request extends fc.Arbitrary<infer One> ? One : never

function textOf({ way, body: sent, chunked, head, emptyLine }: Asked, index: number): string {
  const framed = chunked
    ? `transfer-encoding: chunked\r\n\r\n${sent === '' ? '' : `${sent.length.toString(16)}\r\n${sent}\r\n`}0\r\n\r\n`
    : `content-length: ${sent.length}\r\n\r\n${sent}`
  return `${emptyLine ? '\r\n' : ''}${head ? 'HEAD' : 'POST'} /${way}/${index} HTTP/1.1\r\nhost: a\r\n${framed}`
}

function expected({ way, body: sent, head }: Asked, index: number): string {
  if (head) return ''
  return `/${way}/${index};${saysBody.has(way) ? sent : ''}${way === 'withMuch' ? large : ''}`
}

/** The bodies of the answers in a text. */
function answersIn(text: string, asked: readonly Asked[]): string[] {
  const bytes = Buffer.from(text, 'latin1')
  const bodies: string[] = []
  let position = 0
  while (position < bytes.length) {
    const pieces: Buffer[] = []
    const sink = {
      onHead: (status: number) => assert.equal(status, 200),
      onBody: (piece: Buffer) => pieces.push(piece),
    }
    const reader = new ResponseReader(sink, asked[bodies.length]?.head)
    position = reader.feed(bytes, position, bytes.length)
    if (!reader.over) break
    bodies.push(Buffer.concat(pieces).toString('latin1'))
  }
  return bodies
}

it('any requests, in any pieces and answered in any way, are answered in their order on one connection', async (context) => {
  const { port } = await serve(context, (exchange) => {
    const { target } = exchange.request
    void ways[target.split('/')[1] ?? '']?.(exchange, `${target};`)
  })
  const property = fc.asyncProperty(
    fc.array(request, { minLength: 1, maxLength: 8 }),
    fc.array(fc.nat(9_999), { maxLength: 8 }),
    async (asked, at) => {
      const caller = new RawCaller(context, port)
      const text = asked.map(textOf).join('')
      const cuts = at.map((share) => Math.floor((share * text.length) / 10_000)).sort((one, other) => one - other)
      for (const [index, cut] of [...cuts, text.length].entries()) {
        caller.send(text.slice(cuts[index - 1] ?? 0, cut))
        await turn()
      }
      const bodies = asked.map(expected)
      await until(
        'all answers',
        () => answersIn(caller.text, asked).length === bodies.length,
        () => JSON.stringify(text),
      )
      // Not `deepEqual`, which would print it all.
      assert.ok(answersIn(caller.text, asked).every((one, index) => one === bodies[index]))
      assert.deepEqual([caller.ended, caller.failed], [false, undefined])
      caller.socket.destroy()
    },
  )
  await fc.assert(property, { numRuns: 150, interruptAfterTimeLimit: 5_000 })
})
