import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layerOf, model } from '../../test/control-plane.ts'
import { actor, onEveryStore } from '../../test/opened-store.ts'
import { createReplica, type Replica } from '../../test/replica.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import type { ChangeOptions } from '../core/change.ts'
import { GatewayError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import type { JsonObject } from '../lib/json.ts'
import { revertChange } from './revert.ts'

function putModel(replica: Replica, name: string, id: string, how: Partial<ChangeOptions> = {}, params?: JsonObject) {
  return replica.changes.resources({ actor, ...how }, (draft) => {
    draft.put('deployment', id, model(name, id, params))
    return { result: id }
  })
}

function removeModel(replica: Replica, id: string) {
  return replica.changes.resources({ actor }, (draft) => {
    draft.delete('deployment', id)
    return { result: id }
  })
}

function isError(code: string) {
  return (error: unknown) => error instanceof GatewayError && error.code === code
}

onEveryStore({ title: 'a change by API,', concurrency: 4 }, (kind) => {
  test('is in force when it is answered, beside what the file declares', async (context) => {
    const replica = createReplica(context, {
      ...(await kind.place()),
      declaration: { models: [model('a', 'file-a')] },
    })
    await replica.start()
    assert.deepEqual(replica.models(), ['a'])
    const before = replica.slot.current
    const { applied, revision, generation, alterations } = await putModel(replica, 'b', 'b1')
    assert.equal(applied, true)
    assert.deepEqual(replica.models(), ['a', 'b'])
    assert.equal(replica.slot.current?.revision, revision)
    assert.equal(replica.slot.current?.generation, generation)
    assert.deepEqual(
      alterations.map(({ kind, name, action }) => ({ kind, name, action })),
      [{ kind: 'deployment', name: 'b1', action: 'create' }],
    )
    const [one, two] = [before, replica.slot.current].map((snapshot) => snapshot?.deployments.values().next().value)
    assert.equal(one, two, 'what did not change is the same object')
    await putModel(replica, 'a', 'a2')
    assert.equal(replica.slot.current?.models.resolve('a')?.group.deployments.length, 2)
    assert.deepEqual(replica.reconciler.status().state, 'synced')
  })

  test('is refused as a whole when anything in it is wrong: nothing is written, and the journal says so', async (context) => {
    const replica = createReplica(context, await kind.place())
    await replica.start()
    await putModel(replica, 'good', 'g')
    const before = await replica.store.head()
    const refusal = await replica.changes
      .resources({ actor }, (draft) => {
        draft.put('deployment', 'ok', model('ok', 'ok'))
        draft.put('deployment', 'bad', model('bad', 'bad', { model: 'nobody/knows' }))
        draft.put('alias', 'dangling', { model: 'nothing' })
        return { result: undefined }
      })
      .then(
        () => assert.fail('it was accepted'),
        (error: unknown) => error,
      )
    assert.ok(refusal instanceof GatewayError)
    assert.equal(refusal.code, 'config_refused')
    assert.deepEqual(refusal.problems?.map(({ code }) => code).sort(), ['provider_unknown', 'reference_missing'])
    assert.match(
      refusal.message,
      /^The change was refused: (alias|deployment\[bad\]\.litellm_params\.model: unknown provider)/,
    )
    assert.doesNotMatch(refusal.message, /database error/, 'which would read as if the database had failed')
    assert.deepEqual(replica.models(), ['good'])
    assert.equal((await replica.store.head()).revision, before.revision)
    assert.equal(replica.reconciler.status().state, 'synced', 'a refused draft leaves no trace in what serves')
    const [entry] = await replica.store.journal({ limit: 1 })
    assert.equal(entry?.revision, undefined)
    assert.equal(entry?.problems.length, 2)
    assert.equal(entry?.alterations.length, 3)
  })

  test('that takes away what the file or another row needs is refused with the place that needs it', async (context) => {
    const replica = createReplica(context, {
      ...(await kind.place()),
      declaration: { models: [model('a', 'a')] },
    })
    await replica.start()
    await putModel(replica, 'b', 'b')
    replica.file.edit(
      layerOf({
        models: [model('a', 'a')],
        settings: { router_settings: { fallbacks: [{ a: ['b'] }] } },
      }),
    )
    assert.equal((await replica.reconciler.refresh()).applied, true)
    await assert.rejects(removeModel(replica, 'b'), (error: unknown) => {
      assert.ok(error instanceof GatewayError && error.code === 'config_refused')
      assert.match(error.problems?.[0]?.origin ?? '', /^config\.yaml:/)
      assert.match(error.message, /router_settings\.fallbacks\S* at config\.yaml:\d+:\d+: there is no model `b`/)
      return true
    })
    assert.deepEqual(replica.models(), ['a', 'b'])
  })

  test('If-Match counts only while nothing has changed since', async (context) => {
    const replica = createReplica(context, await kind.place())
    await replica.start()
    const { revision } = await putModel(replica, 'a', 'a')
    await replica.changes.records({ actor }, (transaction) => transaction.putRecord('team', 't', {}))
    await putModel(replica, 'b', 'b', { ifMatch: revision })
    await assert.rejects(putModel(replica, 'c', 'c', { ifMatch: revision }), isError('revision_conflict'))
    await assert.rejects(
      replica.changes.records({ actor, ifMatch: revision }, (transaction) => transaction.putRecord('team', 't', {})),
      isError('revision_conflict'),
    )
    assert.deepEqual(replica.models(), ['a', 'b'])
  })

  test('a dry run tells what would differ and changes nothing', async (context) => {
    const replica = createReplica(context, await kind.place())
    await replica.start()
    const before = await replica.store.head()
    const { alterations, revision } = await putModel(replica, 'a', 'a', { dryRun: true })
    assert.equal(alterations[0]?.action, 'create')
    assert.equal(revision, replica.slot.current?.revision)
    assert.deepEqual(replica.models(), [])
    await assert.rejects(putModel(replica, 'a', 'a', { dryRun: true }, { model: 'x/y' }), isError('config_refused'))
    assert.equal((await replica.store.head()).revision, before.revision)
    assert.equal(
      (await replica.store.journal({ limit: 10 })).filter(
        ({ alterations: all }) => all.length > 0 && all[0]?.kind !== 'source',
      ).length,
      0,
    )
  })

  test('two replicas that change the same at once both succeed, one after the other', async (context) => {
    const where = await kind.place()
    const [one, two] = [createReplica(context, where), createReplica(context, where)]
    await one.start()
    await two.start()
    const add = (replica: Replica, name: string) =>
      replica.changes.resources({ actor }, (draft) => {
        const list = draft.stored('settings', 'gateway')?.spec.environment_variables as JsonObject | undefined
        draft.put('settings', 'gateway', { environment_variables: { ...list, [name]: name } })
        return { result: name }
      })
    const names = Array.from({ length: 6 }, (_, index) => `V${index}`)
    await Promise.all(names.map((name, index) => add(index % 2 === 0 ? one : two, name)))
    await Promise.all([one.feed.confirm(), two.feed.confirm()])
    for (const replica of [one, two]) {
      const spec = replica.stored.stored('settings', 'gateway')?.spec
      assert.deepEqual(Object.keys(spec?.environment_variables ?? {}).sort(), names, 'no update is lost')
    }
    assert.equal(one.slot.current?.revision, two.slot.current?.revision)
    assert.equal(one.slot.current?.hash, two.slot.current?.hash)
  })

  test('a head that moves on at each of four tries ends in a conflict', async (context) => {
    const where = await kind.place()
    const other = createReplica(context, where)
    let interferences = 0
    const wrap = (store: Store): Store => ({
      ...store,
      get health() {
        return store.health
      },
      async change(options, work) {
        if (options.actor.via === actor.via) {
          interferences += 1
          await putModel(other, `other-${interferences}`, `other-${interferences}`)
        }
        return store.change(options, work)
      },
    })
    const replica = createReplica(context, { ...where, wrap })
    await other.start()
    await replica.start()
    await assert.rejects(putModel(replica, 'mine', 'mine'), isError('change_conflict'))
    assert.equal(interferences, 4)
    await other.feed.confirm()
    assert.deepEqual(other.models(), ['other-1', 'other-2', 'other-3', 'other-4'])
  })

  test('what goes with it into records is in the same commit', async (context) => {
    const replica = createReplica(context, await kind.place())
    await replica.start()
    const { revision, alterations } = await replica.changes.resources({ actor }, (draft) => {
      draft.put('deployment', 'm', model('m', 'm'))
      return {
        result: 1,
        async alongside(transaction) {
          await transaction.putRecord('team', 't', { models: ['m'] })
        },
      }
    })
    assert.deepEqual(alterations.map(({ kind }) => kind).sort(), ['deployment', 'team'])
    assert.equal((await replica.store.record('team', 't'))?.revision, revision)
    assert.deepEqual(replica.forgotten.at(-1), [{ kind: 'team', id: 't' }], 'whoever remembers it was told')
  })

  test('of a request that was tried before is not made again, and is in force where it is answered', async (context) => {
    const shared = await kind.place()
    const one = createReplica(context, shared)
    // It hears of nothing, so only the answer brings it into step.
    const other = createReplica(context, { ...shared, hints: false })
    await one.start()
    await other.start()
    const times = { holdMs: 0, keepMs: 60_000 }
    const tryOn = async (replica: Replica) => {
      const claim = { key: 'k', fingerprint: 'f', owner: replica.id }
      const claimed = await replica.store.claims.take(claim, times)
      const made = claimed.state === 'won' ? claimed.made : assert.fail(claimed.state)
      let changes = 0
      const how = {
        claimed: () => ({ claim, number: changes, made: made.get(changes++) }),
      }
      const model = await putModel(replica, 'm', 'm1', how)
      const record = await replica.changes.records({ actor, ...how }, async (transaction) => {
        await transaction.putRecord('tag', 't', { by: replica.id })
        return { by: replica.id }
      })
      return { model, record, unmade: await replica.changes.records({ actor, ...how }, async () => undefined) }
    }
    const first = await tryOn(one)
    const second = await tryOn(other)
    assert.deepEqual(other.models(), ['m'])
    assert.ok(other.forgotten.flat().some((record) => record !== 'all' && record.kind === 'tag' && record.id === 't'))
    assert.deepEqual(second.record.result, { by: one.id })
    for (const name of ['model', 'record'] as const) {
      const [made, again] = [first[name], second[name]]
      assert.deepEqual(
        [again.result, again.revision, again.alterations],
        [made.result, made.revision, made.alterations],
      )
    }
    assert.equal((await one.store.head()).revision, first.record.revision)
    const lost = { key: 'k', fingerprint: 'f', owner: 'gone' }
    const late = putModel(one, 'n', 'n1', { claimed: () => ({ claim: lost, number: 9, made: undefined }) })
    await assert.rejects(late, isError('idempotency_in_progress'))
    assert.deepEqual(one.models(), ['m'])
  })

  test('a change of the file has a revision of the same count, and a restart keeps it', async (context) => {
    const where = await kind.place()
    const declaration = { models: [model('a', 'a')] }
    const lastGood = scratchDirectory()
    const first = createReplica(context, { ...where, declaration, lastGood })
    await first.start()
    assert.equal(first.slot.current?.revision, 1)
    const { revision } = await putModel(first, 'b', 'b')
    assert.equal(revision, 2)
    first.file.edit(layerOf({ models: [model('a', 'a', { timeout: 5 })] }))
    assert.equal((await first.reconciler.refresh()).revision, 3)
    assert.equal((await putModel(first, 'c', 'c')).revision, 4)
    await first.stop()
    const next = { models: [model('a', 'a', { timeout: 5 })] }
    const again = createReplica(context, { ...where, declaration: next, lastGood })
    await again.start()
    assert.equal(again.slot.current?.revision, 4)
    assert.equal(again.slot.current?.hash, first.reconciler.status().hash)
  })
})

test('a change whose secrets do not open any more is not undone to something else', async (context) => {
  const where = { dataDirectory: scratchDirectory() }
  const one = createReplica(context, where)
  await one.start()
  await putModel(one, 'm', 'm', {}, { timeout: 5 })
  const { revision } = await putModel(one, 'm', 'm', {}, { timeout: 6 })
  const stranger = createReplica(context, { ...where, saltKey: 'sk-another' })
  await stranger.start()
  await assert.rejects(revertChange(stranger, revision, { actor }), isError('bad_request'))
  assert.equal((await revertChange(one, revision, { actor })).applied, true)
  assert.deepEqual(one.stored.stored('deployment', 'm')?.spec, model('m', 'm', { timeout: 5 }))
})
