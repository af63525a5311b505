import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fieldLines } from './field-lines.ts'
import { readFields } from './head-fields.ts'
import { HeadReader } from './head-reader.ts'

test('each header is a line, in their order, repeated ones apart', () => {
  assert.equal(fieldLines([]), '')
  assert.equal(fieldLines(['X-A', 'b', 'x-a', '', 'set-cookie', 'a=1; b']), '\r\nX-A: b\r\nx-a: \r\nset-cookie: a=1; b')
})

test('bytes beyond ASCII and tabs in a value are kept as they are', () => {
  assert.equal(fieldLines(['x-name', 'caf\xe9\tau lait']), '\r\nx-name: caf\xe9\tau lait')
})

const unsendable: Readonly<Record<string, string>> = {
  'a whole line': 'b\r\nx-evil: 1',
  'a line end': 'b\r\n',
  'nothing but a line end': '\r\n',
  'the end of a head': 'b\r\n\r\nbody',
  'a fold': 'b\r\n c',
  'a line feed': 'b\nc',
  'a line feed at its end': 'b\n',
  'a line feed at its start': '\nb',
  'a carriage return': 'b\rc',
  'a carriage return at its end': 'b\r',
  'a zero byte': 'b\0c',
  'an escape character': '\x1b[0m',
  'a delete character': 'b\x7f',
  'a character of more than a byte': 'b\u2603',
  'a character that would become a line feed as a byte': 'b\u010a',
  'half a pair': '\ud800',
}
for (const [what, value] of Object.entries(unsendable)) {
  test(`a value with ${what} is refused by its header's name, and not shown`, () => {
    for (const fields of [
      ['x-key', value],
      ['a', '1', 'x-key', value],
      ['x-key', value, 'z', '1'],
      ['x-key', `longer than others ${value}`],
      ['x-key', `${value} longer than others`],
    ]) {
      assert.throws(() => fieldLines(fields), new TypeError('the header x-key has a value that cannot be sent'))
    }
  })
}

for (const name of ['', ' ', 'x a', 'x-a:', 'x-a: b\r\nx-evil', 'x\n', 'x\0', 'caf\xe9', '☃', '(x)', '"x"']) {
  test(`${JSON.stringify(name)} is no name, also when it was tried before`, () => {
    for (let time = 0; time < 2; time += 1) {
      assert.throws(() => fieldLines(['x-a', 'b', name, 'value']), {
        name: 'TypeError',
        message: `${JSON.stringify(name)} is not a header name`,
      })
    }
  })
}

test('more names than are remembered are all checked', () => {
  for (let index = 0; index < 2_000; index += 1) assert.equal(fieldLines([`x-${index}`, '']), `\r\nx-${index}: `)
  assert.throws(() => fieldLines(['x-2000\n', '']), TypeError)
})

test('what is written is read back the same, or is refused', () => {
  const value = fc.string({ unit: fc.constantFrom(...'ab :\t\r\n\0\x7f\x80\xff\u0100'), maxLength: 20 })
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), (values) => {
      const fields = values.flatMap((one, index) => [`x-${index}`, one])
      let lines: string
      try {
        lines = fieldLines(fields)
      } catch (error) {
        assert.ok(error instanceof TypeError)
        assert.ok(values.some((one) => /[^\t\x20-\x7e\x80-\xff]/.test(one)))
        return
      }
      const bytes = Buffer.from(`first line${lines}\r\n\r\n`, 'latin1')
      const head = new HeadReader(1_000).read(bytes, 0, bytes.length) ?? assert.fail('not whole')
      const read = readFields(head, 'first line\r\n'.length, head.length - 2)
      const trimmed = fields.map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''))
      assert.deepEqual(read, trimmed)
    }),
  )
})
