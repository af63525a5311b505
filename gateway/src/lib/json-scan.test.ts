import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scanTopLevel } from './json-scan.ts'

const keys = ['model', 'usage', 'choices'] as const

/** The text of each value found, or `ambiguous`. */
function scan(json: string): Record<string, string> {
  const bytes = Buffer.from(json)
  const found: Record<string, string> = {}
  for (const [place, span] of scanTopLevel(bytes, 0, bytes.length, keys).entries()) {
    if (span !== undefined)
      found[keys[place] ?? ''] = span === 'ambiguous' ? span : bytes.toString('utf8', span.start, span.end)
  }
  return found
}

test('the values of top-level keys are found to the byte', () => {
  assert.deepEqual(scan('{"model":"gpt-4o","n":1}'), { model: '"gpt-4o"' })
  assert.deepEqual(scan(' { "a" : [1,{"model":2}] ,\n"usage"\t: null , "model": {"x":"}"} } '), {
    usage: 'null',
    model: '{"x":"}"}',
  })
  assert.deepEqual(scan('{"choices":[],"usage":-1.5e+10}'), { choices: '[]', usage: '-1.5e+10' })
  assert.deepEqual(scan('{}'), {})
})

test('keys inside values and strings do not count', () => {
  assert.deepEqual(scan('{"a":{"model":"x"},"b":"\\"model\\":\\"y\\"","c":[{"model":1}]}'), {})
  assert.deepEqual(scan('{"a":"model","modelx":1,"mode":2,"xmodel":3}'), {})
})

test('strings end at their own quote, however many escapes stand before it', () => {
  assert.deepEqual(scan(String.raw`{"a":"\\","model":"m"}`), { model: '"m"' })
  assert.deepEqual(scan(String.raw`{"a":"\\\"","model":"m\\"}`), { model: String.raw`"m\\"` })
  const long = `${'x'.repeat(100)}${String.raw`\\\"`.repeat(50)}`
  assert.deepEqual(scan(`{"a":"${long}","model":"${long}"}`), { model: `"${long}"` })
})

test('an escaped spelling of a key counts', () => {
  assert.deepEqual(scan('{"mod\\u0065l":"m"}'), { model: '"m"' })
  assert.deepEqual(scan('{"model":"a","mod\\u0065l":"b"}'), { model: 'ambiguous' })
  assert.deepEqual(scan('{"\\"model":"m"}'), {})
})

test('a key that is there twice is ambiguous', () => {
  assert.deepEqual(scan('{"model":1,"usage":2,"model":3,"model":4}'), { model: 'ambiguous', usage: '2' })
})

test('only the given range is read', () => {
  const bytes = Buffer.from('data: {"model":"m"}\n\n')
  assert.deepEqual(scanTopLevel(bytes, 6, 19, keys), [{ start: 15, end: 18 }, undefined, undefined])
  assert.deepEqual(scanTopLevel(bytes, 6, 18, keys), [undefined, undefined, undefined])
  assert.deepEqual(scanTopLevel(bytes, 6, 16, keys), [undefined, undefined, undefined])
})

const malformed = [
  '',
  '[]',
  '"model"',
  '{',
  '{"model"',
  '{"model"}',
  '{"model":',
  '{"model":}',
  '{"model":"m"',
  '{"model":"m}',
  '{"model":"m"}}',
  '{"model":"m"} x',
  '{"model":"m",}',
  '{,"model":"m"}',
  '{"model" "m"}',
  '{"model":"m" "a":1}',
  '{model:"m"}',
  '{"model":[}',
  '{"model":[1}]',
  '{"model":{"a":[}]}}',
  '{"a":"\\","model":"m"}',
  '{"mod\\u00zz":"m"}',
  `{"model":"m","a":${'['.repeat(5000)}${']'.repeat(5000)}}`,
]

for (const json of malformed) {
  test(`nothing is found in ${json.length > 40 ? 'an absurdly deep object' : json}`, () => {
    assert.deepEqual(scan(json), {})
  })
}

test('every value of any object is found where JSON.parse finds it', () => {
  const key = fc.oneof(fc.constantFrom('model', 'usage', 'choices'), fc.string({ unit: 'binary' }))
  const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 4 }))
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const found = scan(JSON.stringify(value, null, indent))
      for (const name of keys) {
        if (Object.hasOwn(value, name))
          assert.equal(JSON.stringify(JSON.parse(found[name] ?? '')), JSON.stringify(value[name]))
        else assert.equal(found[name], undefined)
      }
    }),
  )
})

test('no cut or changed byte makes it throw or look outside the range', () => {
  const base = Buffer.from('{"a":"x\\"y","model":"m","b":[1,{"c":null}],"usage":{"n":1}}')
  fc.assert(
    fc.property(fc.nat(base.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(base.length), (at, byte, end) => {
      const bytes = Buffer.from(base)
      bytes[at] = byte
      for (const span of scanTopLevel(bytes, 0, end, keys)) {
        assert.ok(span === undefined || span === 'ambiguous' || (span.start < span.end && span.end < end))
      }
    }),
  )
})
