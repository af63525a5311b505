import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MalformedMessage } from '../http1/head-fields.ts'
import { ResponseReader } from './response-reader.ts'

interface Seen {
  heads: { status: number; fields: readonly string[] }[]
  body: string
  over: boolean
  reusable: boolean
  idleMs: number | undefined
  /** Bytes of the input after the response. */
  left: string
}

/** Feeds `text` in pieces that end at `cuts`; each piece is wiped afterwards, as the shared buffer of the sockets is. */
function read(text: string, cuts: readonly number[] = [], options: { isHead?: boolean; ends?: boolean } = {}): Seen {
  const seen: Seen = { heads: [], body: '', over: false, reusable: false, idleMs: undefined, left: '' }
  const bodies: Buffer[] = []
  const reader = new ResponseReader(
    { onHead: (status, fields) => seen.heads.push({ status, fields }), onBody: (bytes) => bodies.push(bytes) },
    options.isHead,
  )
  const ends = [...cuts, text.length]
  let start = 0
  for (const end of ends) {
    const bytes = Buffer.from(`##${text.slice(start, end)}`, 'latin1')
    if (reader.over) seen.left += text.slice(start, end)
    else if (bytes.length > 2) seen.left += bytes.toString('latin1', reader.feed(bytes, 2, bytes.length))
    bytes.fill(0x21)
    start = end
  }
  if (options.ends === true) reader.finish()
  seen.body = Buffer.concat(bodies).toString('latin1')
  seen.over = reader.over
  seen.reusable = reader.reusable
  seen.idleMs = reader.idleMs
  return seen
}

const counted = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello'
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00A;name="v"\r\n, world!!\n\r\n0\r\nX-Trailer: 1\r\n\r\n'
const interim = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${counted}`

test('a counted body ends where its length says; what follows is left', () => {
  const seen = read(`${counted}HTTP/1.1 200`)
  assert.deepEqual(seen.heads, [{ status: 200, fields: ['content-length', '5', 'x-a', 'b'] }])
  assert.deepEqual([seen.body, seen.over, seen.reusable, seen.left], ['hello', true, true, 'HTTP/1.1 200'])
})

test('chunks are put together; extensions and trailers are dropped', () => {
  const seen = read(`${chunked}next`)
  assert.deepEqual([seen.body, seen.over, seen.reusable, seen.left], ['hello, world!!\n', true, true, 'next'])
})

test('interim answers are passed over', () => {
  const seen = read(interim)
  assert.deepEqual([seen.heads.map(({ status }) => status), seen.body, seen.over], [[200], 'hello', true])
})

for (const [what, text] of Object.entries({ counted, chunked, interim })) {
  test(`the ${what} response is the same however its bytes are split`, () => {
    const whole = read(text)
    for (let cut = 1; cut < text.length; cut += 1) assert.deepEqual(read(text, [cut]), whole, `split at ${cut}`)
    assert.deepEqual(
      read(
        text,
        Array.from(text.slice(1), (_, index) => index + 1),
      ),
      whole,
      'one byte at a time',
    )
    const cuts = fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 12 })
    fc.assert(
      fc.property(cuts, (at) => {
        const sorted = at.sort((one, other) => one - other)
        assert.deepEqual(read(text, sorted), whole)
      }),
    )
  })
}

test('any body comes back from its chunks, however cut', () => {
  const pieces = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 300 }), { maxLength: 20 })
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(4000), { maxLength: 20 }), (parts, at) => {
      const body = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
      const text = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}0\r\n\r\n`
      const cuts = at.map((cut) => cut % text.length).sort((one, other) => one - other)
      const seen = read(text, cuts)
      assert.deepEqual([seen.body, seen.over, seen.left], [parts.join(''), true, ''])
    }),
  )
})

test('noise never gets past the reader as an answer, and never breaks it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 200 }), fc.nat(counted.length), (noise, at) => {
      try {
        const seen = read(counted.slice(0, at) + noise + counted.slice(at))
        for (const { status } of seen.heads) assert.ok(status >= 200 && status <= 999)
      } catch (error) {
        assert.ok(error instanceof MalformedMessage, String(error))
      }
    }),
    { numRuns: 500 },
  )
})

for (const status of [204, 304]) {
  test(`a ${status} has no body, whatever its head says`, () => {
    const seen = read(`HTTP/1.1 ${status} None\r\nContent-Length: 5\r\n\r\nhello`)
    assert.deepEqual([seen.body, seen.over, seen.left], ['', true, 'hello'])
  })
}

test('the answer to HEAD has no body', () => {
  const seen = read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', [], { isHead: true })
  assert.deepEqual([seen.body, seen.over, seen.reusable], ['', true, true])
})

test('without length and chunks the body ends with the connection, which is not used again', () => {
  const text = 'HTTP/1.1 200\r\n\r\nhello'
  assert.equal(read(text).over, false)
  const seen = read(text, [20], { ends: true })
  assert.deepEqual([seen.body, seen.over, seen.reusable], ['hello', true, false])
})

test('a counted or chunked body is not complete when the connection ends before it', () => {
  assert.equal(read(counted.slice(0, -1), [], { ends: true }).over, false)
  assert.equal(read(chunked.slice(0, -2), [], { ends: true }).over, false)
  assert.equal(read('HTTP/1.1 20', [], { ends: true }).over, false)
})

test('whether a connection may be used again follows version and `Connection`', () => {
  const reusable = (first: string, connection: string): boolean =>
    read(`${first} 200 OK\r\n${connection}content-length: 0\r\n\r\n`).reusable
  assert.equal(reusable('HTTP/1.1', ''), true)
  assert.equal(reusable('HTTP/1.1', 'connection: Close\r\n'), false)
  assert.equal(reusable('HTTP/1.1', 'connection: x-a, close\r\n'), false)
  assert.equal(reusable('HTTP/1.0', ''), false)
  assert.equal(reusable('HTTP/1.0', 'connection: keep-alive\r\n'), true)
})

test('the idle time that a server promises is read', () => {
  const promised = (value: string): number | undefined =>
    read(`HTTP/1.1 200 OK\r\nkeep-alive: ${value}\r\ncontent-length: 0\r\n\r\n`).idleMs
  assert.equal(promised('timeout=5, max=100'), 5_000)
  assert.equal(promised('max=100,timeout = 7'), 7_000)
  assert.equal(promised('max=100'), undefined)
})

const head = 'HTTP/1.1 200 OK\r\n'
const inChunks = `${head}transfer-encoding: chunked\r\n\r\n`
const malformed: Readonly<Record<string, string>> = {
  'another protocol': 'SSH-2.0-OpenSSH_9\r\n\r\n',
  'HTTP/2': 'HTTP/2 200\r\n\r\n',
  'HTTP/1.2': 'HTTP/1.2 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'a status that is a word': 'HTTP/1.1 abc OK\r\n\r\n',
  'a status below 100': 'HTTP/1.1 099 OK\r\n\r\n',
  'line feeds only': 'HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n',
  'a folded header': `${head}x-a: b\r\n c\r\n\r\n`,
  'length and chunks': `${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
  'two lengths': `${head}content-length: 5\r\ncontent-length: 6\r\n\r\n`,
  'a switch of protocols': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
  'interim answers without end': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(20),
  'a head without end': `${head}${`x-a: ${'b'.repeat(1000)}\r\n`.repeat(70)}`,
  'one line without end': `HTTP/1.1 200 ${'a'.repeat(70_000)}`,
  'a chunk without size': `${inChunks}\r\nhello`,
  'a chunk size that is not hexadecimal': `${inChunks}5g\r\nhello\r\n`,
  'a signed chunk size': `${inChunks}-5\r\nhello\r\n`,
  'a blank before a chunk size': `${inChunks} 5\r\nhello\r\n`,
  'a blank after a chunk size': `${inChunks}5 \r\nhello\r\n`,
  'a chunk size with a prefix': `${inChunks}0x5\r\nhello\r\n`,
  'a chunk size beyond all numbers': `${inChunks}ffffffffffffffffff5\r\nhello\r\n`,
  'zeros without end': `${inChunks}${'0'.repeat(100)}5\r\nhello\r\n`,
  'a chunk size ended by a line feed': `${inChunks}5\nhello\r\n`,
  'a chunk size ended by a carriage return': `${inChunks}5\rhello\r\n`,
  'a chunk longer than its size': `${inChunks}4\r\nhello\r\n`,
  'a chunk followed by a line feed': `${inChunks}5\r\nhello\n0\r\n\r\n`,
  'an extension with a line feed': `${inChunks}5;a\nb\r\nhello\r\n`,
  'extensions without end': `${inChunks}5;${'a'.repeat(20_000)}`,
  'extensions that add up': `${inChunks}${`1;${'a'.repeat(5_000)}\r\nx\r\n`.repeat(4)}`,
  'trailers without end': `${inChunks}0\r\n${'x-a: b\r\n'.repeat(3_000)}`,
  'a malformed trailer': `${inChunks}0\r\nx a: b\r\n\r\n`,
  'a trailer ended by a line feed': `${inChunks}0\r\nx-a: b\n\r\n\r\n`,
}
for (const [what, text] of Object.entries(malformed)) {
  test(`${what} is an error, whole and in pieces`, () => {
    assert.throws(() => read(text), MalformedMessage)
    const every = Math.max(1, Math.floor(text.length / 500))
    const cuts = Array.from({ length: Math.floor((text.length - 1) / every) }, (_, index) => (index + 1) * every)
    assert.throws(() => read(text, cuts), MalformedMessage)
  })
}
