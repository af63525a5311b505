import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { actor, createSqliteKind, onStore, placeOfEachTest } from '../../../test/opened-store.ts'
import { number } from '../row.ts'

onStore(createSqliteKind(), 'SQLite in its thread', (kind) => {
  const place = placeOfEachTest(kind)

  test('a folder that cannot be made is told, and found when it can', async () => {
    const dataDirectory = join(place.dataDirectory, 'file', 'data')
    await writeFile(join(place.dataDirectory, 'file'), '')
    const { store } = place.open({ dataDirectory })
    await assert.rejects(store.start(), { code: 'store_unavailable', message: /ENOTDIR/ })
    await assert.rejects(store.head(), { code: 'store_unavailable', message: /ENOTDIR/ })
    await rm(join(place.dataDirectory, 'file'))
    for (let tries = 0; !store.health.up && tries < 300; tries += 1) await sleep(10)
    assert.equal((await store.head()).revision, 0)
  })

  test('a file that is no database is told and left alone', async () => {
    await mkdir(place.dataDirectory, { recursive: true })
    const file = join(place.dataDirectory, 'midflight.db')
    await writeFile(file, 'precious '.repeat(1_000))
    const { store } = place.open()
    await assert.rejects(store.start(), { code: 'store_unavailable', message: /not a database/ })
    assert.equal(store.health.up, false)
  })

  test('only what is fleeting is committed without waiting for the disk', async () => {
    const { store, database } = place.open()
    await store.start()
    const levelIn = (mode: 'write' | 'fleeting') =>
      database.transaction(mode, async (session) => (await session.query('PRAGMA synchronous'))[0]?.synchronous)
    const [normal, full] = [1, 2]
    assert.equal(await levelIn('fleeting'), normal)
    assert.equal(await levelIn('write'), full)
    const failed = database.transaction('fleeting', () => Promise.reject(new Error('no')))
    await assert.rejects(failed, { message: 'no' })
    assert.equal(await levelIn('write'), full)
    const both = await Promise.all([levelIn('fleeting'), levelIn('write'), levelIn('fleeting'), levelIn('write')])
    assert.deepEqual(both, [normal, full, normal, full])
  })

  test('the event loop goes on while a change is written and much is read', async () => {
    const { store, database } = place.open()
    await store.start()
    await store.change({ actor }, async (transaction) => {
      for (let index = 0; index < 200; index += 1) await transaction.putRecord('key', `k${index}`, { key_alias: 'x' })
    })
    const slow = `SELECT COUNT(*) AS n FROM midflight_record a, midflight_record b, midflight_record c
      WHERE LOWER(a.body) || b.id <> c.id`
    let ticks = 0
    const ticking = setInterval(() => {
      ticks += 1
    }, 1)
    const start = performance.now()
    const reading = database.query(slow, [], 'large')
    const between = performance.now()
    assert.equal((await store.record('key', 'k7'))?.id, 'k7')
    await store.change({ actor }, (transaction) => transaction.putRecord('key', 'k7', {}))
    const othersMs = performance.now() - between
    assert.equal(number((await reading)[0] ?? {}, 'n'), 8_000_000)
    const readMs = performance.now() - start
    clearInterval(ticking)
    assert.ok(othersMs < readMs, `${othersMs} ms behind a read of ${readMs} ms`)
    assert.ok(ticks > 20, `${ticks} ticks in ${readMs} ms`)
  })

  test('stopping closes the file in order: the log is folded into it', async () => {
    const { store } = place.open()
    await store.start()
    await store.change({ actor }, (transaction) => transaction.putRecord('key', 'a', {}))
    await store.stop()
    await store.stop()
    const again = place.open().store
    await again.start()
    assert.equal((await again.record('key', 'a'))?.id, 'a')
  })

  test('an answer comes back for every statement that was asked before the stop', async () => {
    const { store } = place.open()
    await store.start()
    const asked = Array.from({ length: 50 }, () => store.head())
    const stopping = store.stop()
    assert.deepEqual(new Set((await Promise.all(asked)).map(({ revision }) => revision)), new Set([0]))
    await stopping
  })
})
