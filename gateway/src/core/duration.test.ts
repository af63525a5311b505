import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs, parseDuration, timeAfter } from './duration.ts'

test('what is no duration, is none at all or longer than a century is not read', () => {
  for (const text of [
    '',
    '0d',
    '30',
    'd',
    '-1d',
    '1.5d',
    '1y',
    '1 month',
    '30 d',
    '99999999999d',
    '1201mo',
    '36601d',
  ]) {
    assert.equal(parseDuration(text), undefined, text)
  }
  assert.deepEqual(parseDuration(' 1w '), { count: 7, unit: 'd' })
  assert.deepEqual(parseDuration('1mo'), { count: 1, unit: 'mo' })
})

test('a month is one of the calendar, and 30 days where lengths are compared', () => {
  const after = (from: string, months: number) =>
    new Date(timeAfter(Date.parse(from), { count: months, unit: 'mo' })).toISOString().slice(0, 10)
  assert.equal(after('2026-01-31', 1), '2026-02-28')
  assert.equal(after('2026-11-30', 3), '2027-02-28')
  assert.equal(durationMs({ count: 1, unit: 'mo' }), durationMs({ count: 30, unit: 'd' }))
  assert.equal(timeAfter(0, { count: 90, unit: 's' }), 90_000)
})
