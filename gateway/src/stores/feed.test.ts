import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actor, onEveryStore, placeOfEachTest } from '../../test/opened-store.ts'
import type { OpenedStore } from './open.ts'
import { number } from './row.ts'
import type { SqlDatabase } from './sql.ts'

onEveryStore('what replicas read, when it is much,', (kind) => {
  let opened: OpenedStore

  placeOfEachTest(kind, async (empty) => {
    opened = empty.open()
    await opened.store.start()
  })

  const count = async (database: SqlDatabase, table: string) =>
    number((await database.query(`SELECT COUNT(*) AS n FROM ${table}`))[0] ?? {}, 'n')

  /** As if so many changes had come before: one row each, with revisions from 1. */
  async function fill(rows: number, row: (revision: number) => string): Promise<void> {
    const { database } = opened
    await database.transaction('write', async (session) => {
      for (let start = 1; start <= rows; start += 500) {
        const values = Array.from({ length: Math.min(500, rows - start + 1) }, (_, index) => row(start + index))
        await session.query(
          `INSERT INTO ${values[0]?.split('|')[0]} VALUES ${values.map((each) => each.split('|')[1])}`,
        )
      }
      await session.query('UPDATE midflight_head SET revision = $1, resource_revision = $1', [rows])
    })
  }

  /** The next revision that prunes. */
  const prune = async () => {
    const { revision } = await opened.store.head()
    const above = Math.ceil((revision + 1) / 64) * 64 - 1
    return opened.store.change({ actor, above }, (transaction) => transaction.putRecord('tag', 'last', {}))
  }

  test('a kind of record that only a newer program knows keeps no replica from the rest', async () => {
    await fill(2, (revision) => `midflight_record_change|(${revision}, '${revision === 1 ? 'robot' : 'key'}', 'k')`)
    assert.deepEqual((await opened.store.readChangedRecords(0)).changed, [{ kind: 'key', id: 'k' }])
  })

  test('the feed of changed records is cut back, and whoever is behind the cut forgets all', async () => {
    await fill(20_500, (revision) => `midflight_record_change|(${revision}, 'key', 'k${revision}')`)
    const { head } = await prune()
    assert.equal(await count(opened.database, 'midflight_record_change'), 20_000)
    assert.equal((await opened.store.readChangedRecords(400)).changed, undefined)
    assert.equal((await opened.store.readChangedRecords(1_000)).changed, undefined, 'more than 5,000')
    const { changed = [] } = await opened.store.readChangedRecords(20_490)
    assert.deepEqual(changed.map(({ id }) => id).sort(), [
      ...Array.from({ length: 10 }, (_, index) => `k${20_491 + index}`),
      'last',
    ])
    assert.deepEqual((await opened.store.readChangedRecords(head.revision)).changed, [])
  })

  test('tombstones are cut back, and whoever is behind the cut reads the whole', async () => {
    await fill(
      10_020,
      (revision) => `midflight_resource|('alias', 'a${revision}', '{}', '', ${revision}, 1, 0, '', 0, '')`,
    )
    await opened.store.change({ actor }, (transaction) => transaction.putResource('alias', 'kept', { model: 'm' }))
    await prune()
    assert.equal(await count(opened.database, 'midflight_resource'), 10_001)
    const behind = await opened.store.readResources(5)
    assert.deepEqual([behind.whole, behind.resources.map(({ name }) => name)], [true, ['kept']])
    const near = await opened.store.readResources(10_018)
    assert.deepEqual(
      [near.whole, near.resources.map(({ name, deleted }) => [name, deleted])],
      [
        false,
        [
          ['a10019', true],
          ['a10020', true],
          ['kept', false],
        ],
      ],
    )
  })
})
