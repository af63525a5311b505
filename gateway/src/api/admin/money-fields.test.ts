import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resetAnchor } from './money-fields.ts'

const ports = { timezone: () => 'UTC' }
const now = Date.parse('2026-03-04T10:20:30Z')

test('a budget that starts now has a whole first window, also where its duration has no place in the calendar', () => {
  const resets = (duration: string) => resetAnchor(ports, duration, now).budget_reset_at
  // Contract 3.6: N days that are neither 1, 7 nor 30 end N days after midnight.
  assert.equal(resets('3d'), '2026-03-07T00:00:00.000Z')
  assert.equal(resets('30h'), '2026-03-05T16:00:00.000Z')
  assert.equal(resets('2mo'), '2026-05-01T00:00:00.000Z')
  assert.equal(resets('1d'), '2026-03-05T00:00:00.000Z')
})

test('what is no duration has no reset', () => {
  assert.equal(resetAnchor(ports, 'soon', now).budget_reset_at, null)
  assert.equal(resetAnchor(ports, null, now).budget_reset_at, null)
})
