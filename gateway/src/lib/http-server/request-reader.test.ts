import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { everyCut, readRequests, type WholeRequest } from '../../../test/read-requests.ts'
import { HeadTooLarge, MalformedMessage } from '../http1/head-fields.ts'
import { ExpectationFailed, RequestReader } from './request-reader.ts'

/** The one request that the text is. */
function read(text: string): WholeRequest {
  const { requests, error, open } = readRequests(text)
  const [request] = requests
  if (request === undefined || requests.length !== 1 || open) assert.fail(`${requests.length} requests, ${error}`)
  return request
}

const get = 'GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n'
const counted = 'POST /v1/x?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello'
const chunked =
  'PUT / HTTP/1.1\r\nhost:a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00A;name="v"\r\n, world!!\n\r\n0;x\r\nX-Trailer: 1\r\nx-b:\r\n\r\n'
const afterEmptyLines = `\r\n\r\n${counted}\r\n${get}`
const pipelined = `${get}${chunked}\r\n${counted}${get}`
const older = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nPOST / HTTP/1.0\r\ncontent-length: 2\r\n\r\nhi'

describe('a request', () => {
  it('is its method, its target, its headers and its body', () => {
    assert.deepEqual(read(counted), {
      method: 'POST',
      target: '/v1/x?a=b',
      fields: ['host', 'a', 'content-length', '5', 'x-a', 'b'],
      length: 5,
      keepsAlive: true,
      takesChunks: true,
      expectsContinue: false,
      body: 'hello',
    })
  })

  it('may have any method that is a token', () => {
    for (const method of [
      'GET',
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'HEAD',
      'OPTIONS',
      'M-SEARCH',
      "!#$%&'*+-.^_`|~0aZ",
    ]) {
      assert.equal(read(`${method} / HTTP/1.1\r\nhost: a\r\n\r\n`).method, method)
    }
  })

  it('may have any target of printable characters', () => {
    for (const target of [
      '/',
      '*',
      '/a%20b?c=d&e#f',
      'http://a/b',
      'a:443',
      '/"<>[]{}|\\^`',
      `/${'a'.repeat(8_000)}`,
    ]) {
      assert.equal(read(`GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`).target, target)
    }
  })

  it('has names in lower case, values without the blanks around them, and repeated headers apart', () => {
    const lines = ['HOST: a', 'X-A: \t one  two \t', 'x-a:', 'X-a:   ', 'x-b:\xe9;"q"', "!#$%&'*+-.^_`|~: 1"]
    assert.deepEqual(read(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`).fields, [
      ...['host', 'a', 'x-a', 'one  two', 'x-a', '', 'x-a', '', 'x-b', '\xe9;"q"', "!#$%&'*+-.^_`|~", '1'],
    ])
  })

  it('of HTTP/1.1 is followed by another unless it says otherwise', () => {
    const keeps = (line: string): boolean => read(`GET / HTTP/1.1\r\nhost: a\r\n${line}\r\n`).keepsAlive
    assert.equal(keeps(''), true)
    assert.equal(keeps('connection: x-hop\r\n'), true)
    assert.equal(keeps('Connection: Close\r\n'), false)
    assert.equal(keeps('connection: keep-alive, close\r\n'), false)
  })

  it('of HTTP/1.0 needs no host, takes no chunks, and is the last unless it asks for more', () => {
    const one = read('GET / HTTP/1.0\r\n\r\n')
    assert.deepEqual([one.keepsAlive, one.takesChunks], [false, false])
    assert.equal(read('GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n').keepsAlive, true)
  })

  it('has no body when its length is none', () => {
    assert.equal(read('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n').body, '')
    assert.equal(read('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n').body, '')
  })

  it('may have a body with any method', () => {
    assert.equal(read('GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi').body, 'hi')
  })

  it('has its chunks put together; extensions and trailers are dropped', () => {
    assert.equal(read(chunked).body, 'hello, world!!\n')
    assert.deepEqual(read(chunked).fields, ['host', 'a', 'transfer-encoding', 'Chunked'])
  })

  it('may wait to be asked for its body, if it is of HTTP/1.1', () => {
    const expects = (version: string): boolean =>
      read(`POST / HTTP/${version}\r\nhost: a\r\nExpect: 100-Continue\r\ncontent-length: 1\r\n\r\nx`).expectsContinue
    assert.equal(expects('1.1'), true)
    assert.equal(expects('1.0'), false)
  })

  it('follows another, with or without an empty line between them', () => {
    const { requests, open } = readRequests(pipelined)
    assert.deepEqual(
      requests.map(({ method, body }) => [method, body]),
      [
        ['GET', ''],
        ['PUT', 'hello, world!!\n'],
        ['POST', 'hello'],
        ['GET', ''],
      ],
    )
    assert.equal(open, false)
  })

  it('is not followed by what comes after a last one', () => {
    const { requests } = readRequests(`GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n${get}`)
    assert.equal(requests.length, 1)
  })

  it('that has not come to its end is none', () => {
    for (const text of [counted, chunked]) {
      for (let end = 1; end < text.length; end += 1) {
        const { requests, error, open } = readRequests(text.slice(0, end))
        assert.deepEqual([requests.length, error, open], [0, undefined, true], `cut at ${end}`)
      }
    }
  })

  for (const [what, text] of Object.entries({ get, counted, chunked, afterEmptyLines, pipelined, older })) {
    it(`is the same however its bytes are split: ${what}`, () => {
      const whole = readRequests(text)
      assert.ok(whole.requests.length > 0 && !whole.open && whole.error === undefined)
      for (let cut = 1; cut < text.length; cut += 1) assert.deepEqual(readRequests(text, [cut]), whole, `at ${cut}`)
      assert.deepEqual(readRequests(text, everyCut(text)), whole, 'one byte at a time')
      const cuts = fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 12 })
      fc.assert(
        fc.property(cuts, (at) => {
          assert.deepEqual(
            readRequests(
              text,
              at.sort((one, other) => one - other),
            ),
            whole,
          )
        }),
      )
    })
  }
})

const start = 'POST / HTTP/1.1\r\nhost: a\r\n'
const inChunks = `${start}transfer-encoding: chunked\r\n\r\n`
const notARequestLine = 'a request line that is not `METHOD target HTTP/1.1`'
const notHttp = 'the request is not HTTP/1.1'
const control = 'a control character or a lone line end in the head'
const noName = 'a header line without a valid name'
const noLength = 'a content-length that is not a number'
const otherCoding = 'a transfer-encoding other than chunked'
const oneHost = 'a request needs one `host` header'
const noSize = 'a chunk without a size'
const notHexadecimal = 'a chunk size that is not hexadecimal'
const sizeLine = 'a lone line end in a chunk size'
const longChunk = 'a chunk longer than its size'

const malformed: Readonly<Record<string, readonly [text: string, message: string]>> = {
  'a TLS hello': ['\x16\x03\x01\x02\x00\x01', 'TLS was sent to a port that speaks plain HTTP'],
  'binary noise': ['\x00\x01\x02', notHttp],
  'noise beyond ASCII': ['\xff\xfe', notHttp],
  'a blank before the method': [` ${get}`, notHttp],
  'a line feed before the method': [`\n${get}`, notHttp],
  'a carriage return before the method': [`\r${get}`, 'a lone line end in place of a request'],
  'empty lines without end': [`${'\r\n'.repeat(5)}${get}`, 'empty lines in place of a request'],
  'another protocol': ['SSH-2.0-OpenSSH_9\r\n\r\n', notARequestLine],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', notARequestLine],
  'HTTP/0.9': ['GET /\r\n\r\n', notARequestLine],
  'HTTP/1.2': ['GET / HTTP/1.2\r\nhost: a\r\n\r\n', notARequestLine],
  'HTTP/1.10': ['GET / HTTP/1.10\r\nhost: a\r\n\r\n', notARequestLine],
  'a version in small letters': ['GET / http/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'no target': ['GET HTTP/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'an empty target': ['GET  HTTP/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'a target with a blank': ['GET /a b HTTP/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'a target beyond ASCII': ['GET /\xe9 HTTP/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'two blanks after the method': ['GET  / HTTP/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'a tab after the method': ['GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'a blank after the version': ['GET / HTTP/1.1 \r\nhost: a\r\n\r\n', notARequestLine],
  'a method that is no token': ['G(T / HTTP/1.1\r\nhost: a\r\n\r\n', notARequestLine],
  'a method without end': [`${'A'.repeat(33)} / HTTP/1.1\r\nhost: a\r\n\r\n`, notARequestLine],
  'a target with a control character': ['GET /\x01 HTTP/1.1\r\nhost: a\r\n\r\n', control],
  'a target with a line feed': ['GET /\n HTTP/1.1\r\nhost: a\r\n\r\n', control],
  'a line feed alone': ['GET / HTTP/1.1\r\nhost: a\nx-b: c\r\n\r\n', control],
  'line feeds only': ['GET / HTTP/1.1\nhost: a\n\n\r\n\r\n', control],
  'a carriage return alone': ['GET / HTTP/1.1\r\nhost: a\rx-b: c\r\n\r\n', control],
  'a carriage return doubled': ['GET / HTTP/1.1\r\nhost: a\r\r\n\r\n', control],
  'a zero byte in a value': ['GET / HTTP/1.1\r\nhost: a\0\r\n\r\n', control],
  'a zero byte in a name': ['GET / HTTP/1.1\r\nho\0st: a\r\n\r\n', control],
  'a delete character': ['GET / HTTP/1.1\r\nhost: \x7f\r\n\r\n', control],
  'an escape character': ['GET / HTTP/1.1\r\nhost: a\r\nx-a: \x1b[0m\r\n\r\n', control],
  'a folded header': [`${start}x-a: b\r\n c\r\n\r\n`, noName],
  'a header folded with a tab': [`${start}x-a: b\r\n\tc\r\n\r\n`, noName],
  'a fold before the first header': ['GET / HTTP/1.1\r\n host: a\r\n\r\n', noName],
  'a space before the colon': [`${start}content-length : 5\r\n\r\nhello`, noName],
  'a tab before the colon': [`${start}content-length\t: 5\r\n\r\nhello`, noName],
  'a header without a colon': [`${start}x-a\r\n\r\n`, noName],
  'a header without a name': [`${start}: b\r\n\r\n`, noName],
  'a header with a name beyond ASCII': [`${start}x-\xe9: b\r\n\r\n`, noName],
  'no host': ['GET / HTTP/1.1\r\nx-a: b\r\n\r\n', oneHost],
  'no header at all': ['GET / HTTP/1.1\r\n\r\n', oneHost],
  'two hosts': ['GET / HTTP/1.1\r\nhost: a\r\nHost: a\r\n\r\n', oneHost],
  'two hosts in HTTP/1.0': ['GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n', oneHost],
  'two lengths': [`${start}content-length: 5\r\ncontent-length: 6\r\n\r\n`, 'two content-length headers'],
  'one length twice': [`${start}content-length: 5\r\nContent-Length: 5\r\n\r\n`, 'two content-length headers'],
  'a list of lengths': [`${start}content-length: 5, 5\r\n\r\n`, noLength],
  'a signed length': [`${start}content-length: +5\r\n\r\n`, noLength],
  'a negative length': [`${start}content-length: -1\r\n\r\n`, noLength],
  'a hexadecimal length': [`${start}content-length: 0x5\r\n\r\n`, noLength],
  'an empty length': [`${start}content-length:\r\n\r\n`, noLength],
  'a length with a blank inside': [`${start}content-length: 1 2\r\n\r\n`, noLength],
  'a length beyond exact numbers': [`${start}content-length: 9007199254740993\r\n\r\n`, noLength],
  'length and chunks': [
    `${start}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
    'content-length and transfer-encoding together',
  ],
  'chunks and length': [
    `${start}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n`,
    'content-length and transfer-encoding together',
  ],
  'two codings': [
    `${start}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n`,
    'two transfer-encoding headers',
  ],
  'a coding after chunked': [`${start}transfer-encoding: chunked, identity\r\n\r\n`, otherCoding],
  'a coding before chunked': [`${start}transfer-encoding: gzip, chunked\r\n\r\n`, otherCoding],
  'chunked twice': [`${start}transfer-encoding: chunked, chunked\r\n\r\n`, otherCoding],
  'a coding that looks like chunked': [`${start}transfer-encoding: xchunked\r\n\r\n`, otherCoding],
  'chunked in quotes': [`${start}transfer-encoding: "chunked"\r\n\r\n`, otherCoding],
  'identity as a coding': [`${start}transfer-encoding: identity\r\n\r\n`, otherCoding],
  'an empty coding': [`${start}transfer-encoding:\r\n\r\n`, otherCoding],
  'chunks in HTTP/1.0': [
    'POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'transfer-encoding in HTTP/1.0',
  ],
  'an unknown expectation': [`${start}expect: 200-ok\r\n\r\n`, 'an unknown expectation'],
  'more headers than any request has': [
    `${start}${Array.from({ length: 256 }, (_, index) => `x-${index}: 1\r\n`).join('')}\r\n`,
    'more than 256 headers',
  ],
  'a chunk without a size': [`${inChunks}\r\nhello`, noSize],
  'a signed chunk size': [`${inChunks}+5\r\nhello\r\n`, noSize],
  'a negative chunk size': [`${inChunks}-5\r\nhello\r\n`, noSize],
  'a blank before a chunk size': [`${inChunks} 5\r\nhello\r\n`, noSize],
  'an extension without a size': [`${inChunks};a\r\nhello\r\n`, noSize],
  'a blank after a chunk size': [`${inChunks}5 \r\nhello\r\n`, notHexadecimal],
  'a chunk size with a prefix': [`${inChunks}0x5\r\nhello\r\n`, notHexadecimal],
  'a chunk size that is not hexadecimal': [`${inChunks}5g\r\nhello\r\n`, notHexadecimal],
  'a chunk size ended by a line feed': [`${inChunks}5\nhello\r\n`, notHexadecimal],
  'a chunk size beyond all numbers': [`${inChunks}fffffffffff\r\n`, 'a chunk size too large to be one'],
  'zeros without end': [`${inChunks}${'0'.repeat(100)}5\r\nhello\r\n`, 'a chunk size too large to be one'],
  'a chunk size ended by a carriage return': [`${inChunks}5\rhello\r\n`, sizeLine],
  'an extension with a line feed': [`${inChunks}5;a\nb\r\nhello\r\n`, sizeLine],
  'an extension with a zero byte': [`${inChunks}5;a\0b\r\nhello\r\n`, sizeLine],
  'extensions without end': [`${inChunks}5;${'a'.repeat(20_000)}`, 'chunk extensions without an end'],
  'a chunk longer than its size': [`${inChunks}4\r\nhello\r\n`, longChunk],
  'a chunk followed by a line feed': [`${inChunks}5\r\nhello\n0\r\n\r\n`, longChunk],
  'a chunk followed by a carriage return': [`${inChunks}5\r\nhello\r0\r\n\r\n`, longChunk],
  'a malformed trailer': [`${inChunks}0\r\nx a: b\r\n\r\n`, noName],
  'a folded trailer': [`${inChunks}0\r\nx-a: b\r\n c\r\n\r\n`, noName],
  'a length among trailers': [`${inChunks}0\r\nContent-Length: 3\r\n\r\n`, 'a length among trailers'],
  'a coding among trailers': [`${inChunks}0\r\ntransfer-encoding: chunked\r\n\r\n`, 'a length among trailers'],
  'a trailer ended by a line feed': [`${inChunks}0\r\nx-a: b\n\r\n\r\n`, control],
  'trailers without end': [`${inChunks}0\r\n${'x-a: b\r\n'.repeat(3_000)}`, 'trailers of more than 16384 bytes'],
}

describe('what is no request', () => {
  for (const [what, [text, message]] of Object.entries(malformed)) {
    it(`is told by its reason, whole and in pieces: ${what}`, () => {
      const every = Math.max(1, Math.floor(text.length / 300))
      const pieces = everyCut(text).filter((cut) => cut % every === 0)
      for (const cuts of [[], pieces]) {
        const { requests, error } = readRequests(text, cuts)
        assert.ok(error instanceof MalformedMessage, String(error))
        assert.deepEqual([requests.length, error.message], [0, message])
      }
    })
  }

  it('is a request with an unknown expectation', () => {
    assert.ok(readRequests(`${start}expect: 200-ok\r\n\r\n`).error instanceof ExpectationFailed)
  })

  it('is found behind a good request as well', () => {
    const { requests, error } = readRequests(`${counted}${get}G E T\r\n\r\n`)
    assert.deepEqual([requests.length, error?.message], [2, notARequestLine])
  })

  it('is told when a line ends that is not of HTTP, not when the head does not', () => {
    for (const text of [
      'GET / HTTP/1.1\nhost: a\n\n',
      'GET / HTTP/1.1\r\nhost: a\n\n',
      'GET / HTTP/1.1\rhost: a\r\r',
    ]) {
      for (const cuts of [[], everyCut(text)]) assert.equal(readRequests(text, cuts).error?.message, control)
    }
  })
})

describe('a head', () => {
  /** A request whose head is so long, without the empty line that ends it. */
  const ofBytes = (length: number): string => {
    const before = 'GET / HTTP/1.1\r\nhost: a\r\nx-a: '
    return `${before}${'b'.repeat(length - before.length)}\r\n\r\n`
  }

  it('may have 16 KiB, however it is split, and not a byte more', () => {
    const fits = ofBytes(16_384)
    const splits = [[], [1], [8_000], ...[1, 2, 3, 4, 5].map((behind) => [fits.length - behind])]
    for (const cuts of splits) {
      assert.equal(readRequests(fits, cuts).requests.length, 1, `${cuts}`)
      assert.ok(readRequests(ofBytes(16_385), cuts).error instanceof HeadTooLarge, `${cuts}`)
    }
  })

  it('is measured from its own first byte', () => {
    assert.equal(readRequests(`${counted}\r\n${ofBytes(16_384)}${get}`).requests.length, 3)
  })

  it('without end is refused when it is too large', () => {
    for (const text of [`GET /${'a'.repeat(20_000)}`, `GET / HTTP/1.1\r\n${'x-a: b\r\n'.repeat(3_000)}`]) {
      for (const cuts of [[], [1], everyCut(text)]) {
        const { error } = readRequests(text, cuts)
        assert.ok(error instanceof HeadTooLarge)
        assert.equal(error.message, 'a head of more than 16384 bytes')
      }
    }
  })

  it('may have 256 headers', () => {
    const lines = Array.from({ length: 255 }, (_, index) => `x-${index}: 1\r\n`).join('')
    assert.equal(read(`GET / HTTP/1.1\r\nhost: a\r\n${lines}\r\n`).fields.length, 512)
  })
})

it('a piece of tiny chunks holds no more memory than it has bytes', () => {
  const reader = new RequestReader()
  reader.readHead(Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'), 0)
  const piece = reader.readBody(Buffer.from('0000000001\r\nx\r\n'.repeat(10_000)), 0)
  assert.equal(piece.length, 10_000)
  // A part of the pool that small buffers share.
  assert.ok(piece.buffer.byteLength <= Buffer.poolSize + 64, `${piece.buffer.byteLength} bytes`)
})
