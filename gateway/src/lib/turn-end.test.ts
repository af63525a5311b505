import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { recordBeforeSends, sendAtTurnEnd } from './turn-end.ts'

test('what a turn sends leaves at its end, in order; what it records comes first', async () => {
  const seen: string[] = []
  const note = (text: string) => ({ flush: () => void seen.push(text) })
  sendAtTurnEnd(note('one'))
  recordBeforeSends(note('record'))
  sendAtTurnEnd(note('two'))
  assert.deepEqual(seen, [])
  await nextTurn()
  assert.deepEqual(seen, ['record', 'one', 'two'])
})

test('what is announced while sending leaves a turn later, its record before it', async () => {
  const seen: string[] = []
  sendAtTurnEnd({
    flush() {
      seen.push('first')
      sendAtTurnEnd({ flush: () => void seen.push('second') })
      recordBeforeSends({ flush: () => void seen.push('record') })
    },
  })
  await nextTurn()
  await nextTurn()
  assert.deepEqual(seen, ['first', 'record', 'second'])
})

test('a sender that throws holds up nobody else', async () => {
  const seen: string[] = []
  const caught: unknown[] = []
  const listener = (error: unknown): void => void caught.push(error)
  // The runner's own listeners would call the throw a failure of this test.
  const listeners = process.rawListeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', listener)
  try {
    sendAtTurnEnd({ flush: () => void seen.push('before') })
    sendAtTurnEnd({
      flush() {
        throw new Error('broken')
      },
    })
    sendAtTurnEnd({ flush: () => void seen.push('after') })
    await nextTurn()
    await nextTurn()
    await nextTurn()
  } finally {
    process.off('uncaughtException', listener)
    for (const one of listeners) process.on('uncaughtException', one as (error: Error) => void)
  }
  assert.deepEqual(seen, ['before', 'after'])
  assert.equal(caught.length, 1)
})
