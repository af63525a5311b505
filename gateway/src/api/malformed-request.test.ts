import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { type Gateway, masterKey, startGateway } from '../../test/gateway.ts'
import { RawCaller } from '../../test/raw-caller.ts'

/** An answer as it came. */
interface Told {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: assertions reach deep into bodies whose form is what they assert.
  readonly body: any
}

function last(caller: RawCaller): Told {
  const text = caller.text.slice(caller.text.lastIndexOf('HTTP/1.1 '))
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [line = '', ...lines] = head.split('\r\n')
  const headers = new Headers(
    lines.map((one): [string, string] => {
      const colon = one.indexOf(':')
      return [one.slice(0, colon), one.slice(colon + 1)]
    }),
  )
  assert.equal(headers.get('content-length'), String(body.length))
  return { status: Number(line.split(' ')[1]), headers, body: JSON.parse(body) }
}

const connectTo = (context: TestContext, gateway: Gateway, sent: string): RawCaller =>
  new RawCaller(context, Number(new URL(gateway.url).port), sent)

async function tell(context: TestContext, gateway: Gateway, sent: string): Promise<Told> {
  const caller = connectTo(context, gateway, sent)
  await caller.isEnded()
  assert.equal(caller.statuses.length, 1)
  return last(caller)
}

const key = `authorization: Bearer ${masterKey}\r\n`
const models = `GET /v1/models HTTP/1.1\r\nhost: a\r\n${key}\r\n`
const inChunks = (path: string): string => `POST ${path} HTTP/1.1\r\nhost: a\r\n${key}transfer-encoding: chunked\r\n`

describe('what is no request', () => {
  const cleanups: (() => unknown)[] = []
  let gateway: Gateway
  before(async () => {
    gateway = await startGateway({ after: (cleanup) => void cleanups.push(cleanup as () => unknown) })
  })
  after(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup()
  })

  for (const [what, sent, status, message] of [
    [
      'a TLS hello',
      '\x16\x03\x01\x02\x00\x01\x00',
      400,
      'The request is not valid HTTP/1.1: TLS was sent to a port that speaks plain HTTP.',
    ],
    [
      'an expectation that nobody knows',
      'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nexpect: a-miracle\r\ncontent-length: 2\r\n\r\n',
      417,
      'The only expectation that is understood is `Expect: 100-continue`.',
    ],
    [
      'another protocol',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      400,
      'The request is not valid HTTP/1.1: a request line that is not `METHOD target HTTP/1.1`.',
    ],
    [
      'no host',
      'GET /v1/models HTTP/1.1\r\n\r\n',
      400,
      'The request is not valid HTTP/1.1: a request needs one `host` header.',
    ],
    [
      'a body of two lengths',
      'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      400,
      'The request is not valid HTTP/1.1: two content-length headers.',
    ],
    [
      'line feeds for line ends',
      'GET /v1/models HTTP/1.1\nhost: a\n\n',
      400,
      'The request is not valid HTTP/1.1: a control character or a lone line end in the head.',
    ],
    [
      'a head of 17 KB',
      `GET /v1/models HTTP/1.1\r\nhost: a\r\nx-a: ${'y'.repeat(17_000)}\r\n\r\n`,
      431,
      "The request's headers are too large: a head of more than 16384 bytes.",
    ],
    [
      '300 headers',
      `GET /v1/models HTTP/1.1\r\nhost: a\r\n${'x-a: b\r\n'.repeat(300)}\r\n`,
      431,
      "The request's headers are too large: more than 256 headers.",
    ],
  ] as const) {
    it(`is answered with an error of the API, an id and the connection's end: ${what}`, async (context) => {
      const { status: given, headers, body } = await tell(context, gateway, sent)
      assert.equal(given, status)
      assert.deepEqual(body, {
        error: { message, type: 'invalid_request_error', param: null, code: String(status) },
      })
      assert.match(headers.get('x-litellm-call-id') ?? '', /^[\da-f-]{36}$/)
      assert.equal(headers.get('content-type'), 'application/json')
      assert.equal(headers.get('connection'), 'close')
    })
  }

  it('has an id of its own each time', async (context) => {
    const ids = new Set<string | null>()
    for (let time = 0; time < 3; time += 1) {
      ids.add((await tell(context, gateway, '\0')).headers.get('x-litellm-call-id'))
    }
    assert.equal(ids.size, 3)
  })

  it('is refused behind a request that was answered', async (context) => {
    const caller = connectTo(context, gateway, `${models}G(T / HTTP/1.1\r\n\r\n`)
    await caller.isEnded()
    assert.deepEqual(caller.statuses, [200, 400])
    assert.equal(last(caller).headers.get('connection'), 'close')
  })

  it('does not end in a second answer when it is the body of a request that was refused', async (context) => {
    const sent = 'POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'
    const { status, headers } = await tell(context, gateway, sent)
    assert.equal(status, 401)
    assert.equal(headers.get('connection'), 'close')
  })

  it('in a body is told in the dialect of the route and under the id of the call', async (context) => {
    const sent = `x-litellm-call-id: mine\r\n\r\nzz\r\n`
    const message = 'The request is not valid HTTP/1.1: a chunk without a size.'
    const chat = await tell(context, gateway, inChunks('/v1/chat/completions') + sent)
    const messages = await tell(context, gateway, inChunks('/v1/messages') + sent)
    assert.deepEqual(chat.body.error, { message, type: 'invalid_request_error', param: null, code: '400' })
    assert.deepEqual(messages.body, { type: 'error', error: { type: 'invalid_request_error', message } })
    for (const { status, headers } of [chat, messages]) {
      assert.deepEqual([status, headers.get('connection')], [400, 'close'])
      assert.equal(headers.get('x-litellm-call-id'), 'mine')
    }
  })
})

describe('a request that does not come to its end', () => {
  it('is answered with 408 after 80 seconds for its head, and 300 for its body', async (context) => {
    // The server looks for late callers in an interval; nothing else here waits for one.
    context.mock.timers.enable({ apis: ['setInterval'] })
    const gateway = await startGateway(context)
    const silent = connectTo(context, gateway, '')
    const head = connectTo(context, gateway, 'GET /v1/models HTTP/1.1\r\nhost')
    const body = connectTo(context, gateway, `${inChunks('/v1/chat/completions')}\r\n5\r\nhel`)
    const idle = connectTo(context, gateway, models)
    await idle.receives('}')
    context.mock.timers.tick(75_000)
    assert.equal(idle.ended || head.ended, false)
    context.mock.timers.tick(7_000)
    for (const caller of [silent, head, idle]) await caller.isEnded()
    assert.deepEqual(idle.statuses, [200])
    context.mock.timers.tick(300_000)
    await body.isEnded()
    for (const [caller, part] of [
      [silent, 'the head of a request'],
      [head, 'the head of a request'],
      [body, 'the body'],
    ] as const) {
      const { status, headers, body: told } = last(caller)
      assert.deepEqual([status, headers.get('connection')], [408, 'close'])
      assert.equal(told.error.message, `The request was not sent in time: ${part} did not come to its end.`)
      assert.match(headers.get('x-litellm-call-id') ?? '', /^[\da-f-]{36}$/)
    }
    context.mock.timers.reset()
  })
})
