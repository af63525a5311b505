import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settledCall } from '../../../test/settled-calls.ts'
import { Tally } from '../../core/ledger/tally.ts'
import { callIdsOf, callsOf, hasCallId, holdersOf, mergedCallIds, mergedHolders } from './digest.ts'

/** `calls` calls of keys `<name>-0` to `<name>-6`, all of one user. */
function tallyOf(name: string, calls: number): Tally {
  const tally = new Tally()
  for (let n = 0; n < calls; n += 1) {
    const holders = { ...settledCall().holders, key: `${name}-${n % 7}`, user: 'ann' }
    tally.add({ call: settledCall({ callId: `${name} ${n}`, holders }), charges: [] })
  }
  return tally
}

const [one, other] = [tallyOf('one', 1_000), tallyOf('other', 70)]

test('a digest tells how many calls each holder has, and of others that there are none', () => {
  const digest = holdersOf(one.cells)
  assert.equal(callsOf(digest, 'key', 'one-0'), 143)
  assert.equal(callsOf(digest, 'key', 'one-6'), 142)
  assert.equal(callsOf(digest, 'user', 'ann'), 1_000)
  assert.equal(callsOf(digest, 'team', 'ann'), 0)
  assert.equal(callsOf(digest, 'key', 'one-7'), 0)
  assert.equal(callsOf(holdersOf([]), 'key', 'one-0'), 0)
})

test('it tells which call ids are there', () => {
  const digest = callIdsOf(one.callIds)
  for (let n = 0; n < 1_000; n += 1) assert.ok(hasCallId(digest, `one ${n}`))
  assert.equal(hasCallId(digest, 'one 1000'), false)
  assert.equal(hasCallId(callIdsOf([]), ''), false)
})

test('merged digests tell what one of all rows would', () => {
  const holders = mergedHolders([holdersOf(one.cells), holdersOf(other.cells)])
  assert.equal(callsOf(holders, 'user', 'ann'), 1_070)
  assert.equal(callsOf(holders, 'key', 'other-3'), 10)
  const ids = mergedCallIds([callIdsOf(one.callIds), callIdsOf(other.callIds)])
  assert.ok(hasCallId(ids, 'one 999') && hasCallId(ids, 'other 69'))
  assert.equal(ids.length, 4 * 1_070)
})
