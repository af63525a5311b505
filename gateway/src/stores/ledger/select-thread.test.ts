import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { begunWorkers } from '../../../test/begun-workers.ts'
import { blockOf, settledCall } from '../../../test/settled-calls.ts'
import { compress } from './compression.ts'
import { SelectThread } from './select-thread.ts'

const workers = begunWorkers()

async function task() {
  const { lines } = blockOf([{ call: settledCall(), charges: [] }], 'writer', 1)
  return { query: { limit: 1 }, most: 1, bodies: [await compress(lines)] }
}

test('what a thread that ends was asked is refused, and the next thread answers the next', {
  timeout: 10_000,
}, async () => {
  const thread = new SelectThread()
  const first = thread.select(await task())
  await turn()
  const [worker] = workers
  assert.ok(worker)
  const gone = once(worker, 'exit')
  void worker.terminate()
  await assert.rejects(first, /has ended/)
  await gone
  assert.equal((await thread.select(await task())).matched, 1)
})

test('a block that cannot be read is told, and the thread goes on', { timeout: 10_000 }, async () => {
  const thread = new SelectThread()
  const broken = { query: { limit: 1 }, most: 1, bodies: [Buffer.from('no block')] }
  await assert.rejects(thread.select(broken), /cannot be read/)
  assert.equal((await thread.select(await task())).matched, 1)
  assert.equal(workers.length, 1)
})
