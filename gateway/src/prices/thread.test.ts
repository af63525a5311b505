import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { defaultGuards } from './compare.ts'
import { MapRefused } from './refusal.ts'
import { PriceThread } from './thread.ts'

const run = promisify(execFile)

/** A map of 60 models, with so many blanks before it. */
function mapAt(price: number, blanks = 0): Uint8Array<ArrayBuffer> {
  const names = Array.from({ length: 60 }, (_, index) => `model-${index}`)
  const map = Object.fromEntries(names.map((name) => [name, { input_cost_per_token: price }]))
  return new TextEncoder().encode(' '.repeat(blanks) + JSON.stringify(map))
}

const thread = new PriceThread()
let current: Uint8Array<ArrayBuffer>

async function packed(price: number, blanks = 0) {
  const review = { current: current.slice(), guards: defaultGuards }
  return (await thread.pack({ bytes: mapAt(price, blanks), review })).change?.movedCount
}

test('maps are read one after the other and two at a time, before and after a bad one', async () => {
  const { data, change } = await thread.pack({ bytes: mapAt(1e-6) })
  assert.equal(change, undefined)
  current = new Uint8Array(data.bytes)
  assert.equal(await packed(2e-6), 60)
  await assert.rejects(thread.pack({ bytes: new TextEncoder().encode('{"a": 1') }), MapRefused)
  await assert.rejects(packed(1), MapRefused)
  assert.equal(await packed(3e-6), 60)
  assert.deepEqual(await Promise.all([packed(1e-6), packed(2e-6), packed(3e-6)]), [0, 60, 60])
  thread.prepare()
  thread.prepare()
  assert.equal(await packed(2e-6), 60)
})

test('a map so large that its thread is not kept is read as well, and so is the next one', async () => {
  assert.equal(await packed(2e-6, 9 * 1024 * 1024), 60)
  assert.equal(await packed(3e-6), 60)
})

test('a thread that waits keeps no process alive', async () => {
  const module = new URL('./thread.ts', import.meta.url).href
  const program = `import { PriceThread } from '${module}'
    const thread = new PriceThread()
    thread.prepare()
    await thread.pack({ bytes: new TextEncoder().encode('{"m": {"input_cost_per_token": 1e-6}}') })
    console.log('read')`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 })
  assert.equal(stdout, 'read\n')
})
