import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeLog } from './change-log.ts'

function told(log: ChangeLog, after: number, upTo = log.position) {
  return log.between(after, upTo)?.map(({ key, added }) => (added ? `+${key}` : key))
}

test('it tells what was changed between two positions, in order', () => {
  const log = new ChangeLog()
  assert.deepEqual(told(log, 0), [])
  log.add(['a'], ['b', 'c'])
  log.add([], ['d'])
  log.add(['b'], [])
  assert.deepEqual(told(log, 0), ['a', '+b', '+c', '+d', 'b'])
  assert.deepEqual(told(log, 1), ['+d', 'b'])
  assert.deepEqual(told(log, 1, 2), ['+d'])
  assert.deepEqual(told(log, 3), [])
  assert.equal(told(log, 3, 2), undefined, 'the other way round')
})

test('who is too far behind, or behind a new beginning, is told nothing', () => {
  const log = new ChangeLog()
  for (let n = 1; n <= 5_000; n += 1) log.add([`row ${n}`], [])
  assert.equal(told(log, 0), undefined)
  assert.equal(told(log, 2_000), undefined)
  assert.deepEqual(told(log, 4_998), ['row 4999', 'row 5000'])
  const kept = told(log, 4_000)
  assert.equal(kept?.length, 1_000)
  log.startOver()
  assert.equal(told(log, 5_000), undefined)
  assert.deepEqual(told(log, log.position), [])
})

test('of one change that is larger than what is kept nothing is told by half', () => {
  const log = new ChangeLog()
  const before = log.position
  log.add(
    [],
    Array.from({ length: 3_000 }, (_, n) => `row ${n}`),
  )
  assert.equal(told(log, before), undefined)
  assert.deepEqual(told(log, log.position), [])
})
