import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actor, onEveryStore, placeOfEachTest, type StorePlace } from '../../test/opened-store.ts'
import { migrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { number } from './row.ts'

const next = migrations.length + 1

/** As a later release would bring it: a column that is filled in pieces. */
function added(options: { readonly minimumReader: number; readonly onStep?: (step: number) => void }): Migration {
  let steps = 0
  return {
    number: next,
    name: 'a-column',
    minimumReader: options.minimumReader,
    async step(session) {
      steps += 1
      options.onStep?.(steps)
      const [row = {}] = await session.query('SELECT COUNT(*) AS filled FROM midflight_replica')
      const filled = number(row, 'filled')
      if (filled === 5) return 'done'
      await session.query(
        `INSERT INTO midflight_replica (id, label, version, started_at, revision, generation, state, draining, lease_ms, seen_at)
         VALUES ($1, '', '', 0, 0, 0, '', 0, 0, 0)`,
        [`filled-${filled}`],
      )
      return 'more'
    },
  }
}

test('the migrations are numbered from one without a gap', () => {
  assert.deepEqual(
    migrations.map((migration) => migration.number),
    migrations.map((_, index) => index + 1),
  )
  for (const { number: own, minimumReader } of migrations) assert.ok(minimumReader <= own)
})

onEveryStore('migrations', (kind) => {
  const place = placeOfEachTest(kind)

  const put = (store: ReturnType<StorePlace['open']>['store'], id: string) =>
    store.change({ actor }, (transaction) => transaction.putRecord('key', id, {}))

  test('several that start at once on an empty database all come up, each migration is run once', async () => {
    const opened = Array.from({ length: 4 }, () => place.open())
    await Promise.all(opened.map(({ store }) => store.start()))
    const rows = await opened[0]?.database.query('SELECT number FROM midflight_migration ORDER BY number')
    assert.deepEqual(
      rows?.map((row) => number(row, 'number')),
      migrations.map((migration) => migration.number),
    )
    const heads = await Promise.all(opened.map(({ store }) => store.head()))
    assert.deepEqual(new Set(heads.map(({ revision }) => revision)), new Set([0]))
  })

  test('the older version serves while the newer migrates, and after', async () => {
    const older = place.open().store
    await older.start()
    await put(older, 'before')
    const newer = place.open({ migrations: [...migrations, added({ minimumReader: 1 })] }).store
    const migrating = newer.start()
    await put(older, 'during')
    await migrating
    await put(older, 'after')
    await put(newer, 'newer')
    assert.equal((await newer.records({ kind: 'key' })).total, 4)
    const again = place.open().store
    await again.start()
    assert.equal((await again.head()).revision, 4, 'an older one may start anew')
  })

  test('one that dies between two pieces is finished by the next', async () => {
    let steps = 0
    const dying = added({
      minimumReader: 1,
      onStep(step) {
        steps = step
        if (step === 3) throw new Error('power cut')
      },
    })
    const first = place.open({ migrations: [...migrations, dying] }).store
    await assert.rejects(first.start(), { code: 'store_unavailable', message: /power cut/ })
    await first.stop()
    assert.equal(steps, 3)
    const second = place.open({
      migrations: [...migrations, added({ minimumReader: 1, onStep: (step) => (steps = step) })],
    })
    await second.store.start()
    assert.equal(steps, 4, 'two pieces were there, three and the end were missing')
  })

  test('a program refuses a schema that needs a newer one, and says so', async () => {
    const newer = place.open({ migrations: [...migrations, added({ minimumReader: next })] }).store
    await newer.start()
    await put(newer, 'a')
    const older = place.open().store
    await assert.rejects(older.start(), {
      code: 'store_unavailable',
      message: `The database was migrated by a newer version: its schema needs migration ${next}, this program knows ${migrations.length}. Run the newer version.`,
    })
    await assert.rejects(older.record('key', 'a'), { code: 'store_unavailable', message: /Run the newer version/ })
    assert.equal(older.health.up, false)
    assert.equal((await newer.record('key', 'a'))?.id, 'a')
  })
})
