import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { PriceBook } from '../core/cost/price-book.ts'
import { readBundled } from './bundled.ts'
import { pack } from './pack.ts'

test('the map that comes with the gateway is what checking it anew would make of it', async () => {
  const bundled = await readBundled()
  const { data } = pack({ bytes: await readFile(new URL('./bundled.json', import.meta.url)) })
  const checked = new PriceBook(data)
  assert.equal(bundled.hash, checked.hash)
  assert.ok(bundled.size > 1_000)
  assert.deepEqual(bundled.names, checked.names)
  assert.deepEqual(bundled.providers, checked.providers)
  assert.ok(Buffer.compare(bundled.json, checked.json) === 0)
  for (const name of checked.names) {
    assert.equal(bundled.providerOf(name), checked.providerOf(name))
    assert.deepEqual(bundled.find(name)?.fields, checked.find(name)?.fields)
  }
  for (const provider of checked.providers) {
    assert.deepEqual(bundled.modelsOf(provider), checked.modelsOf(provider))
  }
})
