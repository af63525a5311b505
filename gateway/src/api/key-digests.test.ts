import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { KeyDigests } from './key-digests.ts'

const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex')

test('the digest of a key is its own, whatever was sent on the connection before', () => {
  const digests = new KeyDigests()
  const connections = [{}, {}]
  const keys = ['sk-a', 'sk-b', 'sk-a', 'sk-a', '', 'sk-\xe9', 'sk-aa', 'sk-b', 'sk-b']
  for (const key of keys) {
    for (const connection of connections) assert.equal(digests.of(key, connection), sha256(key))
  }
})

test('callers that take turns on one connection are told apart', () => {
  const digests = new KeyDigests()
  const connection = {}
  for (let turn = 0; turn < 100; turn += 1) {
    const key = `sk-${turn % 3}`
    assert.equal(digests.of(key, connection), sha256(key))
  }
})
