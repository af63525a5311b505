import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownText } from './own-text.ts'

for (const text of ['', 'a', 'café ☃ 🛫', 'x'.repeat(341), '☃'.repeat(341), '☃'.repeat(342), 'x'.repeat(100_000)]) {
  test(`a copy says the same: ${text.length} units that begin with ${JSON.stringify(text.slice(0, 12))}`, () => {
    assert.equal(ownText(text), text)
  })
}

test('a copy stays what it is when the next is made', () => {
  const first = ownText('first')
  ownText('second')
  assert.equal(first, 'first')
})
