import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PatchedMap } from './patched-map.ts'

function assertSame(patched: PatchedMap<string, string>, plain: ReadonlyMap<string, string>): void {
  assert.deepEqual([...patched], [...plain])
  assert.deepEqual([...patched.keys()], [...plain.keys()])
  assert.deepEqual([...patched.values()], [...plain.values()])
  assert.equal(patched.size, plain.size)
}

test('it is what a Map would be after the same changes, and what it was made from stays as it was', () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  let plain = new Map(Array.from({ length: 40 }, (_, n) => [`name ${n}`, `first ${n}`]))
  let patched = PatchedMap.of(plain)
  for (let step = 0; step < 1_500; step += 1) {
    const before = plain
    const kept = patched
    plain = new Map(plain)
    const changes = Array.from({ length: random(4) }, () => {
      const change = [`name ${random(80)}`, random(3) === 0 ? undefined : `step ${step}`] as const
      return change
    })
    for (const [name, value] of changes) {
      if (value === undefined) plain.delete(name)
      else plain.set(name, value)
    }
    patched = patched.patched(changes)
    assertSame(patched, plain)
    assertSame(kept, before)
    for (let n = 0; n < 80; n += 1) {
      assert.equal(patched.get(`name ${n}`), plain.get(`name ${n}`))
      assert.equal(patched.has(`name ${n}`), plain.has(`name ${n}`))
    }
  }
})

test('many changes at once, and a map that was emptied', () => {
  const none = PatchedMap.of(new Map<string, string>())
  assertSame(none, new Map())
  const names = Array.from({ length: 2_000 }, (_, n) => `name ${n}`)
  const full = none.patched(names.map((name) => [name, name] as const))
  assertSame(full, new Map(names.map((name) => [name, name])))
  const emptied = full.patched(names.map((name) => [name, undefined] as const))
  assertSame(emptied, new Map())
  assert.deepEqual([...emptied.patched([['a', 'b']])], [['a', 'b']])
  const seen: string[] = []
  full.patched([['name 0', 'other']]).forEach((value) => {
    seen.push(value)
  })
  assert.deepEqual(seen.slice(0, 2), ['other', 'name 1'])
})
