import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Contents } from '../core/contents.ts'
import { withFiles } from './kept-files.ts'
import { isSound, PriceMaps } from './maps.ts'
import { dataOf } from './pack.ts'

async function scratch(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kept-'))
  context.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const always = async (): Promise<boolean> => true

/** A shared place that can go away. */
class Shared implements Contents {
  away = false
  readonly #contents = new Map<string, Uint8Array>()

  async get(hash: string): Promise<Uint8Array | undefined> {
    if (this.away) throw new Error('away')
    return this.#contents.get(hash)
  }

  async put(hash: string, bytes: Uint8Array): Promise<void> {
    if (this.away) throw new Error('away')
    this.#contents.set(hash, bytes)
  }
}

test('what was put or read once is there while the shared place is away; what it never had is not kept', async (context) => {
  const shared = new Shared()
  const one = withFiles(join(await scratch(context), 'a'), shared, always)
  const other = withFiles(join(await scratch(context), 'b'), shared, always)
  await one.put('x', Buffer.from('map'))
  assert.equal(String(await other.get('x')), 'map')
  assert.equal(await one.get('y'), undefined)
  shared.away = true
  assert.equal(String(await one.get('x')), 'map')
  assert.equal(String(await other.get('x')), 'map')
  await assert.rejects(one.get('y'), /away/)
  await assert.rejects(one.put('z', Buffer.from('map')), /away/)
})

test('nothing is written any more when it is told that the shared place is away', async (context) => {
  const directory = await scratch(context)
  const shared = new Shared()
  shared.away = true
  await assert.rejects(withFiles(directory, shared, always).put('z', Buffer.from('map')), /away/)
  assert.deepEqual(await readdir(directory), ['z.json.gz'])
})

test('the last three are kept', async (context) => {
  const directory = await scratch(context)
  const contents = withFiles(directory, new Shared(), always)
  for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    await contents.put(name, Buffer.from(name))
    await utimes(join(directory, `${name}.json.gz`), index, index)
  }
  await contents.put('f', Buffer.from('f'))
  assert.deepEqual((await readdir(directory)).sort(), ['d.json.gz', 'e.json.gz', 'f.json.gz'])
})

test('a directory that takes nothing is no failure', async (context) => {
  const directory = await scratch(context)
  const file = join(directory, 'file')
  await writeFile(file, '')
  await chmod(file, 0o400)
  const contents = withFiles(join(file, 'inside'), new Shared(), always)
  await contents.put('x', Buffer.from('map'))
  assert.equal(String(await contents.get('x')), 'map')
})

test('a kept map that is damaged, or another one, is not taken', async (context) => {
  const shared = new Shared()
  const directory = await scratch(context)
  const { bytes, hash } = dataOf(new Map([['m', { input_cost_per_token: 1 }]]))
  const maps = new PriceMaps(withFiles(directory, shared, isSound))
  await assert.rejects(maps.load(hash), /the store does not have it/)
  await shared.put(hash, gzipSync(bytes))
  assert.deepEqual((await maps.load(hash)).names, ['m'])
  await writeFile(join(directory, `${hash}.json.gz`), 'a disk that forgets')
  assert.deepEqual((await maps.load(hash)).names, ['m'], 'the store still has it')
  const wrong = 'f'.repeat(64)
  await shared.put(wrong, gzipSync(bytes))
  await assert.rejects(maps.load(wrong), /something else/)
  const cut = 'e'.repeat(64)
  await shared.put(cut, gzipSync(bytes).subarray(0, 10))
  await assert.rejects(maps.load(cut))
})
