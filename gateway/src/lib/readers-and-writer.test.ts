import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReadersAndWriter } from './readers-and-writer.ts'

test('readers are together, a writer is alone, and those who come later wait for it', async () => {
  const lock = new ReadersAndWriter()
  const events: string[] = []
  const work = (name: string) => async () => {
    events.push(`${name} begins`)
    await sleep(5)
    events.push(`${name} ends`)
  }
  await Promise.all([
    lock.read(work('first')),
    lock.read(work('second')),
    lock.write(work('writer')),
    lock.read(work('late')),
  ])
  assert.deepEqual(events, [
    ...['first begins', 'second begins', 'first ends', 'second ends'],
    ...['writer begins', 'writer ends', 'late begins', 'late ends'],
  ])
})

test('writers follow one another in the order of coming, and one that fails holds up nobody', async () => {
  const lock = new ReadersAndWriter()
  const events: number[] = []
  const failing = lock.write(async () => {
    throw new Error('no')
  })
  const others = [1, 2, 3].map((number) =>
    lock.write(async () => {
      await sleep(3 - number)
      events.push(number)
    }),
  )
  await assert.rejects(failing, /no/)
  await Promise.all(others)
  assert.deepEqual(events, [1, 2, 3])
  assert.equal(await lock.read(async () => 'read'), 'read')
})

test('a reader that fails holds up no writer', async () => {
  const lock = new ReadersAndWriter()
  const failing = lock.read(async () => {
    await sleep(2)
    throw new Error('no')
  })
  const writing = lock.write(async () => 'written')
  await assert.rejects(failing, /no/)
  assert.equal(await writing, 'written')
})
