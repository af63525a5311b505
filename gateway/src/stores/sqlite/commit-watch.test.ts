import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommitWatch } from './commit-watch.ts'

const directory = mkdtempSync(join(tmpdir(), 'commit-watch-'))
const file = join(directory, 'some.db')
const writer = new DatabaseSync(file)
writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE item (id INTEGER PRIMARY KEY)')
const reader = new DatabaseSync(file, { readOnly: true })
const version = () => reader.prepare('PRAGMA data_version').get()?.data_version

after(() => {
  reader.close()
  writer.close()
  rmSync(directory, { recursive: true })
})

/** Commits a few times, ms until each is noticed. */
async function noticed(log: string): Promise<readonly number[]> {
  let told = () => {}
  const watch = new CommitWatch(log, version, () => told())
  const times: number[] = []
  for (let n = 0; n < 8; n += 1) {
    // Longer than a close look, so that each commit is met in the quiet.
    await sleep(35)
    const heard = new Promise<void>((resolve) => {
      told = resolve
    })
    const startedAt = performance.now()
    writer.exec('INSERT INTO item DEFAULT VALUES')
    await heard
    times.push(performance.now() - startedAt)
  }
  watch.stop()
  told = () => assert.fail('it was stopped')
  writer.exec('INSERT INTO item DEFAULT VALUES')
  await sleep(30)
  return times.sort((one, other) => one - other)
}

test('a commit of another connection is noticed when its log is written', async () => {
  const [fastest = Number.NaN] = await noticed(`${file}-wal`)
  assert.ok(fastest < 10, `${fastest} ms`)
})

test('where the log cannot be watched it is noticed all the same', async () => {
  assert.equal((await noticed(join(directory, 'missing', 'log'))).length, 8)
})

test('without a commit nothing is told', async () => {
  const watch = new CommitWatch(`${file}-wal`, version, () => assert.fail('nobody has written'))
  await sleep(60)
  writer.exec('BEGIN IMMEDIATE; INSERT INTO item DEFAULT VALUES')
  await sleep(10)
  writer.exec('ROLLBACK')
  await sleep(50)
  watch.stop()
})
