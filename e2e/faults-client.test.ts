import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { playedModel } from './config-file.ts'
import { type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { openRaw, type RawReply, rawPost, sendRaw } from './raw-http.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

/** Numbers are those of the reliability catalogue. */
let gateway: GatewayProcess

const stage = playedStage(
  (url) => ({
    model_list: [playedModel('m', `${url}/v1`), playedModel('f/*', `${url}/v1`, { model: 'openai/m+*' })],
    general_settings: { max_request_size_mb: 1 },
    router_settings: { num_retries: 0, chunk_timeout: 1 },
  }),
  async ({ config }) => {
    gateway = await startGateway({ config })
  },
)

const chat = '/v1/chat/completions'
const ask = (model: string, id: string, stream: boolean, extra = {}): string =>
  JSON.stringify({ model, stream, messages: [{ role: 'user', content: `#id ${id}\n#tokens 40` }], ...extra })

async function inFlight(): Promise<number> {
  return (await gateway.metrics()).get('midflight_inflight_requests') ?? Number.NaN
}

describe('F101: a caller that leaves', () => {
  async function leaveAfter(
    id: string,
    body: string,
    leave: (socket: Socket) => void,
    untilByte: boolean,
  ): Promise<number> {
    const socket = await openRaw(gateway.port, rawPost(chat, masterKey, body))
    await waitFor('the call upstream', () => stage.provider.ledger.of(id).length === 1)
    if (untilByte) {
      socket.resume()
      await new Promise((resolve) => socket.once('data', resolve))
    } else await sleep(50)
    const leftAt = performance.now()
    leave(socket)
    const aborted = await waitFor('the abort upstream', () => stage.provider.ledger.of(id)[0]?.abortedAt, {
      withinMs: 3_000,
    })
    return aborted - leftAt
  }

  for (const [how, leave] of [
    ['FIN', (socket: Socket) => socket.destroy()],
    ['RST', (socket: Socket) => socket.resetAndDestroy()],
    ['closing its sending half', (socket: Socket) => socket.end()],
  ] as const) {
    it(`by ${how} before the head, in a stream, or before a whole answer aborts the upstream within a second`, async () => {
      const before = await leaveAfter(`h${how}`, ask('f/headers-delay=5000', `h${how}`, true), leave, false)
      const inStream = await leaveAfter(`s${how}`, ask('f/token-delay=100', `s${how}`, true), leave, true)
      const whole = await leaveAfter(`w${how}`, ask('f/headers-delay=5001', `w${how}`, false), leave, false)
      for (const ms of [before, inStream, whole]) assert.ok(ms <= 1_000, `${ms} ms`)
    })
  }

  it('leaves no call behind', async () => {
    // The reading of the metrics is a request in flight itself.
    await waitFor('an idle gateway', async () => (await inFlight()) <= 1)
  })
})

describe('F102: callers that do not read', () => {
  it('hold the provider back instead of filling the gateway’s memory', async (context) => {
    const before = await gateway.rssBytes()
    const sockets = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        openRaw(gateway.port, rawPost(chat, masterKey, ask('f/endless', `slow${index}`, true))),
      ),
    )
    context.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    const written = (): number =>
      stage.provider.ledger.calls.reduce((sum, call) => sum + (call.id.startsWith('slow') ? call.written : 0), 0)
    // The kernel buffers megabytes on each of the two hops before anybody has to wait.
    let last = -1
    await waitFor(
      'a provider that is held back',
      () => {
        const now = written()
        const still = now > 0 && now - last < 100_000
        last = now
        return still
      },
      { withinMs: 15_000, everyMs: 500 },
    )
    const grown = (await gateway.rssBytes()) - before
    context.diagnostic(`${(last / 1e6).toFixed(1)} MB written upstream, RSS grew by ${(grown / 1e6).toFixed(1)} MB`)
    assert.ok(grown < 100e6)
    await sleep(1_500)
    assert.ok(written() - last < 1e6, `the provider could write ${written() - last} bytes more`)
    // A caller that was slow, for longer than the chunk timeout, and is not gone is not punished: it reads on.
    const [patient] = sockets
    assert.ok(patient)
    let read = 0
    let end = ''
    patient.on('data', (data) => {
      read += data.length
      end = data.subarray(-300).toString()
    })
    patient.resume()
    await waitFor('more than the buffers hold', () => read > 30e6 || patient.closed || end.endsWith('0\r\n\r\n'), {
      withinMs: 10_000,
    })
    assert.ok(read > 30e6, `cut after ${read} bytes: …${end}`)
  })
})

describe('F104: bodies', () => {
  const filled = (bytes: number): string =>
    JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(bytes) }] })

  it('just under the limit is served, above it is 413 at once', async () => {
    const under = await sendRaw(gateway.port, rawPost(chat, masterKey, filled(1_000_000)))
    assert.equal(under.status, 200, under.text.slice(0, 300))
    const over = await sendRaw(gateway.port, rawPost(chat, masterKey, filled(2_000_000)))
    assert.equal(over.status, 413)
    assert.ok(over.firstByteMs <= 1_000)
  })

  it('is refused by its declared length before it is sent', async () => {
    const head = `POST ${chat} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${masterKey}\r\ncontent-length: 99999999999\r\n\r\n`
    const reply = await sendRaw(gateway.port, head)
    assert.equal(reply.status, 413)
  })

  it('chunked without end is 413 at the limit, and memory stays', async () => {
    const before = await gateway.rssBytes()
    const head = `POST ${chat} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${masterKey}\r\ntransfer-encoding: chunked\r\n\r\n`
    const chunk = `40000\r\n${'y'.repeat(0x40000)}\r\n`
    const reply = await sendRaw(gateway.port, head, { more: Array.from({ length: 40 }, () => chunk) })
    assert.equal(reply.status, 413)
    assert.ok((await gateway.rssBytes()) - before < 60e6)
  })

  it('compressed is refused with 415: a bomb is not even opened', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    const head = `POST ${chat} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${masterKey}\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`
    const reply = await sendRaw(gateway.port, Buffer.concat([Buffer.from(head), bomb]))
    assert.equal(reply.status, 415)
  })

  it('that is not JSON, not an object, or not UTF-8 is 400 and says what is wrong', async () => {
    for (const body of [
      '',
      '{',
      '[]',
      '"x"',
      'null',
      '{"model":5,"messages":[]}',
      '{"model":"m","messages":"x"}',
      '{"model":"m"}',
    ]) {
      const reply = await sendRaw(gateway.port, rawPost(chat, masterKey, body))
      assert.equal(reply.status, 400, `${body}: ${reply.text.slice(0, 300)}`)
      assert.match(reply.text, /"message":"[^"]{10,}/, body)
    }
    const prefix = Buffer.from(`{"model":"m","messages":[{"role":"user","content":"`)
    const body = Buffer.concat([prefix, Buffer.from([0xff, 0xfe]), Buffer.from('"}]}')])
    const head = `POST ${chat} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${masterKey}\r\ncontent-length: ${body.length}\r\n\r\n`
    const reply = await sendRaw(gateway.port, Buffer.concat([Buffer.from(head), body]))
    assert.ok(reply.status === 400 || reply.status === 200, `${reply.status}`)
  })

  it('with a prototype in it stays data', async () => {
    const body = `{"model":"m","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"messages":[{"role":"user","content":"#id proto"}]}`
    const reply = await sendRaw(gateway.port, rawPost(chat, masterKey, body))
    assert.notEqual(reply.status, 0)
    assert.ok(reply.status < 500, reply.text)
  })
})

/** What must never happen: the request counted as authorised, or a smuggled second one executed. */
function assertRefused(reply: RawReply, what: string): void {
  assert.ok(
    reply.status === 400 || reply.status === 413 || reply.status === 431 || reply.status === 501,
    `${what}: ${reply.status}`,
  )
  assert.ok(reply.responses <= 1, `${what}: ${reply.responses} answers`)
}

describe('F106: framing that two parties could read differently', () => {
  const smuggled = `GET /config/status HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${masterKey}\r\n\r\n`
  const start = `POST ${chat} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${masterKey}\r\n`
  const cases: Readonly<Record<string, string>> = {
    'length and chunked': `${start}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    'two lengths': `${start}content-length: 5\r\ncontent-length: 6\r\n\r\nhello${smuggled}`,
    'an odd chunked': `${start}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    'chunked twice': `${start}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    'a space before the colon': `${start}content-length : 5\r\n\r\nhello${smuggled}`,
    'a folded header': `${start}x-a: b\r\n  folded\r\ncontent-length: 0\r\n\r\n${smuggled}`,
    'bare line feeds': `${start.replaceAll('\r\n', '\n')}content-length: 0\n\n${smuggled}`,
    'a long chunk extension': `${start}transfer-encoding: chunked\r\n\r\n1;${'e'.repeat(20_480)}\r\nx\r\n0\r\n\r\n${smuggled}`,
    'a negative length': `${start}content-length: -1\r\n\r\n${smuggled}`,
    'a length with a sign': `${start}content-length: +5\r\n\r\nhello${smuggled}`,
  }
  for (const [what, bytes] of Object.entries(cases)) {
    it(what, async () => assertRefused(await sendRaw(gateway.port, bytes), what))
  }
})

describe('F107: targets and hosts', () => {
  const get = (target: string, headers: string): string => `GET ${target} HTTP/1.1\r\n${headers}\r\n`
  const cases: Readonly<Record<string, string>> = {
    'two hosts': get('/config/status', 'host: a\r\nhost: b\r\n'),
    'a host with a path': get('/config/status', 'host: a/health/liveliness?\r\n'),
    'a host with a user': get('/config/status', 'host: me@a\r\n'),
    'no host': get('/config/status', ''),
    'an absolute target': get('http://a/health/liveliness', 'host: a\r\n'),
    'another absolute target': get('http://a/config/status', 'host: a\r\n'),
  }
  for (const [what, bytes] of Object.entries(cases)) {
    it(what, async () => assertRefused(await sendRaw(gateway.port, bytes), what))
  }
})

describe('F108: headers', () => {
  const get = (headers: string): string => `GET /v1/models HTTP/1.1\r\nhost: g\r\n${headers}\r\n`
  const right = `authorization: Bearer ${masterKey}\r\n`

  it('two Authorization headers are refused, whichever is right', async () => {
    const wrong = 'authorization: Bearer sk-wrong\r\n'
    assertRefused(await sendRaw(gateway.port, get(right + wrong)), 'right, wrong')
    assertRefused(await sendRaw(gateway.port, get(wrong + right)), 'wrong, right')
  })

  it('two credentials that differ are never more than either', async () => {
    const reply = await sendRaw(gateway.port, get(`${right}x-api-key: sk-wrong\r\n`))
    assert.ok([200, 400, 401].includes(reply.status))
    const other = await sendRaw(gateway.port, get(`authorization: Bearer sk-wrong\r\nx-api-key: ${masterKey}\r\n`))
    assert.ok([400, 401].includes(other.status), `${other.status}`)
  })

  it('2,500 headers, and a header of 17 KB, are 431', async () => {
    const many = Array.from({ length: 2_500 }, (_, index) => `a${index}: b\r\n`).join('')
    assert.equal((await sendRaw(gateway.port, get(many + right))).status, 431)
    assert.equal((await sendRaw(gateway.port, get(`x: ${'y'.repeat(17_000)}\r\n${right}`))).status, 431)
  })

  it('150 small headers are refused, not silently cut', async () => {
    const many = Array.from({ length: 150 }, (_, index) => `a${index}: b\r\n`).join('')
    assert.equal((await sendRaw(gateway.port, get(many + right))).status, 431)
  })
})

describe('F109: paths', () => {
  /** Spellings around a protected path. None may be answered without the key. */
  const spellings = ['/config/status', '/v1/models', '/config/reload', '/model/info'].flatMap((path) => [
    ...[
      `/${path}`,
      `/.${path}`,
      `/..${path}`,
      `${path}/`,
      `${path}//`,
      `${path}/.`,
      `${path}/..`,
      `${path}%00`,
      `${path}%20`,
    ],
    ...[`${path};x`, `${path}.`, `${path}?`, `${path}#`, path.toUpperCase(), `/health/liveliness/..${path}`],
    ...[`/health/liveliness%2f..${path}`, `/health/..%2f${path.slice(1)}`, `/%2e${path}`, `/%2e%2e${path}`],
    ...[path.replace('/', '/%2f'), path.replaceAll('/', '%2F'), path.replaceAll('/', '\\'), path.replace('o', '%6f')],
    ...[
      path.replace('o', '%256f'),
      `${path}%0d%0a`,
      `${path}%09`,
      `/health/liveliness;${path}`,
      `/health/liveliness?${path}`,
    ],
    ...[
      `/public${path}`,
      `/ui${path}`,
      `/health/liveliness/${path}`,
      `/v1${path}`,
      `/./health/liveliness/../..${path}`,
    ],
    ...[
      `${path}/health/liveliness`,
      `/health/liveliness#${path}`,
      `/~${path}`,
      `/%${path}`,
      `/%zz${path}`,
      `/\u00ff${path}`,
    ],
    ...[
      `/openai/deployments/..${path}`,
      `/engines/x/..${path}`,
      `${path}/../health/liveliness`,
      `${path}%2f..%2fhealth`,
    ],
    ...[
      `${path}?key=`,
      `${path}&x`,
      `${path}%3f`,
      `${path}%23`,
      `${path}+`,
      `${path}%c0%af`,
      `${path}%e0%80%af`,
      `${path}.json`,
    ],
  ])

  it(`answers none of ${spellings.length} spellings of a protected path without the key`, async () => {
    for (const target of spellings) {
      const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n`, 'latin1')
      const reply = await sendRaw(gateway.port, bytes)
      const isHealth = /^\/health\/liveliness(\?|#|$)/.test(target)
      if (isHealth) continue
      assert.notEqual(reply.status, 200, target)
      assert.ok(reply.status >= 400 && reply.status < 500, `${target}: ${reply.status}`)
      assert.doesNotMatch(reply.text, /"revision":|"data":\[/, target)
    }
  })
})

describe('the gateway after all this', () => {
  it('still serves, and holds nothing open', async () => {
    const reply = await sendRaw(gateway.port, rawPost(chat, masterKey, ask('m', 'after', false)))
    assert.equal(reply.status, 200)
    await waitFor('an idle gateway', async () => (await inFlight()) <= 1)
    assert.doesNotMatch(gateway.stderr(), /UnhandledPromiseRejection|uncaughtException/)
  })
})
