import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseDuration } from '../../core/duration.ts'
import { firstReset, isTimezone, type WindowRule, windowEnd, windowEnds } from './budget-window.ts'

function rule(text: string, timezone = 'UTC', anchor?: string): WindowRule {
  const duration = parseDuration(text)
  assert.ok(duration, text)
  return { duration, timezone, anchor: anchor === undefined ? undefined : Date.parse(anchor) }
}

function end(text: string, at: string, timezone?: string, anchor?: string): string {
  return new Date(windowEnd(rule(text, timezone, anchor), Date.parse(at))).toISOString().replace('.000', '')
}

describe('budget windows', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['1d', '2026-03-04T10:20:30Z', '2026-03-05T00:00:00Z'],
    ['1d', '2026-03-04T00:00:00Z', '2026-03-05T00:00:00Z'],
    ['24h', '2026-03-04T10:20:30Z', '2026-03-05T00:00:00Z'],
    ['7d', '2026-03-04T10:20:30Z', '2026-03-09T00:00:00Z'],
    ['7d', '2026-03-09T00:00:00Z', '2026-03-16T00:00:00Z'],
    ['1w', '2026-03-08T23:59:59Z', '2026-03-09T00:00:00Z'],
    ['30d', '2026-01-31T10:00:00Z', '2026-02-01T00:00:00Z'],
    ['1mo', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z'],
    ['30s', '2026-03-04T10:20:10Z', '2026-03-04T10:20:30Z'],
    ['30s', '2026-03-04T10:20:30Z', '2026-03-04T10:21:00Z'],
    ['30m', '2026-03-04T10:20:30Z', '2026-03-04T10:30:00Z'],
    ['1h', '2026-03-04T10:20:30Z', '2026-03-04T11:00:00Z'],
    ['2h', '2026-03-04T11:20:30Z', '2026-03-04T12:00:00Z'],
    ['5h', '2026-03-04T21:00:00Z', '2026-03-05T00:00:00Z'],
  ]
  for (const [text, at, expected] of cases) {
    it(`${text} at ${at} ends at ${expected}`, () => assert.equal(end(text, at), expected))
  }

  it('midnight, Monday and the 1st are those of the time zone', () => {
    assert.equal(end('1d', '2026-01-15T22:30:00Z', 'Europe/Berlin'), '2026-01-15T23:00:00Z')
    assert.equal(end('1d', '2026-01-15T23:30:00Z', 'Europe/Berlin'), '2026-01-16T23:00:00Z')
    assert.equal(end('7d', '2026-01-11T12:00:00Z', 'Asia/Tokyo'), '2026-01-11T15:00:00Z')
    assert.equal(end('1mo', '2026-01-31T20:00:00Z', 'America/New_York'), '2026-02-01T05:00:00Z')
  })

  it('a day with a change of summer time is one window', () => {
    assert.equal(end('1d', '2026-03-28T23:30:00Z', 'Europe/Berlin'), '2026-03-29T22:00:00Z')
    assert.equal(end('1d', '2026-10-24T22:30:00Z', 'Europe/Berlin'), '2026-10-25T23:00:00Z')
  })

  it('days without a place in the calendar are counted from the reset that the row shows', () => {
    const anchor = '2026-03-07T00:00:00Z'
    assert.equal(end('3d', '2026-03-05T10:00:00Z', 'UTC', anchor), '2026-03-07T00:00:00Z')
    assert.equal(end('3d', '2026-03-07T00:00:00Z', 'UTC', anchor), '2026-03-10T00:00:00Z')
    assert.equal(end('3d', '2026-03-15T00:00:01Z', 'UTC', anchor), '2026-03-16T00:00:00Z')
    assert.equal(end('30h', '2026-03-07T05:00:00Z', 'UTC', anchor), '2026-03-08T06:00:00Z')
  })

  it('the first reset of a new row is a whole window away where the calendar says nothing', () => {
    const at = Date.parse('2026-03-04T10:20:30Z')
    const first = (text: string) => new Date(firstReset(text, 'UTC', at) ?? 0).toISOString()
    assert.equal(first('3d'), '2026-03-07T00:00:00.000Z')
    assert.equal(first('30h'), '2026-03-05T16:00:00.000Z')
    assert.equal(first('2mo'), '2026-05-01T00:00:00.000Z')
    assert.equal(first('1d'), '2026-03-05T00:00:00.000Z')
    assert.equal(firstReset('soon', 'UTC', at), undefined)
  })

  it('zones are those of the IANA', () => {
    assert.ok(isTimezone('Europe/Berlin'))
    assert.ok(!isTimezone('Mars/Olympus'))
  })

  it('windows follow one another without a gap, wherever one looks', () => {
    const durations = fc.constantFrom(
      '1s',
      '30s',
      '7m',
      '30m',
      '5h',
      '30h',
      '1d',
      '3d',
      '7d',
      '30d',
      '1mo',
      '3mo',
      '45d',
    )
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe')
    const moments = fc.integer({ min: Date.parse('2025-01-01'), max: Date.parse('2030-01-01') })
    const anchors = fc.option(moments, { nil: undefined })
    fc.assert(
      fc.property(durations, zones, moments, anchors, (text, timezone, at, anchor) => {
        const windows = { ...rule(text, timezone), anchor }
        const [start, end, next] = windowEnds(windows, at)
        assert.ok(start <= at && at < end && end < next, `${start} ${at} ${end} ${next}`)
        assert.equal(windowEnd(windows, start), end)
        assert.equal(windowEnd(windows, end - 1), end)
        assert.equal(windowEnd(windows, end), next)
      }),
      { numRuns: 300 },
    )
  })
})
