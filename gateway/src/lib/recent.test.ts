import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Recent } from './recent.ts'

test('at least so many of the last used are kept, and never twice as many and one', () => {
  const recent = new Recent<number, string>(10)
  for (let name = 0; name < 1_000; name += 1) {
    recent.set(name, `v${name}`)
    // One that is used all the time stays.
    assert.equal(recent.get(0), 'v0')
    assert.ok(recent.size <= 20)
  }
  for (let name = 992; name < 1_000; name += 1) assert.equal(recent.get(name), `v${name}`)
  assert.equal(recent.get(500), undefined)
})

test('what is set again has its new value, what is deleted is gone, whichever generation it was in', () => {
  const recent = new Recent<string, number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('c', 3)
  recent.set('a', 4)
  assert.equal(recent.get('a'), 4)
  recent.delete('a')
  recent.delete('b')
  assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c')], [undefined, undefined, 3])
})
