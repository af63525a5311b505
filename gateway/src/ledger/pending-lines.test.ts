import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PendingLines } from './pending-lines.ts'

function pending(count: number): PendingLines {
  const lines = new PendingLines()
  for (let n = 0; n < count; n += 1) lines.add(Buffer.from(`line ${String(n).padStart(4, '0')}\n`))
  return lines
}

/** Takes what fits. */
function disk(room: number) {
  return {
    text: '',
    room,
    take(lines: Buffer): boolean {
      if (lines.length > this.room) return false
      this.room -= lines.length
      this.text += lines.toString()
      return true
    },
  }
}

test('lines are offered some together, in order, and none twice', () => {
  const lines = pending(1_000)
  const large = disk(1_000_000)
  let times = 0
  const isEmpty = lines.offer(2_500, (some) => {
    times += 1
    return large.take(some)
  })
  assert.ok(isEmpty)
  assert.equal(times, 4)
  assert.equal(lines.bytes, 0)
  assert.deepEqual(
    large.text.trimEnd().split('\n'),
    Array.from({ length: 1_000 }, (_, n) => `line ${String(n).padStart(4, '0')}`),
  )
})

test('a disk that has room for a few gets those, and the others when it has room again', () => {
  const lines = pending(1_000)
  const small = disk(35)
  assert.equal(
    lines.offer(5_000, (some) => small.take(some)),
    false,
  )
  assert.equal(small.text, 'line 0000\nline 0001\nline 0002\n')
  assert.equal(lines.bytes, 9_970)
  small.room = 10_000
  assert.equal(
    lines.offer(5_000, (some) => small.take(some)),
    true,
  )
  assert.equal(small.text.split('\n').length, 1_001)
  assert.ok(small.text.endsWith('line 0999\n'))
})
