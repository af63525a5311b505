import assert from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { ResourceLimits, Worker } from 'node:worker_threads'
import { begunWorkers } from '../../test/begun-workers.ts'
import { TaskThread, type TaskThreadOptions } from './task-thread.ts'

const workers = begunWorkers()
let thread: TaskThread<string, string>

afterEach(() => thread.stop())

/** Says a task again in capitals; `loop` never ends, `fill` takes all memory, `throw` throws. */
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', (task) => {
      while (task === 'loop');
      for (const kept = []; task === 'fill'; ) kept.push(new Array(100_000).fill(kept.length + 0.5))
      if (task === 'throw') throw new Error('thrown in there')
      parentPort.postMessage(task.toUpperCase())
    })
  `)}`,
)

function threadWith(options: Partial<TaskThreadOptions> = {}): TaskThread<string, string> {
  const limits: ResourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 }
  return new TaskThread({ script, limits, ...options })
}

async function endOf(worker: Worker | undefined): Promise<void> {
  assert.ok(worker)
  const gone = once(worker, 'exit')
  void worker.terminate()
  await gone
}

const patience = { timeout: 20_000 }

test('tasks that are asked together are answered in order, by one thread', patience, async () => {
  thread = threadWith()
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((task) => thread.ask(task))), ['A', 'B', 'C'])
  assert.equal(workers.length, 1)
})

test('a thread that waits for its first task is the one that has it', patience, async () => {
  thread = threadWith()
  thread.prepare()
  thread.prepare()
  assert.equal(await thread.ask('a'), 'A')
  assert.equal(workers.length, 1)
})

test('a thread without work ends, and what is asked then has another', patience, async () => {
  thread = threadWith({ idleMs: 20 })
  await thread.ask('a')
  const [worker] = workers
  assert.ok(worker)
  await once(worker, 'exit')
  assert.equal(await thread.ask('b'), 'B')
  assert.equal(workers.length, 2)
})

test('a thread that is prepared in vain ends, too', patience, async () => {
  thread = threadWith({ idleMs: 20 })
  thread.prepare()
  await turn()
  const [worker] = workers
  assert.ok(worker)
  await once(worker, 'exit')
})

test('a retired thread is not asked again', patience, async () => {
  thread = threadWith()
  await thread.ask('a')
  thread.retire()
  assert.equal(await thread.ask('b'), 'B')
  assert.equal(workers.length, 2)
})

test('a task that takes too long ends its thread, and the next has another', patience, async () => {
  thread = threadWith({ longestMs: 250 })
  const lost = { name: 'ThreadLost', reason: 'time', tookMs: 500, message: 'took more than 250 ms' }
  const [, second] = await Promise.all([assert.rejects(thread.ask('loop'), lost), thread.ask('b')])
  assert.equal(second, 'B')
})

test('a task that takes too much memory ends its thread, not the process', patience, async () => {
  thread = threadWith()
  await assert.rejects(thread.ask('fill'), { name: 'ThreadLost', reason: 'memory', message: 'ran out of memory' })
  assert.equal(await thread.ask('b'), 'B')
})

test('a task at which the thread fails is told why', patience, async () => {
  thread = threadWith()
  await assert.rejects(thread.ask('throw'), { reason: 'failed', message: 'failed: Error: thrown in there' })
  assert.equal(await thread.ask('b'), 'B')
})

test('what a thread that ends was asked is refused', patience, async () => {
  thread = threadWith()
  const asked = thread.ask('loop')
  await turn()
  const refused = assert.rejects(asked, { reason: 'failed', message: 'has ended' })
  await endOf(workers[0])
  await refused
  assert.equal(await thread.ask('b'), 'B')
})

test('a thread that ended while nobody used it is replaced', patience, async () => {
  thread = threadWith()
  await thread.ask('a')
  await endOf(workers[0])
  assert.equal(await thread.ask('b'), 'B')
})

test('a thread that fails while nobody waits for it ends no process', patience, async () => {
  thread = threadWith()
  await thread.ask('a')
  workers[0]?.emit('error', new Error('out of memory'))
  await turn()
  assert.equal(await thread.ask('b'), 'B')
})

test('a stopped thread refuses what it was asked and what comes later', patience, async () => {
  thread = threadWith()
  const asked = thread.ask('loop')
  const waiting = thread.ask('b')
  await turn()
  const refused = Promise.all(
    [asked, waiting].map((each) => assert.rejects(each, { reason: 'stopped', message: 'was stopped' })),
  )
  await thread.stop()
  await refused
  await assert.rejects(thread.ask('c'), { reason: 'stopped' })
  thread.prepare()
  assert.equal(workers.length, 1)
})
