import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIds } from './ids.ts'

test('ids have the shape of a UUID and count up, from digit to digit', () => {
  const newId = createIds()
  const ids = Array.from({ length: 70_000 }, newId)
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(
    ids.map((id) => Number.parseInt(id.slice(24), 16)),
    ids.map((_, index) => index + 1),
  )
})

test('those who make ids make different ones', () => {
  assert.notEqual(createIds()().slice(0, 24), createIds()().slice(0, 24))
})
