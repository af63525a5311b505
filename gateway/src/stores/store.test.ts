import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actor, onEveryStore, placeOfEachTest } from '../../test/opened-store.ts'
import { GatewayError } from '../core/errors.ts'
import type { RecordQuery } from '../core/record.ts'
import type { ReplicaReport, Store, Transaction } from '../core/store.ts'
import type { OpenedStore } from './open.ts'

const report: ReplicaReport = {
  id: 'replica-1',
  label: 'host:4000 1',
  version: '0.1.0',
  startedAt: 1,
  revision: 7,
  generation: 3,
  hash: undefined,
  state: 'synced',
  refusedRevision: undefined,
  refusal: undefined,
  draining: false,
  leaseMs: 3_000,
}

onEveryStore('the store', (kind) => {
  let opened: OpenedStore
  let store: Store

  const place = placeOfEachTest(kind, async (empty) => {
    opened = empty.open()
    store = opened.store
    await store.start()
  })

  const change = <Result>(work: (transaction: Transaction) => Promise<Result>, dryRun = false) =>
    store.change({ actor, dryRun }, work)
  const put = (id: string, body: Parameters<Transaction['putRecord']>[2], of: RecordQuery['kind'] = 'key') =>
    change((transaction) => transaction.putRecord(of, id, body))
  const idsOf = async (query: RecordQuery) => (await store.records(query)).records.map(({ id }) => id)

  test('changes that come at once get one revision each, in the order of their commits', async () => {
    const second = place.open().store
    await second.start()
    const seen: number[] = []
    const changes = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? store : second).change({ actor }, async (transaction) => {
        const counter = await transaction.record('budget', 'counter')
        const count = Number(counter?.body.count ?? 0) + 1
        seen.push(transaction.revision)
        await transaction.putRecord('budget', 'counter', { count })
        return count
      }),
    )
    const results = await Promise.all(changes)
    const revisions = results.map(({ head }) => head.revision).sort((a, b) => a - b)
    assert.deepEqual(
      revisions,
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
    for (const { head, result } of results) assert.equal(result, head.revision)
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    )
    assert.equal((await store.record('budget', 'counter'))?.body.count, 20)
  })

  test('a compare-and-set on the head lets one of many through', async () => {
    const base = (await store.head()).revision
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        change(async (transaction) => {
          if (transaction.head.revision !== base) throw new GatewayError('revision_conflict', 'too late')
          await transaction.putResource('alias', 'a', { model: String(index) })
        }),
      ),
    )
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await store.head()).revision, base + 1)
  })

  test('a change that throws leaves nothing behind and takes no revision', async () => {
    await put('kept', { key_alias: 'kept' })
    await assert.rejects(
      change(async (transaction) => {
        await transaction.putRecord('key', 'kept', { key_alias: 'changed' })
        await transaction.putResource('alias', 'gone', { model: 'x' })
        throw new GatewayError('bad_request', 'no')
      }),
      { code: 'bad_request', message: 'no' },
    )
    assert.equal((await store.record('key', 'kept'))?.body.key_alias, 'kept')
    assert.deepEqual((await store.readResources(0)).resources, [])
    assert.equal((await store.head()).revision, 1)
    assert.equal((await store.journal({ limit: 10 })).length, 1)
  })

  test('a dry run tells what would change and writes nothing', async () => {
    await put('a', { key_alias: 'old' })
    const { result, alterations, head } = await change(async (transaction) => {
      await transaction.putRecord('key', 'a', { key_alias: 'new' })
      await transaction.putResource('alias', 'fast', { model: 'x' })
      return (await transaction.record('key', 'a'))?.body.key_alias
    }, true)
    assert.equal(result, 'new')
    assert.deepEqual(alterations, [
      { kind: 'key', name: 'a', action: 'update', before: { key_alias: 'old' }, after: { key_alias: 'new' } },
      { kind: 'alias', name: 'fast', action: 'create', after: { model: 'x' } },
    ])
    assert.equal(head.revision, 1)
    assert.equal((await store.head()).revision, 1)
    assert.equal((await store.record('key', 'a'))?.body.key_alias, 'old')
    assert.equal((await store.journal({ limit: 10 })).length, 1)
  })

  test('a change that writes nothing takes no revision', async () => {
    const { head, alterations } = await change(async (transaction) => {
      await transaction.deleteRecord('key', 'missing')
      await transaction.deleteResource('alias', 'missing')
      return transaction.records({ kind: 'key' })
    })
    assert.equal(head.revision, 0)
    assert.deepEqual(alterations, [])
    assert.deepEqual(await store.journal({ limit: 10 }), [])
  })

  test('a revision goes above what a replica has counted to while the store was away', async () => {
    const { head } = await store.change({ actor, above: 41 }, (transaction) => transaction.putRecord('key', 'a', {}))
    assert.equal(head.revision, 42)
    assert.equal((await store.record('key', 'a'))?.revision, 42)
    assert.equal((await put('b', {})).head.revision, 43)
  })

  test('who creates and who changes is kept apart', async () => {
    const { result: first } = await put('a', { key_alias: 'one' })
    const { result: second } = await store.change({ actor: { ...actor, id: 'other' } }, (transaction) =>
      transaction.putRecord('key', 'a', { key_alias: 'two' }),
    )
    assert.deepEqual([second.createdAt, second.createdBy, second.updatedBy], [first.createdAt, actor.id, 'other'])
    assert.deepEqual(await store.record('key', 'a'), second)
    assert.equal(await store.record('user', 'a'), undefined)
  })

  test('resources after a revision come with tombstones, all of them without', async () => {
    await change((transaction) => transaction.putResource('alias', 'a', { model: '1' }))
    await change((transaction) => transaction.putResource('alias', 'b', { model: '2' }))
    await change((transaction) => transaction.deleteResource('alias', 'a'))
    const all = await store.readResources(0)
    assert.deepEqual([all.whole, all.resources.map(({ name }) => name)], [true, ['b']])
    const late = await store.readResources(1)
    assert.deepEqual(
      late.resources.map(({ name, deleted, spec, revision }) => ({ name, deleted, spec, revision })),
      [
        { name: 'b', deleted: false, spec: { model: '2' }, revision: 2 },
        { name: 'a', deleted: true, spec: {}, revision: 3 },
      ],
    )
    assert.deepEqual([late.whole, late.head.revision, late.head.resourceRevision], [false, 3, 3])
    assert.deepEqual((await store.readResources(3)).resources, [])
    assert.equal((await store.readResources(99)).whole, true, 'ahead of the store: a backup was restored')
  })

  test('a resource that is declared again after its end is a new one', async () => {
    await change((transaction) => transaction.putResource('alias', 'a', { model: '1' }))
    await change((transaction) => transaction.deleteResource('alias', 'a'))
    const { result, alterations } = await store.change({ actor: { ...actor, id: 'other' } }, async (transaction) => {
      assert.equal(await transaction.resource('alias', 'a'), undefined)
      return transaction.putResource('alias', 'a', { model: '2' })
    })
    assert.equal(result.createdBy, 'other')
    assert.deepEqual(alterations, [{ kind: 'alias', name: 'a', action: 'create', after: { model: '2' } }])
    assert.deepEqual((await store.readResources(0)).resources, [result])
  })

  test('the head tells records from resources, and how long ago the last change was', async () => {
    assert.deepEqual(await store.head(), { revision: 0, resourceRevision: 0 })
    await change((transaction) => transaction.putResource('alias', 'a', { model: '1' }))
    await put('a', {})
    const { revision, resourceRevision, ageMs = -1 } = await store.head()
    assert.deepEqual([revision, resourceRevision], [2, 1])
    assert.ok(ageMs >= 0 && ageMs < 5_000, String(ageMs))
  })

  test('changed records are named once each, deleted ones too', async () => {
    await put('a', {})
    await change(async (transaction) => {
      await transaction.putRecord('key', 'b', {})
      await transaction.putRecord('team', 'a', {})
    })
    await put('b', { key_alias: 'x' })
    await change((transaction) => transaction.deleteRecord('key', 'a'))
    const { head, changed = [] } = await store.readChangedRecords(1)
    assert.equal(head.revision, 4)
    assert.deepEqual(changed.map(({ kind, id }) => `${kind} ${id}`).sort(), ['key a', 'key b', 'team a'])
    assert.deepEqual((await store.readChangedRecords(4)).changed, [])
    assert.equal((await store.readChangedRecords(99)).changed, undefined)
  })

  test('too many changed records are not named', async () => {
    await put('first', {})
    await change(async (transaction) => {
      for (let index = 0; index < 5_001; index += 1) await transaction.putRecord('tag', `t${index}`, {})
    })
    await put('last', {})
    assert.equal((await store.readChangedRecords(1)).changed, undefined)
    assert.deepEqual((await store.readChangedRecords(2)).changed, [{ kind: 'key', id: 'last' }])
  })

  test('records are found by each indexed field, by none, and by one of several', async () => {
    await change(async (transaction) => {
      await transaction.putRecord('key', 'k1', { key_alias: 'prod', user_id: 'u1', team_id: 't1' })
      await transaction.putRecord('key', 'k2', { key_alias: 'dev', user_id: 'u1', team_id: null })
      await transaction.putRecord('key', 'k3', { user_id: 'u2', organization_id: 'o1', budget_id: 'b1' })
      await transaction.putRecord('user', 'u1', { user_email: 'a@example.com', user_alias: 'prod' })
    })
    assert.deepEqual(await idsOf({ kind: 'key', where: { alias: 'prod' } }), ['k1'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { user_id: 'u1' } }), ['k1', 'k2'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { user_id: 'u1', team_id: 't1' } }), ['k1'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { team_id: null } }), ['k2', 'k3'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { organization_id: 'o1' } }), ['k3'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { budget_id: ['b1', 'b2'] } }), ['k3'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { id: ['k3', 'k1', 'nobody', 'quote" ] it'] } }), ['k1', 'k3'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { id: [] } }), [])
    assert.deepEqual(await idsOf({ kind: 'user', where: { email: 'a@example.com' } }), ['u1'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { created_by: actor.id } }), ['k1', 'k2', 'k3'])
    assert.deepEqual(await idsOf({ kind: 'key', where: { created_by: 'nobody' } }), [])
    await put('k1', { key_alias: 'prod' })
    assert.deepEqual(await idsOf({ kind: 'key', where: { user_id: 'u1' } }), ['k2'], 'a replaced body counts anew')
  })

  test('part of a value is found in any case, in any script, and as it is written', async () => {
    await change(async (transaction) => {
      await transaction.putRecord('key', 'k1', { key_alias: 'Ärger-ÖL' })
      await transaction.putRecord('key', 'k2', { key_alias: '100%_sure' })
      await transaction.putRecord('key', 'k3', { key_alias: 'МОСКВА \\ 東京' })
      await transaction.putRecord('key', 'K4', { key_alias: 'PLAIN', user_id: 'Zoë' })
      await transaction.putRecord('key', 'k5', {})
    })
    const found = (part: string) => idsOf({ kind: 'key', contains: { alias: part } })
    assert.deepEqual(await found('ärger'), ['k1'])
    assert.deepEqual(await found('öL'), ['k1'])
    assert.deepEqual(await found('%_'), ['k2'])
    assert.deepEqual(await found('москва \\'), ['k3'])
    assert.deepEqual(await found('東'), ['k3'])
    assert.deepEqual(await found('ain'), ['K4'])
    assert.deepEqual(await found('nothing'), [])
    assert.deepEqual(await found('a\0b'), [])
    assert.deepEqual(await idsOf({ kind: 'key', contains: { user_id: 'ZOË' } }), ['K4'])
    assert.deepEqual(await idsOf({ kind: 'key', contains: { id: 'K' } }), ['K4', 'k1', 'k2', 'k3', 'k5'])
  })

  test('records are sorted alike on every database, with pages and a total', async () => {
    await change(async (transaction) => {
      for (const [id, alias] of [
        ['k1', 'b'],
        ['k2', 'B'],
        ['k3', undefined],
        ['k4', 'ä'],
        ['k5', 'a'],
      ] as const) {
        await transaction.putRecord('key', id, alias === undefined ? {} : { key_alias: alias })
      }
    })
    const sorted = (descending: boolean) => idsOf({ kind: 'key', sort: { by: 'alias', descending } })
    assert.deepEqual(await sorted(false), ['k2', 'k5', 'k1', 'k4', 'k3'])
    assert.deepEqual(await sorted(true), ['k3', 'k4', 'k1', 'k5', 'k2'])
    assert.deepEqual(await idsOf({ kind: 'key', sort: { by: 'id', descending: true } }), ['k5', 'k4', 'k3', 'k2', 'k1'])
    assert.deepEqual(await idsOf({ kind: 'key', sort: { by: 'created_at', descending: true } }), [
      'k1',
      'k2',
      'k3',
      'k4',
      'k5',
    ])
    const pages: string[][] = []
    for (const [offset, limit] of [
      [0, 2],
      [2, 2],
      [4, 2],
      [6, 2],
      [0, 0],
      [3, undefined],
    ] as const) {
      const { records, total } = await store.records({
        kind: 'key',
        offset,
        ...(limit === undefined ? {} : { limit }),
      })
      assert.equal(total, 5, `offset ${offset}, limit ${limit}`)
      pages.push(records.map(({ id }) => id))
    }
    assert.deepEqual(pages, [['k1', 'k2'], ['k3', 'k4'], ['k5'], [], [], ['k4', 'k5']])
  })

  test('bodies come back as they went in: unicode, nulls, empty lists, U+0000', async () => {
    const body = {
      a: null,
      b: [],
      c: {},
      d: '😀 \0 \ud800',
      e: 1e21,
      f: [null, { g: false }],
      metadata: { logging: null },
    }
    await put('odd id /?#%00 😀', body)
    assert.deepEqual((await store.record('key', 'odd id /?#%00 😀'))?.body, body)
    assert.equal(await store.record('key', 'a\0b'), undefined)
    await assert.rejects(put('a\0b', {}), { code: 'bad_request' })
    await assert.rejects(put('a', { key_alias: 'x\0' }), { code: 'bad_request' })
    assert.equal((await store.head()).revision, 1)
  })

  test('several writes of one thing are one alteration', async () => {
    const { alterations } = await change(async (transaction) => {
      await transaction.putRecord('key', 'a', { v: 1 })
      await transaction.putRecord('key', 'a', { v: 2 })
      await transaction.putRecord('key', 'b', { v: 1 })
      await transaction.deleteRecord('key', 'b')
    })
    assert.deepEqual(alterations, [{ kind: 'key', name: 'a', action: 'create', after: { v: 2 } }])
  })

  test('the journal has accepted and refused changes, the newest first', async () => {
    await change(async (transaction) => {
      await transaction.putResource('deployment', 'd', {
        litellm_params: { model: 'openai/x', api_key: 'sk-canary' },
      })
      transaction.note({ reverts: 12 })
    })
    const refused = [{ kind: 'alias', name: 'a', action: 'create', after: { model: 'x' } }] as const
    const problem = {
      severity: 'error',
      code: 'value_invalid',
      origin: 'database',
      path: 'x',
      message: 'no',
    } as const
    await store.recordRefusal({ ...actor, id: 'someone' }, refused, [problem])
    await put('a', { metadata: { logging: [{ callback_vars: { key: 'sk-canary' } }] } })
    const entries = await store.journal({ limit: 10 })
    assert.deepEqual(
      entries.map(({ id, revision, actor: by, reverts }) => [id, revision, by.id, reverts]),
      [
        [3, 2, actor.id, undefined],
        [2, undefined, 'someone', undefined],
        [1, 1, actor.id, 12],
      ],
    )
    assert.deepEqual([entries[1]?.alterations, entries[1]?.problems], [refused, [problem]])
    assert.deepEqual(entries[2]?.alterations, [
      {
        kind: 'deployment',
        name: 'd',
        action: 'create',
        after: { litellm_params: { model: 'openai/x', api_key: 'sk-canary' } },
      },
    ])
    assert.deepEqual(
      (await store.journal({ before: 3, limit: 1 })).map(({ id }) => id),
      [2],
    )
    assert.deepEqual(await store.journalOf(2), entries[0])
    assert.equal(await store.journalOf(99), undefined)
  })

  test('replicas report and leave, their leases run by the clock of the store', async () => {
    await store.report(report)
    await store.report({
      ...report,
      id: 'replica-2',
      startedAt: 2,
      leaseMs: 0,
      hash: 'h',
      refusal: 'why',
      draining: true,
    })
    await store.report({ ...report, revision: 8 })
    const [first, second] = await store.replicas()
    assert.deepEqual([first?.id, first?.revision, second?.id, second?.hash], ['replica-1', 8, 'replica-2', 'h'])
    assert.deepEqual(
      [second?.refusal, second?.draining, first?.refusal, first?.draining],
      ['why', true, undefined, false],
    )
    assert.ok((first?.leaseLeftMs ?? 0) > 0 && (first?.leaseLeftMs ?? 9_999) <= 3_000)
    assert.ok((second?.leaseLeftMs ?? 1) <= 0)
    await store.forget('replica-1')
    assert.deepEqual(
      (await store.replicas()).map(({ id }) => id),
      ['replica-2'],
    )
  })

  test('a replica whose lease ended an hour ago is not shown', async () => {
    await store.report({ ...report, leaseMs: -3_600_001 })
    assert.deepEqual(await store.replicas(), [])
  })

  test('other replicas are told of a change and of a report', async () => {
    const other = place.open().store
    await other.start()
    const hints = new Set<string>()
    let wake = () => {}
    const ends = other.watch((what) => {
      hints.add(what)
      wake()
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    for (const [what, act] of [
      ['head', () => put('a', {})],
      ['replica', () => store.report(report)],
    ] as const) {
      hints.clear()
      const told = new Promise<void>((resolve) => {
        wake = () => hints.has(what) && resolve()
      })
      const start = performance.now()
      await act()
      await told
      assert.ok(performance.now() - start < 1_000, `${what} took ${performance.now() - start} ms`)
    }
    ends()
    hints.clear()
    await put('b', {})
    await new Promise((resolve) => setTimeout(resolve, 250))
    assert.deepEqual([...hints], [], 'nobody is told after the end')
  })

  test('without hints nobody is told, and everything is there all the same', async () => {
    const other = place.open({ hints: false }).store
    await other.start()
    let told = 0
    other.watch(() => {
      told += 1
    })
    await put('a', {})
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(told, 0)
    assert.equal((await other.head()).revision, 1)
  })

  test('a change that stands still is rolled back, and the next one goes on', { timeout: 20_000 }, async () => {
    const stuck = change(async (transaction) => {
      await transaction.putRecord('key', 'stuck', {})
      return new Promise<never>(() => {})
    })
    await assert.rejects(stuck, { code: 'store_unavailable', message: /rested for 3000 ms/ })
    assert.equal((await put('next', {})).head.revision, 1)
    assert.equal(await store.record('key', 'stuck'), undefined)
    assert.equal(store.health.up, true)
  })

  test('a transaction that is over answers nothing', async () => {
    let kept: Transaction | undefined
    await change(async (transaction) => {
      kept = transaction
      await transaction.putRecord('key', 'a', {})
    })
    await assert.rejects(async () => kept?.record('key', 'a'), /the transaction is over/)
  })

  test("a wrong statement is the statement's fault, not the database's", async () => {
    await assert.rejects(opened.database.query('SELECT nonsense FROM nowhere'), (error: unknown) => {
      return error instanceof Error && !(error instanceof GatewayError)
    })
    await assert.rejects(
      opened.database.transaction('write', async (session) => {
        await session.query(`DELETE FROM midflight_head`)
        await session.query('SELECT nonsense FROM nowhere').catch(() => undefined)
        throw new Error('stop')
      }),
      /stop/,
    )
    assert.equal((await store.head()).revision, 0)
    assert.equal(store.health.up, true)
  })

  test('what is asked of a stopped store is refused', async () => {
    await store.stop()
    await assert.rejects(store.head(), { code: 'store_unavailable' })
    await assert.rejects(put('a', {}), { code: 'store_unavailable' })
    assert.equal(store.health.up, false)
  })
})
