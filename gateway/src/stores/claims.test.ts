import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { actor, onEveryStore, placeOfEachTest } from '../../test/opened-store.ts'
import type { Claim, ClaimedChange } from '../core/claim.ts'
import type { Store } from '../core/store.ts'
import type { SqlDatabase } from './sql.ts'

const times = { holdMs: 60_000, keepMs: 60_000 }
/** Held by somebody who is not heard of any more. */
const dead = { ...times, holdMs: 0 }
const none: ReadonlyMap<number, unknown> = new Map()
const canary = 'sk-canary'

function claimOf(owner: string, key = 'k', fingerprint = 'f'): Claim {
  return { key, fingerprint, owner }
}

function changeOf(claim: Claim, number = 0): ClaimedChange {
  return { claim, number, made: undefined }
}

onEveryStore('claims', (kind) => {
  let store: Store
  let database: SqlDatabase
  const place = placeOfEachTest(kind)
  beforeEach(async () => {
    ;({ store, database } = place.open())
    await store.start()
  })

  const make = (change: ClaimedChange, result: unknown) =>
    store.change({ actor }, async (transaction) => {
      await transaction.putRecord('tag', `t${change.number}`, { by: change.claim.owner })
      await transaction.keep(change, result)
    })

  test('of many tries at once one wins, on every replica', async () => {
    const other = place.open().store
    await other.start()
    const claimed = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        (index % 2 === 0 ? store : other).claims.take(claimOf(`o${index}`), times),
      ),
    )
    assert.equal(claimed.filter(({ state }) => state === 'won').length, 1)
    assert.equal(claimed.filter(({ state }) => state === 'held').length, 29)
    assert.equal((await store.claims.take(claimOf('o', 'k', 'g'), times)).state, 'mismatch')
  })

  test('an answer is there until it expires; then the key is free for any request', async () => {
    const [claim, other] = [claimOf('a'), claimOf('b', 'k', 'g')]
    const answer = { status: 201, body: `{"key":"${canary}"}` }
    assert.deepEqual(await store.claims.take(claim, times), { state: 'won', made: none })
    await store.claims.answer(claim, answer, 150)
    assert.deepEqual(await store.claims.take(claim, times), { state: 'answered', answer })
    assert.equal((await store.claims.take(other, times)).state, 'mismatch')
    await sleep(200)
    assert.deepEqual(await store.claims.take(other, times), { state: 'won', made: none })
  })

  test('a claim whose holder is not heard of goes to the next try, and the first can commit nothing more', async () => {
    const [first, second] = [claimOf('first'), claimOf('second')]
    await store.claims.take(first, dead)
    assert.equal((await store.claims.take(second, times)).state, 'won')
    await assert.rejects(make(changeOf(first), 1), { code: 'idempotency_in_progress' })
    assert.equal(await store.record('tag', 't0'), undefined)
    assert.equal((await store.head()).revision, 0)
    await store.claims.answer(first, { status: 200, body: 'late' }, 60_000)
    await store.claims.release(first)
    assert.equal((await store.claims.take(first, times)).state, 'held')
    await make(changeOf(second), 1)
    assert.equal((await store.record('tag', 't0'))?.body.by, 'second')
  })

  test('who is heard of keeps his claim', async () => {
    const claim = claimOf('a')
    await store.claims.take(claim, { ...times, holdMs: 100 })
    await store.claims.hold(claim, 60_000)
    await sleep(150)
    assert.equal((await store.claims.take(claimOf('b'), times)).state, 'held')
  })

  test('what a change came to is in its commit, sealed, for the next try, and goes with the answer', async () => {
    const first = claimOf('first')
    await store.claims.take(first, dead)
    const { head } = await make(changeOf(first), { key: canary })
    await make(changeOf(first, 1), undefined)
    const second = claimOf('second')
    assert.deepEqual(await store.claims.take(second, times), {
      state: 'won',
      made: new Map([
        [0, { revision: head.revision, result: { key: canary } }],
        [1, { revision: head.revision + 1 }],
      ]),
    })
    assert.ok(!(await everything()).includes(canary))
    await store.claims.answer(second, { status: 200, body: '{}' }, 60_000)
    const rows = await database.query('SELECT key FROM midflight_answer')
    assert.deepEqual(
      rows.map(({ key }) => key),
      ['k'],
    )
  })

  test('a change that writes nothing, or is not committed, keeps nothing', async () => {
    const claim = claimOf('a')
    await store.claims.take(claim, dead)
    await store.change({ actor }, (transaction) => transaction.keep(changeOf(claim), 1))
    const failing = store.change({ actor }, async (transaction) => {
      await transaction.putRecord('tag', 't', {})
      await transaction.keep(changeOf(claim), 1)
      throw new Error('refused')
    })
    await assert.rejects(failing, /refused/)
    assert.deepEqual(await store.claims.take(claimOf('b'), times), { state: 'won', made: none })
  })

  test('a key that is let go of is free for any request, but only if nothing was changed under it', async () => {
    const claim = claimOf('a')
    await store.claims.take(claim, times)
    await store.claims.release(claim)
    const other = claimOf('b', 'k', 'g')
    assert.equal((await store.claims.take(other, times)).state, 'won')
    await make(changeOf(other), 1)
    await store.claims.release(other)
    assert.equal((await store.claims.take(claim, times)).state, 'mismatch')
    const again = await store.claims.take(claimOf('c', 'k', 'g'), times)
    assert.equal(again.state === 'won' && again.made.size, 1)
  })

  async function everything(): Promise<string> {
    if (database.dialect === 'postgres') return JSON.stringify(await database.query('SELECT * FROM midflight_answer'))
    const files = await readdir(place.dataDirectory)
    return (await Promise.all(files.map((file) => readFile(join(place.dataDirectory, file), 'latin1')))).join('\n')
  }
})
