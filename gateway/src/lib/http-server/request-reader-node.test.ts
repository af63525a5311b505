import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, METHODS, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { readRequests, type WholeRequest } from '../../../test/read-requests.ts'

/** What both readers tell of a request; names in lower case. */
interface Read {
  readonly method: string
  readonly target: string
  readonly fields: readonly string[]
  readonly body: string
}

/** Node's own server, which is what a strict reader is measured by. */
class Reference {
  readonly #server: Server
  /** By the port of the caller. */
  readonly #reads = new Map<number, Read[]>()
  #port = 0

  constructor() {
    this.#server = createServer({ keepAlive: false }, (request, response) => {
      this.#take(request, () => response.end())
    })
    // Without a word; the turn that is under way may still bring the end of the request before.
    this.#server.on('clientError', (_error, socket) => setImmediate(() => socket.destroy()))
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    // Listening on a port.
    this.#port = (this.#server.address() as AddressInfo).port
  }

  close(): Promise<unknown> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(resolve))
  }

  /** @returns the requests that it read to their end */
  async read(text: string): Promise<readonly Read[]> {
    const socket = connect(this.#port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    const { localPort = 0 } = socket
    const reads: Read[] = []
    this.#reads.set(localPort, reads)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.resume()
    socket.end(text, 'latin1')
    await closed
    this.#reads.delete(localPort)
    return reads
  }

  #take(request: IncomingMessage, answer: () => void): void {
    const reads = this.#reads.get((request.socket as Socket).remotePort ?? 0)
    const body: Buffer[] = []
    request.on('data', (bytes: Buffer) => body.push(bytes))
    request.on('error', () => {})
    request.on('end', () => {
      const { method = '', url: target = '', rawHeaders } = request
      const fields = rawHeaders.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text))
      reads?.push({ method, target, fields, body: Buffer.concat(body).toString('latin1') })
      answer()
    })
  }
}

const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 8 })
const visible = fc.string({ unit: fc.constantFrom(...'abz09 \t:;,="\\/?#[]{}<>@!\xa0\xff'), maxLength: 12 })
const method = fc.oneof({ weight: 30, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'DELETE') }, token)
const target = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom('/', '/v1/x', '/a?b=c&d', '/%20') },
  {
    weight: 10,
    arbitrary: fc
      .string({ unit: fc.constantFrom(...'/a?#%:@[]{}"<>|\\^`~!$'), maxLength: 8 })
      .map((text) => `/${text}`),
  },
  fc.constantFrom('*', 'http://a/b', 'a:443', 'a', '?', '//', '#', 'http:/a', '/#a#b'),
)
const blanks = fc.constantFrom('', ' ', '\t', '  ', ' \t ')
const line = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(token, blanks, visible, blanks).map((parts) => `${parts[0]}:${parts.slice(1).join('')}`),
  },
  fc.constantFrom('connection: close', 'connection: keep-alive', 'Connection: Upgrade', 'upgrade: h2c', 'te: trailers'),
  fc.constantFrom('expect: 100-continue', 'trailer: x-t', 'cookie: a=1', 'cookie: b=2', 'x-empty:', 'x: caf\xe9'),
)
const extension = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('', '', ';a', ';a=b', ';a="b c"') },
  fc.constantFrom(';a="\\""', ';', '; a', ';a =b', ';;', ';a=', ';"', ';\xff', ';a="\xff"'),
)
const framed = fc.oneof(
  fc.constant(''),
  visible.map((body) => `content-length: ${body.length}\r\n\r\n${body}`),
  fc.array(fc.tuple(visible, extension), { maxLength: 3 }).chain((chunks) =>
    fc.tuple(extension, fc.constantFrom('', '', 'x-t: 1\r\n', 'content-length: 3\r\n', 'x-t:\r\nhost: b\r\n')).map(
      ([last, trailers]) =>
        `transfer-encoding: chunked\r\n\r\n${chunks
          .filter(([chunk]) => chunk !== '')
          .map(([chunk, text]) => `${chunk.length.toString(16)}${text}\r\n${chunk}\r\n`)
          .join('')}0${last}\r\n${trailers}\r\n`,
    ),
  ),
)
const request = fc
  .tuple(method, target, fc.constantFrom('1.1', '1.1', '1.1', '1.0'), fc.array(line, { maxLength: 4 }), framed)
  .map(([verb, where, version, lines, rest]) => {
    const head = [`${verb} ${where} HTTP/${version}`, 'Host: a', ...lines].join('\r\n')
    return rest === '' ? `${head}\r\n\r\n` : `${head}\r\n${rest}`
  })

/** Changes at a place, which is a share of the text's length. */
type Mutation = (text: string, at: number) => string

const framing = [
  'content-length: 3',
  'content-length: 0',
  'Content-Length : 3',
  'content-length: +3',
  'content-length: 3, 3',
  'transfer-encoding: chunked',
  'Transfer-Encoding:\tchunked',
  'transfer-encoding : chunked',
  'transfer-encoding: identity',
  'transfer-encoding: chunked, identity',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: xchunked',
  ' folded',
  'host: b',
  'expect: 200-ok',
  'x\0y: z',
]
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc
    .constantFrom(
      '\r',
      '\n',
      '\r\n',
      '\0',
      ' ',
      '\t',
      ':',
      ';',
      '0',
      '5',
      'f',
      ',',
      '"',
      '\x7f',
      '\x80',
      '\x0b',
      '\x85',
    )
    .map(
      (byte): Mutation =>
        (text, at) =>
          text.slice(0, at) + byte + text.slice(at),
    ),
  fc.integer({ min: 1, max: 3 }).map(
    (count): Mutation =>
      (text, at) =>
        text.slice(0, at) + text.slice(at + count),
  ),
  fc.constant<Mutation>(
    (text, at) =>
      text.slice(0, at) +
      text
        .slice(at, at + 2)
        .split('')
        .reverse()
        .join('') +
      text.slice(at + 2),
  ),
  fc.constant<Mutation>((text, at) => {
    const from = text.lastIndexOf('\r\n', at) + 2
    const end = text.indexOf('\r\n', from)
    return from < 2 || end === -1 ? text : text.slice(0, end + 2) + text.slice(from, end + 2) + text.slice(end + 2)
  }),
  fc.tuple(fc.constantFrom('\r\n'), fc.constantFrom('\n', '\r', '\n\r', '\r\r\n', '\n\n', '')).map(
    ([from, to]): Mutation =>
      (text, at) => {
        const found = text.indexOf(from, at)
        return found === -1 ? text : text.slice(0, found) + to + text.slice(found + 2)
      },
  ),
  fc.constantFrom(...framing).map(
    (added): Mutation =>
      (text, at) => {
        const found = text.lastIndexOf('\r\n', at)
        return found === -1 ? text : `${text.slice(0, found)}\r\n${added}${text.slice(found)}`
      },
  ),
)
const sent = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 2 }),
    fc.array(fc.tuple(mutation, fc.nat(9_999)), { maxLength: 3 }),
  )
  .map(([requests, mutations]) => {
    let text = requests.join('')
    for (const [mutate, at] of mutations) text = mutate(text, Math.floor((at * (text.length + 1)) / 10_000))
    return text
  })

/** What the reader takes and Node refuses: an example, and how it is told. Each stands here with its reason. */
const onPurpose: Readonly<Record<string, readonly [text: string, taken: (read: Read, text: string) => boolean]>> = {
  // Any token is a method (RFC 9110, 9.1); routes answer that they do not take it, which tells more than a malformed request.
  'a method that nobody knows': ['BREW / HTTP/1.1\r\nhost: a\r\n\r\n', (read) => !METHODS.includes(read.method)],
  // Node makes a tunnel of it, whose bytes it does not read. Routes are found by paths, and answer 400 to `host:port`.
  'the method CONNECT': ['CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n', (read) => read.method === 'CONNECT'],
  // The form of a target is checked where it is read as a path, which refuses all that starts otherwise.
  'a target that is no path': ['GET a HTTP/1.1\r\nhost: a\r\n\r\n', (read) => !read.target.startsWith('/')],
  // An upgrade that is passed over leaves the protocol as it was (RFC 9110, 7.8). Node drops what came in the same read.
  'a request behind one that asks for another protocol': [
    `GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n`,
    (_read, text) => /\r\nupgrade:/i.test(text) && /\r\nconnection:[^\r\n]*upgrade/i.test(text),
  ],
  // They are dropped unread and can hide no line end; a blank after the semicolon is sent by real software.
  'an extension that is not well formed': [
    'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1; a\r\nx\r\n0\r\n\r\n',
    (_read, text) => /\r\n[\da-f]{1,10};/i.test(text) && !onlyGoodExtensions(text),
  ],
}

function onlyGoodExtensions(text: string): boolean {
  const lines = text.matchAll(/\r\n[\da-f]{1,10}(;[^\r\n]*)(?=\r\n)/gi)
  const good = /^(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"[^"\\]*"))?)*$/
  return lines.every(([, extension = '']) => good.test(extension) && !/[^\x20-\x7e]/.test(extension))
}

function takenOnPurpose(read: Read, text: string): boolean {
  return Object.values(onPurpose).some(([, taken]) => taken(read, text))
}

const told = ({ method: verb, target: where, fields, body }: WholeRequest): Read => ({
  method: verb,
  target: where,
  fields,
  body,
})

describe('what the reader takes for a request', () => {
  const reference = new Reference()
  before(() => reference.open())
  after(() => reference.close())

  it('Node takes too, and reads the same', async () => {
    let compared = 0
    const property = fc.asyncProperty(sent, async (text) => {
      const ours = readRequests(text).requests.map(told)
      if (ours.length === 0) return
      const others = await reference.read(text)
      for (const [index, one] of ours.entries()) {
        const other = others[index]
        if (other === undefined) {
          assert.ok(takenOnPurpose(one, text), `Node refuses request ${index} of ${JSON.stringify(text)}`)
          return
        }
        assert.deepEqual(one, other)
        compared += 1
      }
    })
    await fc.assert(property, { numRuns: 2_500, interruptAfterTimeLimit: 5_000 })
    assert.ok(compared > 100, `${compared} compared`)
  })

  for (const [what, [text, taken]] of Object.entries(onPurpose)) {
    it(`is, though Node refuses it: ${what}`, async () => {
      const { requests, error } = readRequests(text)
      const last = requests.at(-1)
      assert.ok(error === undefined && last !== undefined && taken(told(last), text))
      assert.equal((await reference.read(text)).length, requests.length - 1)
    })
  }
})
