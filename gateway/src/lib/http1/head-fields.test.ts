import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedMessage, readFields, readFraming } from './head-fields.ts'
import { HeadReader } from './head-reader.ts'

function fieldsOf(lines: readonly string[]): string[] {
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  const text = new HeadReader(65_536).read(bytes, 0, bytes.length) ?? assert.fail('not whole')
  return readFields(text, 0, text.length - 2)
}

test('names come in lower case, values without the blanks around them, repeated ones apart', () => {
  assert.deepEqual(fieldsOf(['Content-Type:text/plain', 'X-A: \t one  two \t', 'x-a:', 'set-cookie: a=1; b']), [
    'content-type',
    'text/plain',
    'x-a',
    'one  two',
    'x-a',
    '',
    'set-cookie',
    'a=1; b',
  ])
})

test('bytes beyond ASCII in a value are kept as they are', () => {
  assert.deepEqual(fieldsOf(['x-name: caf\xe9']), ['x-name', 'caf\xe9'])
})

const refused: Readonly<Record<string, readonly string[]>> = {
  'a folded line': ['x-a: one', ' two'],
  'a line folded with a tab': ['x-a: one', '\ttwo'],
  'a space before the colon': ['content-length : 5'],
  'no colon': ['x-a'],
  'no name': [': value'],
  'a name with a blank': ['x a: value'],
  'a name beyond ASCII': ['x-\xe9: value'],
  'a zero byte': ['x-a: o\0ne'],
  'a lone line feed': ['x-a: one\nx-b: two'],
  'a lone carriage return': ['x-a: one\rx-b: two'],
  'a delete character': ['x-a: \x7f'],
  'more fields than any head has': Array.from({ length: 300 }, (_, index) => `x-${index}: 1`),
}
for (const [what, lines] of Object.entries(refused)) {
  test(`${what} is refused`, () => assert.throws(() => fieldsOf(lines), MalformedMessage))
}

test('length, coding and connection are read', () => {
  assert.deepEqual(readFraming(['content-length', '0012', 'connection', 'Close, x-hop'], 1), {
    length: 12,
    chunked: false,
    close: true,
    keepAlive: false,
  })
  assert.equal(readFraming(['transfer-encoding', 'Chunked'], 1).chunked, true)
  assert.equal(readFraming([], 1).length, undefined)
})

const ambiguous: Readonly<Record<string, readonly [readonly string[], number]>> = {
  'two lengths': [['content-length', '5', 'content-length', '6'], 1],
  'one length twice': [['content-length', '5', 'content-length', '5'], 1],
  'a list of lengths': [['content-length', '5, 5'], 1],
  'a signed length': [['content-length', '+5'], 1],
  'a negative length': [['content-length', '-5'], 1],
  'a hexadecimal length': [['content-length', '0x5'], 1],
  'a length with a point': [['content-length', '5.0'], 1],
  'an empty length': [['content-length', ''], 1],
  'a length beyond exact numbers': [['content-length', '99999999999999999999'], 1],
  'length and chunks together': [['content-length', '5', 'transfer-encoding', 'chunked'], 1],
  'chunks and length together': [['transfer-encoding', 'chunked', 'content-length', '5'], 1],
  'two codings in two headers': [['transfer-encoding', 'gzip', 'transfer-encoding', 'chunked'], 1],
  'another coding before chunked': [['transfer-encoding', 'gzip, chunked'], 1],
  'a coding that looks like chunked': [['transfer-encoding', 'xchunked'], 1],
  'identity as a coding': [['transfer-encoding', 'identity'], 1],
  'chunks in HTTP/1.0': [['transfer-encoding', 'chunked'], 0],
}
for (const [what, [fields, minor]] of Object.entries(ambiguous)) {
  test(`${what} is refused`, () => assert.throws(() => readFraming(fields, minor), MalformedMessage))
}
