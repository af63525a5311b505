import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { deepestLevel, jsonString } from './json.ts'

test('brackets inside texts are no levels, and the deepest level counts', () => {
  assert.equal(deepestLevel('{"a":[{"b":1}],"c":{}}'), 3)
  assert.equal(deepestLevel('{"a":"[[[{{{","b\\"[[":1}'), 1)
  assert.equal(deepestLevel('"x"'), 0)
  assert.equal(deepestLevel('['.repeat(1_000_000)), 1_000_000)
  assert.equal(deepestLevel('{"unfinished'), 1)
})

test('a text is spelled as JSON spells it', () => {
  const unit = fc.constantFrom(...'ab é☃"\\/\n\0\x7f\u2028', '\ud800')
  fc.assert(fc.property(fc.string({ unit }), (text) => assert.equal(jsonString(text), JSON.stringify(text))))
})
