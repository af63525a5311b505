import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RedisPieces, redisUrlOf } from './redis-url.ts'

const none: RedisPieces = {
  url: undefined,
  host: undefined,
  port: undefined,
  username: undefined,
  password: undefined,
  db: undefined,
  secure: false,
}

test('a Redis in pieces is one URL, whatever its password', () => {
  assert.equal(redisUrlOf(none), undefined)
  assert.equal(redisUrlOf({ ...none, host: 'cache' }), 'redis://cache:6379/0')
  assert.equal(
    redisUrlOf({ ...none, host: 'cache', port: '7000', username: 'me', password: 'a@b:c/d', db: '3', secure: true }),
    'rediss://me:a%40b%3Ac%2Fd@cache:7000/3',
  )
  assert.equal(redisUrlOf({ ...none, host: 'cache', url: 'redis://whole' }), 'redis://whole')
})
