import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byName } from './by-name.ts'

/** How often something was made, by name. */
function counting(): { readonly made: Map<string, number>; readonly of: (name: string) => string } {
  const made = new Map<string, number>()
  return {
    made,
    of: byName((name) => {
      made.set(name, (made.get(name) ?? 0) + 1)
      return `<${name}>`
    }),
  }
}

test('what is made of a name is made once', () => {
  const { made, of } = counting()
  for (let time = 0; time < 3; time += 1) assert.deepEqual([of('host'), of('date')], ['<host>', '<date>'])
  assert.deepEqual([...made.values()], [1, 1])
})

test('neither a long name nor more than a thousand are remembered, and each is still right', () => {
  const { made, of } = counting()
  const long = 'x'.repeat(65)
  for (let time = 0; time < 2; time += 1) assert.equal(of(long), `<${long}>`)
  for (let time = 0; time < 2; time += 1) for (let n = 0; n < 1_500; n += 1) assert.equal(of(`x-${n}`), `<x-${n}>`)
  assert.equal(made.get(long), 2)
  assert.equal([...made.values()].filter((count) => count === 1).length, 1_000)
})
