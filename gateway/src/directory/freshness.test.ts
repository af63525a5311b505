import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../lib/clock.ts'
import { SharedChecks } from './freshness.ts'

test('who asks while a check is under way waits for one that begins after', async () => {
  const checks: PromiseWithResolvers<void>[] = []
  const shared = new SharedChecks(() => {
    const check = Promise.withResolvers<void>()
    checks.push(check)
    return check.promise
  }, systemClock)
  const done: string[] = []
  const first = shared.confirm().then(() => done.push('first'))
  const together = shared.confirm().then(() => done.push('together'))
  await turn()
  assert.equal(checks.length, 1)
  const late = shared.confirm().then(() => done.push('late'))
  const later = shared.confirm().then(() => done.push('later'))
  await turn(50)
  assert.equal(checks.length, 1)
  checks[0]?.resolve()
  await Promise.all([first, together])
  assert.deepEqual(done, ['first', 'together'])
  await turn(50)
  assert.equal(checks.length, 2)
  checks[1]?.resolve()
  await Promise.all([late, later])
  assert.equal(checks.length, 2)
})

test('a check that fails is told to those who waited for it, and the next one is made', async () => {
  let fails = true
  const shared = new SharedChecks(async () => {
    if (fails) throw new Error('away')
  }, systemClock)
  const both = await Promise.allSettled([shared.confirm(), shared.confirm()])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  fails = false
  await shared.confirm()
})

test('a flood of questions is at most fifty checks a second', async () => {
  let checks = 0
  const shared = new SharedChecks(async () => {
    checks += 1
  }, systemClock)
  const startedAt = performance.now()
  while (performance.now() - startedAt < 500) {
    await Promise.all(Array.from({ length: 100 }, () => shared.confirm()))
  }
  assert.ok(checks <= 27, `${checks} checks in 500 ms`)
  assert.ok(checks >= 5, `${checks} checks in 500 ms`)
})

function turn(ms = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
