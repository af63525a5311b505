import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { layerOf, model } from '../../test/control-plane.ts'
import { startPostgres } from '../../test/databases.ts'
import { actor, onEveryStore } from '../../test/opened-store.ts'
import { createReplica, type Replica, type ReplicaOptions, until } from '../../test/replica.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import type { Store } from '../core/store.ts'
import { leaseMs } from './feed.ts'

async function started(context: TestContext, options: ReplicaOptions, count: number): Promise<Replica[]> {
  const replicas = Array.from({ length: count }, () => createReplica(context, options))
  await Promise.all(replicas.map((replica) => replica.start()))
  return replicas
}

function put(replica: Replica, name: string) {
  return replica.changes.resources({ actor }, (draft) => {
    draft.put('deployment', name, model(name, name))
    return { result: name }
  })
}

function putTeam(replica: Replica, id: string, how: { readonly revocation?: boolean; readonly waitMs?: number } = {}) {
  return replica.changes.records({ actor, ...how }, (transaction) => transaction.putRecord('team', id, {}))
}

function runs(replica: Replica) {
  const { revision, hash, state } = replica.reconciler.status()
  return { revision, hash, state, applied: replica.feed.applied, models: replica.models() }
}

function two<Item>(list: readonly Item[]): readonly [Item, Item] {
  const [one, other] = list
  assert.ok(one !== undefined && other !== undefined)
  return [one, other]
}

onEveryStore({ title: 'replicas', concurrency: 3 }, (kind) => {
  test('that have read a model for a change of their own serve it when they are asked whether they are up to date', async (context) => {
    const [one, other] = two(await started(context, { ...(await kind.place()), hints: false }, 2))
    await put(one, 'new')
    // As a change does before its turn.
    await other.stored.read()
    await other.feed.confirm()
    assert.deepEqual(other.models(), ['new'])
  })

  test('that start together agree on the number of what they all read', async (context) => {
    const declaration = { models: [model('a', 'a')] }
    const replicas = await started(context, { ...(await kind.place()), declaration }, 3)
    const revisions = replicas.map(({ slot }) => slot.current?.revision)
    assert.deepEqual(revisions, [1, 1, 1])
  })

  test('a change on one is in force on the others soon, without any hint within 1.5 s', async (context) => {
    const where = await kind.place()
    const replicas = await started(context, where, 2)
    const deaf = createReplica(context, { ...where, hints: false })
    await deaf.start()
    const [one, other] = two(replicas)
    const { revision } = await put(one, 'm')
    await until(() => other.feed.applied === revision, 500, 'with hints')
    await until(() => deaf.feed.applied === revision, 1_500, 'without hints')
    assert.deepEqual(runs(other), runs(one))
    assert.deepEqual(runs(deaf), runs(one))
    assert.ok((deaf.delays.at(-1) ?? 0) < 1_500)
    await one.changes.resources({ actor }, (draft) => {
      draft.delete('deployment', 'm')
      return { result: 0 }
    })
    await until(() => deaf.models().length === 0, 1_500, 'a deletion')
  })

  test('what was committed before a start is not told of as a delay', async (context) => {
    const where = await kind.place()
    const [one] = await started(context, where, 1)
    assert.ok(one)
    const { revision } = await put(one, 'm')
    const late = createReplica(context, where)
    await late.start()
    assert.equal(late.feed.applied, revision)
    assert.deepEqual(late.delays, [])
  })

  test('what a replica changed by itself it reports a little later, for several changes at once', async (context) => {
    const [one] = await started(context, await kind.place(), 1)
    assert.ok(one)
    const reported = async () => (await one.store.replicas()).map(({ revision }) => revision)
    const before = await reported()
    await put(one, 'a')
    assert.deepEqual(await reported(), before)
    await putTeam(one, 't')
    const { revision } = await put(one, 'b')
    for (let tries = 0; (await reported())[0] !== revision && tries < 50; tries += 1) await sleep(10)
    assert.deepEqual(await reported(), [revision])
  })

  test('whoever asks sees everything that was committed before', async (context) => {
    const replicas = await started(context, { ...(await kind.place()), hints: false }, 2)
    const [one, other] = two(replicas)
    for (let round = 0; round < 10; round += 1) {
      await put(one, `m${round}`)
      await other.feed.confirm()
      assert.ok(other.slot.current?.models.resolve(`m${round}`), `m${round}`)
      await putTeam(one, `t${round}`)
      await other.feed.confirm()
      assert.ok(other.forgotten.flat().some((found) => typeof found === 'object' && found.id === `t${round}`))
    }
  })

  test('a revocation is answered when all have confirmed it, and says so', async (context) => {
    const replicas = await started(context, await kind.place(), 3)
    const [one] = two(replicas)
    await Promise.all(replicas.map((replica) => replica.feed.confirm()))
    const startedAt = performance.now()
    const { replicas: confirmed = [], revision } = await putTeam(one, 't', { revocation: true })
    assert.ok(performance.now() - startedAt < 1_500)
    assert.deepEqual(confirmed.map(({ id }) => id).sort(), replicas.map(({ id }) => id).sort())
    assert.ok(confirmed.every((each) => each.state === 'applied' && each.revision >= revision))
    for (const replica of replicas) {
      assert.ok(replica.forgotten.flat().some((found) => typeof found === 'object' && found.id === 't'))
    }
  })

  test('a silent replica holds up a revocation until its lease has run out, and then trusts nothing it knows', async (context) => {
    const where = await kind.place()
    const [one, silent] = two(await started(context, where, 2))
    await until(() => silent.feed.leaseValid(), 500, 'a lease')
    await one.feed.confirm()
    // Its connections and timers stand still, as under SIGSTOP; its clock does not.
    await silent.store.stop()
    const startedAt = performance.now()
    const { replicas: confirmed = [] } = await putTeam(one, 't', { revocation: true })
    const tookMs = performance.now() - startedAt
    assert.equal(silent.feed.leaseValid(), false, 'no lease outlives the answer')
    assert.ok(tookMs > 500 && tookMs < leaseMs + 500, `${tookMs} ms`)
    assert.equal(confirmed.find(({ id }) => id === silent.id)?.state, 'lease-expired')
    const again = await putTeam(one, 't2', { revocation: true })
    assert.deepEqual(
      again.replicas?.map(({ id }) => id),
      [one.id],
      'who had no lease is not waited for',
    )
  })

  test('a wait that is too short says who is still behind', async (context) => {
    const [one, silent] = two(await started(context, await kind.place(), 2))
    await silent.store.stop()
    const { replicas: confirmed = [] } = await putTeam(one, 't', { waitMs: 150 })
    assert.equal(confirmed.find(({ id }) => id === silent.id)?.state, 'pending')
    assert.equal(confirmed.find(({ id }) => id === one.id)?.state, 'applied')
  })

  test('one that leaves is forgotten at once', async (context) => {
    const [one, other] = two(await started(context, await kind.place(), 2))
    await other.stop()
    const { replicas: confirmed } = await putTeam(one, 't', { revocation: true })
    assert.deepEqual(
      confirmed?.map(({ id }) => id),
      [one.id],
    )
    assert.deepEqual(
      (await one.store.replicas()).map(({ id }) => id),
      [one.id],
    )
  })

  test('a file that all read has one number, whoever reads it first', async (context) => {
    const declaration = { models: [model('a', 'a')] }
    const [one, other] = two(await started(context, { ...(await kind.place()), declaration }, 2))
    const next = layerOf({ models: [model('a', 'a'), model('b', 'b')] })
    one.file.edit(next)
    const { revision } = await one.reconciler.refresh()
    await put(one, 'm')
    await other.feed.confirm()
    other.file.edit(next)
    await other.reconciler.refresh()
    await Promise.all([one.feed.confirm(), other.feed.confirm()])
    assert.ok(revision > 1)
    assert.equal(runs(other).hash, runs(one).hash)
    assert.equal(runs(other).applied, runs(one).applied)
  })

  test('random changes on random replicas end in one state', async (context) => {
    const replicas = await started(context, await kind.place(), 3)
    let refused = 0
    const change = async (index: number) => {
      const replica = replicas[index % 3]
      assert.ok(replica)
      const name = `m${index % 7}`
      const params = index % 5 === 0 ? { model: 'nobody/knows' } : { timeout: 1 + index }
      await replica.changes
        .resources({ actor }, (draft) => {
          if (index % 4 === 0) draft.delete('deployment', name)
          else draft.put('deployment', name, model(name, name, params))
          return { result: index }
        })
        .catch((error: { code?: string }) => {
          assert.match(String(error.code), /config_refused|change_conflict/)
          refused += 1
        })
      if (index % 6 === 0) await putTeam(replica, `t${index}`)
    }
    for (let start = 0; start < 60; start += 6) {
      await Promise.all(Array.from({ length: 6 }, (_, offset) => change(start + offset)))
    }
    assert.ok(refused > 0)
    await Promise.all(replicas.map((replica) => replica.feed.confirm()))
    const [first, ...rest] = replicas.map(runs)
    for (const each of rest)
      assert.deepEqual(
        { ...each, models: [...each.models].sort() },
        first && { ...first, models: [...first.models].sort() },
      )
    const delays = replicas.flatMap((replica) => replica.delays).sort((a, b) => a - b)
    context.diagnostic(
      `${kind.name}: commit to applied p50 ${delays[Math.floor(delays.length / 2)]} ms, p99 ${delays[Math.floor(delays.length * 0.99)]} ms`,
    )
  })
})

test('a store that is away at the start: the file serves, degraded, and what is stored joins when it is back', async (context) => {
  const server = await startPostgres()
  assert.ok(server)
  context.after(() => server.stop())
  const lastGood = scratchDirectory()
  const where = { databaseUrl: server.url, declaration: { models: [model('a', 'a')] } }
  const first = createReplica(context, { ...where, lastGood })
  await first.start()
  await put(first, 'm')
  await first.stop()
  await server.kill()
  const startedAt = performance.now()
  const blank = createReplica(context, where)
  const warm = createReplica(context, { ...where, lastGood })
  await Promise.all([blank.start(), warm.start()])
  assert.ok(performance.now() - startedAt < 3_000)
  assert.deepEqual(blank.models(), ['a'])
  assert.deepEqual(warm.models(), ['a', 'm'], 'what was stored serves on from the last good copy')
  for (const replica of [blank, warm]) {
    const { state, problems } = replica.reconciler.status()
    assert.equal(state, 'degraded')
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['store_away'],
    )
    await assert.rejects(put(replica, 'x'), { code: 'store_unavailable' })
    replica.file.edit(layerOf({ models: [model('a', 'a'), model('b', 'b')] }))
    assert.equal((await replica.reconciler.refresh()).applied, true, 'the file goes on changing')
  }
  assert.deepEqual(warm.models(), ['a', 'b', 'm'])
  await server.start()
  for (const replica of [blank, warm]) {
    await until(() => replica.models().join() === 'a,b,m', 5_000, 'joined')
    await until(() => replica.reconciler.status().state === 'synced', 1_000, 'synced')
  }
  await put(warm, 'n')
  await blank.feed.confirm()
  await warm.feed.confirm()
  assert.equal(runs(blank).hash, runs(warm).hash)
  assert.ok((blank.slot.current?.revision ?? 0) >= (warm.slot.current?.revision ?? 0))
})

test('a store that goes away while serving: nothing that serves changes, and it is found again', async (context) => {
  const server = await startPostgres()
  assert.ok(server)
  context.after(() => server.stop())
  const [one, other] = two(await started(context, { databaseUrl: server.url }, 2))
  await put(one, 'm')
  await other.feed.confirm()
  await server.kill()
  await assert.rejects(put(one, 'x'), { code: 'store_unavailable' })
  await assert.rejects(other.feed.confirm(), { code: 'store_unavailable' })
  await sleep(leaseMs)
  assert.equal(other.feed.leaseValid(), false)
  assert.deepEqual(other.models(), ['m'])
  assert.equal(other.reconciler.status().state, 'degraded')
  await other.reconciler.refresh()
  await server.start()
  await until(() => other.feed.leaseValid() && one.feed.leaseValid(), 5_000, 'leases')
  assert.equal(other.reconciler.status().state, 'synced', 'a reload that could not read the store is made good')
  const { revision } = await put(one, 'n')
  await until(() => other.slot.current?.revision === revision, 1_500, 'in step again')
  assert.equal(other.reconciler.status().state, 'synced')
})

test('a row that cannot be opened is left out and named; the others serve, and so does what was read before', async (context) => {
  const where = { dataDirectory: scratchDirectory() }
  const [one] = await started(context, where, 1)
  assert.ok(one)
  await put(one, 'm')
  await one.changes.resources({ actor }, (draft) => {
    draft.put('alias', 'other-name', { model: 'm' })
    return { result: 0 }
  })
  const stranger = createReplica(context, {
    ...where,
    saltKey: 'sk-another',
    declaration: { models: [model('a', 'a')] },
  })
  await stranger.start()
  const { state, problems } = stranger.reconciler.status()
  assert.equal(state, 'degraded')
  assert.deepEqual(
    stranger.models().filter((name) => name !== 'other-name'),
    ['a'],
  )
  assert.ok(problems.some(({ code, path }) => code === 'row_unreadable' && path === 'deployment[m]'))
  await put(stranger, 'mine')
  assert.deepEqual(
    stranger.models().filter((name) => name !== 'other-name'),
    ['a', 'mine'],
    'its own changes are accepted',
  )
  await one.feed.confirm()
  assert.deepEqual(
    one.models().filter((name) => name !== 'other-name'),
    ['m'],
    'and the other way round',
  )
  assert.equal(one.reconciler.status().state, 'degraded')
})

test('the copy on disk holds what is stored sealed, and opens with the same salt key only', async (context) => {
  const where = { dataDirectory: scratchDirectory(), declaration: { models: [model('a', 'a')] } }
  const lastGood = scratchDirectory()
  const one = createReplica(context, { ...where, lastGood })
  await one.start()
  await one.changes.resources({ actor }, (draft) => {
    draft.put('deployment', 'm', model('m', 'm', { api_key: 'sk-canary-in-the-copy' }))
    return { result: 0 }
  })
  await one.stop()
  const text = await readFile(join(lastGood, 'last-good.json'), 'utf8')
  assert.ok(text.includes('"m"') && !text.includes('sk-canary'))
  const away: (store: Store) => Store = (store) => ({
    ...store,
    health: { up: false, since: 0, reason: 'played' },
    readResources: () => Promise.reject(new Error('played')),
    head: () => Promise.reject(new Error('played')),
  })
  const same = createReplica(context, { ...where, lastGood, wrap: away })
  await same.start()
  assert.deepEqual(same.models(), ['a', 'm'])
  await same.stop()
  const other = createReplica(context, { ...where, lastGood, wrap: away, saltKey: 'sk-another' })
  await other.start()
  assert.deepEqual(other.models(), ['a'])
})
