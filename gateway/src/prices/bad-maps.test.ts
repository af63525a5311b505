import assert from 'node:assert/strict'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { PriceBook } from '../core/cost/price-book.ts'
import type { JsonObject, JsonValue } from '../lib/json.ts'
import { isPrivateAddress, publicLookup } from './addresses.ts'
import { defaultGuards } from './compare.ts'
import { type FetchLimits, fetchMap, type Validators } from './fetch.ts'
import { MapRefused } from './refusal.ts'
import { PriceThread } from './thread.ts'

const megabyte = 1024 * 1024
const limits: FetchLimits = { maxBytes: 4 * megabyte, silenceMs: 500, attemptMs: 1_200, attempts: 2, backoffMs: 1 }

/** What serves: 120 models that cost a millionth of a dollar per token. */
const models = (count: number, entry: (index: number) => JsonValue = () => ({})): JsonObject =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `model-${index}`,
      {
        litellm_provider: 'openai',
        input_cost_per_token: 1e-6,
        output_cost_per_token: 2e-6,
        ...(entry(index) as object),
      },
    ]),
  )
const good = models(120)
const text = JSON.stringify(good)
/** The good map with one member more. */
const plus = (member: string): string => `${text.slice(0, -1)},${member}}`
const withEntry = (entry: string): string => plus(`"odd":${entry}`)

type Answer = (response: ServerResponse, request: IncomingMessage) => void

const body =
  (content: string | Buffer, headers: Record<string, string> = {}, status = 200): Answer =>
  (response) => {
    response.writeHead(status, headers)
    response.end(content)
  }

/** Each has the words with which it is refused. Nothing that serves changes. */
const bad: readonly (readonly [title: string, answer: Answer, reason: RegExp])[] = [
  ['a status that says no', body('not here', {}, 404), /its server answered 404$/],
  ['a server that fails each time', body('{}', {}, 503), /its server answered 503 \(2 attempts\)$/],
  ['nothing', body(''), /it is empty$/],
  ['spaces', body(' \n '), /it is empty$/],
  ['a web page', body('<!DOCTYPE html><html></html>'), /looks like a web page$/],
  ['a truncated map', body(text.slice(0, 4000)), /it is not JSON: /],
  ['a map with a comma too many', body(`${text.slice(0, -1)},}`), /it is not JSON: unexpected text at character \d+$/],
  ['NaN', body(withEntry('{"input_cost_per_token":NaN}')), /it is not JSON/],
  ['Infinity', body(withEntry('{"input_cost_per_token":Infinity}')), /it is not JSON/],
  ['a comment', body(`// prices\n${text}`), /it is not JSON/],
  ['two maps', body(text + text), /it is not JSON/],
  [
    'bytes that are no UTF-8',
    body(Buffer.concat([Buffer.from('{"'), Buffer.from([0xff, 0xfe]), Buffer.from('":1}')])),
    /it is not UTF-8$/,
  ],
  ['UTF-16', body(Buffer.from(`\ufeff${text}`, 'utf16le')), /it is not (?:UTF-8|JSON)/],
  ['a list', body('[]'), /it is a list, not an object of models$/],
  ['null', body('null'), /it is null, not an object/],
  ['a text', body('"prices"'), /it is the text "prices", not an object/],
  ['no models', body('{}'), /it has 0 models, fewer than the 50/],
  ['too few models', body(JSON.stringify(models(49))), /it has 49 models, fewer than the 50/],
  ['only what describes the map', body(JSON.stringify({ sample_spec: {}, last_updated: 'now' })), /it has 0 models/],
  ['a map that has shrunk by more than half', body(JSON.stringify(models(59))), /it has shrunk from 120 to 59 models/],
  ['an entry that is a text', body(withEntry('"free"')), /the entry "odd" is the text "free", not an object$/],
  ['an entry that is a list', body(withEntry('[]')), /the entry "odd" is a list/],
  ['an entry that is null', body(withEntry('null')), /the entry "odd" is null/],
  [
    'a price that is a word',
    body(withEntry('{"input_cost_per_token":"free"}')),
    /input_cost_per_token of "odd" is the text "free", not a price$/,
  ],
  ['a price with its sign', body(withEntry('{"output_cost_per_token":"$3"}')), /is the text "\$3", not a price$/],
  ['a price that is true', body(withEntry('{"input_cost_per_token":true}')), /is true or false, not a price$/],
  [
    'a price in a list',
    body(withEntry('{"input_cost_per_image":["1e-3", false]}')),
    /input_cost_per_image\[1\] of "odd" is true or false/,
  ],
  ['a negative price', body(withEntry('{"input_cost_per_token":-1e-9}')), /input_cost_per_token of "odd" is negative$/],
  ['a negative price as text', body(withEntry('{"input_cost_per_token":"-0.1"}')), /is negative$/],
  [
    'a negative price in a tier',
    body(withEntry('{"tiered_pricing":[{"range":[0,1],"input_cost_per_token":-1}]}')),
    /tiered_pricing\[0\]\.input_cost_per_token of "odd" is negative/,
  ],
  [
    'a negative price of a search',
    body(withEntry('{"search_context_cost_per_query":{"search_context_size_low":-1}}')),
    /search_context_size_low of "odd" is negative/,
  ],
  ['a token for two dollars', body(withEntry('{"input_cost_per_token":2}')), /is absurd: 2 dollars$/],
  ['1e308', body(withEntry('{"output_cost_per_image":1e308}')), /is absurd: 1e\+308 dollars$/],
  ['a number beyond all numbers', body(withEntry('{"input_cost_per_second":1e999}')), /is absurd: Infinity dollars$/],
  [
    'a provider that is a number',
    body(withEntry('{"litellm_provider":1}')),
    /litellm_provider of "odd" is the number 1, not a text$/,
  ],
  [
    'a context of words',
    body(withEntry('{"max_input_tokens":"many"}')),
    /max_input_tokens of "odd" is the text "many"/,
  ],
  [
    'a million times the prices',
    body(JSON.stringify(models(120, () => ({ input_cost_per_token: 1 })))),
    /input_cost_per_token of "model-0" would grow from 0\.000001 to 1 dollars, more than 100 times$/,
  ],
  [
    'one price a thousand times',
    body(JSON.stringify(models(120, (index) => (index === 7 ? { output_cost_per_token: 0.002 } : {})))),
    /output_cost_per_token of "model-7" would grow from 0\.000002 to 0\.002/,
  ],
  [
    'a millionth of the prices',
    body(JSON.stringify(models(120, () => ({ input_cost_per_token: 1e-12 })))),
    /prices of 120 models, "model-0" among them, would fall to less than 1\/100$/,
  ],
  [
    'everything free',
    body(JSON.stringify(models(120, () => ({ input_cost_per_token: 0 })))),
    /prices of 120 models.* would fall/,
  ],
  [
    'a map without prices',
    body(JSON.stringify(models(120, () => ({ input_cost_per_token: null })))),
    /120 of 120 models would have no price of input any more$/,
  ],
  ['a model twice', body(plus('"model-3":{}')), /the key "model-3" stands twice$/],
  ['a model twice, spelled differently', body(plus('"model\\u002d3":{}')), /the key "model-3" stands twice$/],
  ['a field twice', body(withEntry('{"mode":"chat","mode":"chat"}')), /the key "mode" stands twice in "odd"$/],
  ['a key that would reach a prototype', body(plus('"__proto__":{"input_cost_per_token":0}')), /the key `__proto__`/],
  ['such a key inside an entry', body(withEntry('{"\\u005f_proto__":{}}')), /the key `__proto__`/],
  ['a name of control characters', body(plus('"\\u0000":{}')), /is empty, too long or holds control characters$/],
  ['a name without an end', body(plus(`"${'x'.repeat(600)}":{}`)), /too long/],
  [
    'nesting without an end',
    body(withEntry(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)),
    /nested deeper than 32 levels$/,
  ],
  ['aliases that are none', body(withEntry('{"aliases":"x"}')), /aliases of "odd" is no list of names$/],
  [
    'a gzip bomb',
    body(gzipSync(Buffer.alloc(64 * megabyte, 32)), { 'content-encoding': 'gzip' }),
    /it has more than 4 MB$/,
  ],
  [
    'a brotli bomb',
    body(brotliCompressSync(Buffer.alloc(64 * megabyte, 32)), { 'content-encoding': 'br' }),
    /it has more than 4 MB$/,
  ],
  [
    'gzip that is cut',
    body(gzipSync(text).subarray(0, 300), { 'content-encoding': 'gzip' }),
    /it cannot be decompressed$|lost in the middle/,
  ],
  ['something called gzip', body(text, { 'content-encoding': 'gzip' }), /it cannot be decompressed$/],
  [
    'an encoding that nobody asked for',
    body(text, { 'content-encoding': 'zstd' }),
    /compressed in a way that was not asked for$/,
  ],
  [
    '200 MB that are announced',
    (response) => response.writeHead(200, { 'content-length': String(200 * megabyte) }).flushHeaders(),
    /it has more than 4 MB$/,
  ],
  ['200 MB that are not', endless, /it has more than 4 MB$/],
  [
    'a length that is too long',
    body(text, { 'content-length': String(text.length + 50) }),
    /lost in the middle|was silent|come whole within/,
  ],
  ['a length that is too short', (response) => cutBody(response), /it is not JSON/],
  [
    'a connection that ends in the middle',
    (response) => halfAndGone(response),
    /lost in the middle \(\w+\) \(2 attempts\)$/,
  ],
  ['a server that says nothing', () => undefined, /its server was silent for 0\.5 s \(2 attempts\)$/],
  ['a slow drip', drip, /it did not come whole within 1\.2 s \(2 attempts\)$/],
  ['a redirect in a circle', (response) => redirect(response, '/'), /redirected more than 5 times$/],
  ['a redirect to a file', (response) => redirect(response, 'file:///etc/passwd'), /not https: or http:$/],
  ['a redirect to nothing', (response) => redirect(response, 'http://['), /not https: or http:$/],
]

function endless(response: ServerResponse): void {
  response.writeHead(200)
  const piece = Buffer.alloc(65_536, 32)
  const write = (): void => {
    while (!response.destroyed) if (!response.write(piece)) break
  }
  response.on('drain', write)
  write()
}

function cutBody(response: ServerResponse): void {
  const { socket } = response
  socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n${text.slice(0, 100)}`)
}

function halfAndGone(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': String(text.length) })
  response.write(text.slice(0, 100))
  setTimeout(() => response.destroy(), 20)
}

function drip(response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write(' '), 50)
  response.on('close', () => clearInterval(timer))
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location })
  response.end()
}

let server: Server
let base: string
let answer: Answer = body(text)
let requests = 0
let current: PriceBook

before(async () => {
  server = createServer((request, response) => {
    requests += 1
    answer(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { data } = await thread.pack({ bytes: new Uint8Array(Buffer.from(text)) })
  current = new PriceBook(data)
})

after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const thread = new PriceThread()
const tools = { sleep: async () => undefined, random: () => 0.5 }

/** The whole way of a map: fetched, read, compared with what serves. */
async function take(url = base, known: Validators = {}) {
  const fetched = await fetchMap(url, known, limits, tools)
  if (fetched.type === 'unchanged') return 'unchanged'
  return thread.pack({ bytes: fetched.bytes, review: { current: current.json.slice(), guards: defaultGuards } })
}

test('there are at least forty bad maps', () => assert.ok(bad.length >= 40))

for (const [title, bytes, reason] of bad) {
  test(`refused: ${title}`, async () => {
    answer = bytes
    const heldBefore = process.memoryUsage().rss
    await assert.rejects(take(), (error: Error) => {
      assert.ok(error instanceof MapRefused, String(error))
      assert.match(error.message, reason)
      assert.ok(error.message.length < 200, error.message)
      return true
    })
    assert.ok(process.memoryUsage().rss - heldBefore < 96 * megabyte)
    assert.equal(current.find('model-0')?.card(undefined, 0).input, 10n ** 18n)
    assert.equal(Object.hasOwn(Object.prototype, 'input_cost_per_token'), false)
  })
}

test('what is good passes: a byte order mark, spaces, numbers as text, null, compression, unknown fields, meta members', async () => {
  const fine: readonly Answer[] = [
    body(`\ufeff${text}`),
    body(` \n${text}\n `),
    body(gzipSync(text), { 'content-encoding': 'gzip' }),
    body(brotliCompressSync(text), { 'content-encoding': 'BR ' }),
    body(
      withEntry(
        '{"input_cost_per_token":"1e-6","output_cost_per_token":null,"max_tokens":"4096","new_field":{"a":[1]}}',
      ),
    ),
    body(
      plus(
        '"sample_spec":{"max_tokens":"text"},"last_updated":"2026-07-24","fallback_generalizations":{"rules":[]},"_source":"x"',
      ),
    ),
    body(withEntry('{"input_cost_per_token":1e-6,"aliases":["odd-too","model-1"]}')),
  ]
  for (const one of fine) {
    answer = one
    const packed = await take()
    assert.ok(packed !== 'unchanged' && packed.data.names.length >= 120)
  }
})

test('a server that is not there is named', async () => {
  await assert.rejects(
    take('http://127.0.0.1:9/map.json'),
    /^MapRefused: its server 127\.0\.0\.1:9 cannot be reached \(ECONNREFUSED\) \(2 attempts\)$/,
  )
})

test('a server that fails once is asked again, as late as it says', async () => {
  let asked = 0
  const waits: number[] = []
  answer = (response) => {
    asked += 1
    if (asked === 1) body('', { 'retry-after': '7' }, 429)(response, undefined as never)
    else body(text)(response, undefined as never)
  }
  const sleep = async (ms: number) => void waits.push(ms)
  assert.equal((await fetchMap(base, {}, limits, { ...tools, sleep })).type, 'fetched')
  assert.deepEqual([asked, waits], [2, [7000]])
})

test('the version that is known is not sent again', async () => {
  answer = (response, request) => {
    if (request.headers['if-none-match'] === '"v1"' && request.headers['if-modified-since'] === 'yesterday')
      body('', {}, 304)(response, request)
    else body(text, { etag: '"v1"', 'last-modified': 'yesterday' })(response, request)
  }
  const fetched = await fetchMap(base, {}, limits, tools)
  assert.deepEqual(fetched.type === 'fetched' && fetched.validators, { etag: '"v1"', lastModified: 'yesterday' })
  assert.equal(await take(base, { etag: '"v1"', lastModified: 'yesterday' }), 'unchanged')
})

test('a redirect of an address that is private itself may lead to another one', async () => {
  answer = (response, request) => (request.url === '/map' ? body(text)(response, request) : redirect(response, '/map'))
  assert.notEqual(await take(), 'unchanged')
})

test('a refusal is not repeated, a failure is', async () => {
  for (const [status, times] of [
    [404, 1],
    [403, 1],
    [500, 2],
  ] as const) {
    requests = 0
    answer = body('', {}, status)
    await assert.rejects(take())
    assert.equal(requests, times, String(status))
  }
})

test('addresses of this machine and its neighbours are private, in every spelling', async () => {
  const inside = [
    '127.0.0.1',
    '127.9.9.9',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '',
    'localhost',
  ]
  for (const address of inside) assert.equal(isPrivateAddress(address), true, address)
  for (const address of ['1.1.1.1', '172.32.0.1', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8']) {
    assert.equal(isPrivateAddress(address), false, address)
  }
  await new Promise<void>((resolve) => {
    publicLookup('localhost', { all: true }, (error) => {
      assert.match(String(error), /localhost is a private address/)
      resolve()
    })
  })
})

test('a file is read as it is, and one that is missing, too large or no URL is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'map-'))
  try {
    const file = join(directory, 'prices.json')
    const url = pathToFileURL(file).href
    await writeFile(file, text)
    assert.notEqual(await take(url), 'unchanged')
    await truncate(file, 5 * megabyte)
    await assert.rejects(take(url), /it has more than 4 MB/)
    await assert.rejects(take(`${url}x`), /the file cannot be read \(ENOENT\)/)
    await assert.rejects(take(pathToFileURL(directory).href), /the file cannot be read \(EISDIR\)/)
    await assert.rejects(take('prices.json'), /its URL is not valid/)
    await assert.rejects(take('ftp://example.com/x'), /its URL begins with ftp:/)
  } finally {
    await rm(directory, { recursive: true })
  }
})
