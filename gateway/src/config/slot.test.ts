import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountedPools, layerOf, model, PlayedInputs } from '../../test/control-plane.ts'
import { prepare } from './prepare.ts'
import { snapshotOf } from './prepared.ts'
import { Slot } from './slot.ts'
import type { Snapshot } from './snapshot.ts'
import { UsagePool } from './usage-pool.ts'

async function createSnapshot(generation: number): Promise<Snapshot> {
  const pools = new CountedPools()
  const outcome = await prepare([layerOf({ models: [model('a', '1')] })], undefined, {
    inputs: new PlayedInputs(),
    pool: new UsagePool(() => {}),
    openPool: pools.openPool,
  })
  assert.ok(outcome.accepted)
  return snapshotOf(outcome.prepared, generation + 100, generation)
}

test('a call keeps the snapshot it started with, across a swap', async () => {
  const slot = new Slot()
  const [first, second] = [await createSnapshot(1), await createSnapshot(2)]
  assert.equal(slot.acquire(), undefined)
  slot.swap(first, () => {})
  using call = slot.acquire()
  slot.swap(second, () => {})
  assert.equal(call?.snapshot, first)
  assert.equal(slot.acquire()?.snapshot, second)
  assert.equal(slot.current, second)
})

test('a generation drains once, when it is retired and its last call has ended', async () => {
  const drained: string[] = []
  const slot = new Slot(() => 1_000)
  slot.swap(await createSnapshot(1), () => drained.push('first'))
  const calls = [slot.acquire(), slot.acquire()]
  slot.swap(await createSnapshot(2), () => drained.push('second'))
  assert.deepEqual(slot.draining, [{ generation: 1, revision: 101, calls: 2, since: 1_000 }])
  calls[0]?.[Symbol.dispose]()
  calls[0]?.[Symbol.dispose]()
  assert.deepEqual([drained, slot.draining[0]?.calls], [[], 1])
  calls[1]?.[Symbol.dispose]()
  calls[1]?.[Symbol.dispose]()
  assert.deepEqual([drained, slot.draining], [['first'], []])
})

test('a generation nobody holds drains at the swap', async () => {
  const drained: string[] = []
  const slot = new Slot()
  slot.swap(await createSnapshot(1), () => drained.push('first'))
  slot.acquire()?.[Symbol.dispose]()
  assert.equal(drained.length, 0)
  slot.swap(await createSnapshot(2), () => drained.push('second'))
  assert.deepEqual(drained, ['first'])
})

test('a closed slot gives no lease, and drains what runs', async () => {
  const drained: string[] = []
  const slot = new Slot()
  slot.swap(await createSnapshot(1), () => drained.push('first'))
  const call = slot.acquire()
  slot.close()
  assert.equal(slot.acquire(), undefined)
  assert.equal(slot.current, undefined)
  assert.equal(drained.length, 0)
  call?.[Symbol.dispose]()
  assert.deepEqual(drained, ['first'])
  slot.close()
})

test('several generations drain side by side, each with its own calls', async () => {
  const drained: number[] = []
  const slot = new Slot()
  const calls = []
  for (const generation of [1, 2, 3, 4]) {
    slot.swap(await createSnapshot(generation), () => drained.push(generation))
    calls.push(slot.acquire())
  }
  assert.deepEqual(
    slot.draining.map(({ generation, calls: open }) => [generation, open]),
    [
      [1, 1],
      [2, 1],
      [3, 1],
    ],
  )
  calls[1]?.[Symbol.dispose]()
  calls[3]?.[Symbol.dispose]()
  assert.deepEqual(drained, [2])
  calls[2]?.[Symbol.dispose]()
  calls[0]?.[Symbol.dispose]()
  assert.deepEqual(drained, [2, 3, 1])
})
