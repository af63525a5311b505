import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { actor, createSqliteKind, onEveryStore, placeOfEachTest, type StorePlace } from '../../test/opened-store.ts'

const writer = fileURLToPath(new URL('../../test/store-writer.ts', import.meta.url))

interface Writing {
  readonly child: ChildProcess
  /** What it printed, once it has ended. */
  readonly ended: Promise<string>
  /** Resolves when it has printed this. */
  printed(text: string): Promise<void>
}

function write({ dataDirectory, databaseUrl = '' }: StorePlace, changes: number, mode = ''): Writing {
  const child = spawn(process.execPath, [writer, dataDirectory, databaseUrl, String(changes), mode], {
    stdio: ['ignore', 'pipe', mode === 'hang' ? 'ignore' : 'inherit'],
  })
  let output = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    for (const check of waiting) check()
  })
  return {
    child,
    ended: new Promise((resolve) => child.once('close', () => resolve(output))),
    printed: (text) =>
      new Promise((resolve) => {
        const check = () => output.includes(text) && resolve()
        waiting.add(check)
        check()
      }),
  }
}

onEveryStore('several processes', (kind) => {
  const place = placeOfEachTest(kind)

  test('that create the database at once all succeed, and their changes follow one another', async () => {
    const writers = [write(place, 15), write(place, 15), write(place, 15)]
    const outputs = await Promise.all(writers.map(({ ended }) => ended))
    const revisions = outputs.flatMap((output): number[] => JSON.parse(output))
    assert.deepEqual(
      revisions.sort((a, b) => a - b),
      Array.from({ length: 45 }, (_, index) => index + 1),
    )
    const { store } = place.open()
    await store.start()
    assert.equal((await store.record('budget', 'counter'))?.body.count, 45)
    assert.equal((await store.journal({ limit: 100 })).length, 45)
  })

  test("notice each other's changes", async () => {
    const { store } = place.open()
    await store.start()
    const noticed = new Promise<void>((resolve) => {
      store.watch(() => {
        void store.head().then(({ revision }) => revision >= 3 && resolve())
      })
    })
    await write(place, 3).ended
    const start = performance.now()
    await noticed
    assert.ok(performance.now() - start < 1_000)
    assert.equal((await store.readChangedRecords(0)).changed?.length, 1)
  })

  test('one that is killed in the middle of a change leaves nothing of it, and nobody waits', async () => {
    const { store } = place.open()
    await store.start()
    const killed = write(place, 4, 'hang')
    await killed.printed('hanging')
    killed.child.kill('SIGKILL')
    await killed.ended
    const { head } = await store.change({ actor }, (transaction) => transaction.putRecord('key', 'a', {}))
    assert.equal(head.revision, 4)
    assert.equal((await store.record('budget', 'counter'))?.body.count, 3)
  })

  test('one that hangs in the middle of a change holds up changes for 3 s, and reads not at all', async () => {
    const { store } = place.open()
    await store.start()
    const hanging = write(place, 1, 'hang')
    await hanging.printed('hanging')
    const start = performance.now()
    assert.equal((await store.head()).revision, 0)
    assert.ok(performance.now() - start < 500, 'reads do not wait')
    const { head } = await store.change({ actor }, (transaction) => transaction.putRecord('key', 'a', {}))
    const tookMs = performance.now() - start
    assert.equal(head.revision, 1)
    assert.ok(tookMs < 6_000, `${tookMs} ms`)
    hanging.child.kill('SIGKILL')
    await hanging.ended
  })
})

test("the file of a new store is its owner's alone", async (context) => {
  const place = await createSqliteKind().place()
  context.after(() => place.remove())
  await place.open().store.start()
  for (const file of ['midflight.db', 'midflight.db-wal', 'midflight.db-shm']) {
    assert.equal((await stat(join(place.dataDirectory, file))).mode & 0o777, 0o600, file)
  }
})
