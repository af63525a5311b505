import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { layerOf, model } from '../../test/control-plane.ts'
import { createReplica } from '../../test/replica.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import type { Store } from '../core/store.ts'

/** A store that can be taken away and given back, or be slow to commit. */
function moody() {
  const mood = { away: false, slowMs: 0 }
  const wrap = (store: Store): Store => ({
    ...store,
    get health() {
      return mood.away ? { up: false, since: 0, reason: 'played' } : store.health
    },
    head: () => (mood.away ? Promise.reject(new Error('played')) : store.head()),
    readResources: (after) => (mood.away ? Promise.reject(new Error('played')) : store.readResources(after)),
    async change(options, work) {
      await sleep(mood.slowMs)
      return store.change(options, work)
    },
  })
  return { mood, wrap }
}

test('while the store is away a file is counted on by itself, and the store is moved on when it is back', async (context) => {
  const { mood, wrap } = moody()
  const where = { dataDirectory: scratchDirectory(), declaration: { models: [model('a', 'a')] } }
  const replica = createReplica(context, { ...where, wrap })
  await replica.start()
  assert.equal(replica.slot.current?.revision, 1)
  mood.away = true
  for (const [index, name] of ['b', 'c', 'd'].entries()) {
    replica.file.edit(layerOf({ models: [model(name, name)] }))
    assert.equal((await replica.reconciler.refresh()).revision, index + 2)
  }
  mood.away = false
  assert.equal((await replica.store.head()).revision, 1)
  await replica.feed.confirm()
  assert.equal((await replica.store.head()).revision, 4, 'nobody else gets a number that was used here')
  replica.file.edit(layerOf({ models: [model('e', 'e')] }))
  assert.equal((await replica.reconciler.refresh()).revision, 5)
  const entry = await replica.store.journalOf(5)
  assert.deepEqual(entry?.alterations[0]?.after?.added, ['deployment e (e)'])
  assert.deepEqual(entry?.alterations[0]?.after?.removed, ['deployment d (d)'])
})

test('a store that is slow does not hold up a publish', async (context) => {
  const { mood, wrap } = moody()
  const replica = createReplica(context, { dataDirectory: scratchDirectory(), wrap })
  await replica.start()
  mood.slowMs = 1_000
  const startedAt = performance.now()
  replica.file.edit(layerOf({ models: [model('b', 'b')] }))
  const { revision } = await replica.reconciler.refresh()
  assert.ok(performance.now() - startedAt < 700, `${performance.now() - startedAt} ms`)
  assert.equal(revision, 2)
  mood.slowMs = 0
  await sleep(1_100)
  replica.file.edit(layerOf({ models: [model('c', 'c')] }))
  assert.ok((await replica.reconciler.refresh()).revision > 2, 'and never goes backwards')
})

test('a reload that finds nothing new takes no number; a secret that was rotated takes one', async (context) => {
  const replica = createReplica(context, {
    dataDirectory: scratchDirectory(),
    declaration: { models: [model('a', 'a', { api_key: 'os.environ/KEY' })] },
  })
  replica.inputs.set('env:KEY', 'sk-1')
  await replica.start()
  const before = await replica.store.head()
  for (let round = 0; round < 3; round += 1) assert.equal((await replica.reconciler.refresh()).revision, 1)
  assert.deepEqual((await replica.store.head()).revision, before.revision)
  replica.inputs.set('env:KEY', 'sk-2')
  assert.equal((await replica.reconciler.refresh()).revision, 2)
  assert.equal((await replica.store.head()).revision, 2)
})
