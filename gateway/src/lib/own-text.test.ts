import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectGarbage } from '../../test/garbage.ts'
import { ownText } from './own-text.ts'

for (const text of ['', 'a', 'café ☃ 🛫', 'x'.repeat(341), '☃'.repeat(341), '☃'.repeat(342), 'x'.repeat(100_000)]) {
  test(`a copy says the same: ${text.length} units that begin with ${JSON.stringify(text.slice(0, 12))}`, () => {
    assert.equal(ownText(text), text)
  })
}

test('copies of short parts do not keep the long texts', () => {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const parts = Array.from({ length: 300 }, (_, index) => {
    const long = Buffer.alloc(100_000, String(index)).toString()
    return ownText(long.slice(0, 50))
  })
  collectGarbage()
  const kept = process.memoryUsage().heapUsed - before
  assert.ok(kept < 3_000_000, `${parts.length} short parts keep ${kept} bytes`)
})
