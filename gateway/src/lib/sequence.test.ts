import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectGarbage } from '../../test/garbage.ts'
import { Sequence } from './sequence.ts'

test('a piece of work begins when the one before it is over, also by an error', async () => {
  const sequence = new Sequence()
  const seen: string[] = []
  const work =
    (name: string, fails = false) =>
    async () => {
      seen.push(`${name} begins`)
      await sleep(2)
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    }
  const [first, second, third] = await Promise.allSettled([
    sequence.run(work('first')),
    sequence.run(work('second', true)),
    sequence.run(work('third')),
  ])
  assert.deepEqual([first.status, second.status, third.status], ['fulfilled', 'rejected', 'fulfilled'])
  const order = ['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`])
  assert.deepEqual(seen, order)
})

test('it is over when its last piece is', async () => {
  const sequence = new Sequence()
  let ended = false
  void sequence.run(async () => {
    await sleep(5)
    ended = true
  })
  await sequence.over()
  assert.equal(ended, true)
})

test('a result is not kept', async () => {
  const sequence = new Sequence()
  const result = new WeakRef(await sequence.run(() => ({ large: true })))
  await sleep(1)
  collectGarbage()
  assert.equal(result.deref(), undefined)
})
