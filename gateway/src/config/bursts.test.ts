import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextRound } from 'node:timers/promises'
import { CountedPools, type Declaration, layerOf, model, PlayedInputs, PlayedSource } from '../../test/control-plane.ts'
import { createReconciler } from './reconcile.ts'
import { Slot } from './slot.ts'

/** Edits that come faster than they are built, in a time that the test moves: how fast the machine is does not matter. */

/** A loop that has started at 0 ms. */
async function startLoop(context: TestContext) {
  const { timers } = context.mock
  timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const builds: { readonly at: number; readonly models: readonly string[] }[] = []
  const source = new PlayedSource(layerOf({ models: [model('first', '0')] }))
  const reconciler = createReconciler({
    sources: [{ source, required: true }],
    inputs: new PlayedInputs(),
    slot: new Slot(),
    openPool: new CountedPools().openPool,
    dataDirectory: undefined,
    clock: { now: () => now, wall: () => now },
    onTurn: (turn) => turn.type === 'accepted' && builds.push({ at: now, models: turn.snapshot.models.names }),
    onUnexpected: (error) => assert.fail(String(error)),
  })
  context.after(() => {
    timers.reset()
    return reconciler.stop()
  })
  await reconciler.start()
  return {
    builds,
    offer: (declaration: Declaration) => source.offer(layerOf(declaration)),
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 1) {
        now += 1
        timers.tick(1)
        // A turn waits for nothing but promises and, when it takes long, for the event loop to come round.
        for (let round = 0; round < 10; round += 1) await nextRound()
      }
    },
  }
}

test('of a burst the first edit is built at once and the newest a tenth of a second later, and none in between', async (context) => {
  const { builds, offer, pass } = await startLoop(context)
  await pass(300)
  for (let edit = 1; edit <= 50; edit += 1) {
    offer({ models: [model(`m${edit}`, `${edit}`)] })
    if (edit % 10 === 0) await pass(1)
  }
  await pass(600)
  assert.deepEqual(builds, [
    { at: 0, models: ['first'] },
    { at: 301, models: ['m10'] },
    { at: 401, models: ['m50'] },
  ])
})

test('a storm of edits is built ever less often, each time the newest of them, and its last edit in the end', async (context) => {
  const { builds, offer, pass } = await startLoop(context)
  for (let edit = 1; edit <= 100; edit += 1) {
    offer({ models: [model(`m${edit}`, `${edit}`)] })
    await pass(20)
  }
  await pass(600)
  assert.deepEqual(
    builds.map(({ at }) => at),
    [0, 100, 300, 700, 1_100, 1_500, 1_900, 2_300],
  )
  assert.deepEqual(builds.at(-1)?.models, ['m100'])
})
