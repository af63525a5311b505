import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layerOf, PlayedInputs } from '../../test/control-plane.ts'
import type { JsonObject } from '../lib/json.ts'
import { bootSettingsOf } from './boot-settings.ts'

const inputs = new PlayedInputs({ 'env:URL': 'postgresql://x', 'env:EMPTY': '', 'file:/key': 'sk-file' })

async function of(general: JsonObject) {
  return bootSettingsOf(layerOf({ settings: { general_settings: general } }), inputs)
}

test('database and master key are read from the file before anything else, references included', async () => {
  assert.deepEqual(await of({ database_url: 'os.environ/URL', master_key: 'file:/key' }), {
    databaseUrl: 'postgresql://x',
    masterKey: 'sk-file',
    redisUrl: undefined,
  })
  assert.deepEqual(await of({ database_url: 'postgresql://y' }), {
    databaseUrl: 'postgresql://y',
    masterKey: undefined,
    redisUrl: undefined,
  })
})

test('what is not set, empty, no text, or refers to nothing is not there', async () => {
  const none = { databaseUrl: undefined, masterKey: undefined, redisUrl: undefined }
  assert.deepEqual(await of({}), none)
  assert.deepEqual(await of({ database_url: '', master_key: null }), none)
  assert.deepEqual(await of({ database_url: 'os.environ/EMPTY', master_key: 'os.environ/MISSING' }), none)
  assert.deepEqual(await bootSettingsOf(layerOf({}), inputs), none)
})

test('Redis is where the router or the cache has it, and the router wins', async () => {
  const redisUrl = async (settings: JsonObject) => (await bootSettingsOf(layerOf({ settings }), inputs)).redisUrl
  const cache = { cache_params: { type: 'redis', host: 'cache', port: 6380, password: 'file:/key' } }
  assert.equal(await redisUrl({ litellm_settings: cache }), 'redis://:sk-file@cache:6380/0')
  assert.equal(await redisUrl({ litellm_settings: { cache_params: { type: 'local', host: 'cache' } } }), undefined)
  const router = { redis_host: 'router', redis_port: '7000', redis_db: 2 }
  assert.equal(await redisUrl({ litellm_settings: cache, router_settings: router }), 'redis://router:7000/2')
  assert.equal(await redisUrl({ router_settings: { ...router, redis_url: 'rediss://whole' } }), 'rediss://whole')
  assert.equal(await redisUrl({ router_settings: { redis_host: 'os.environ/MISSING' } }), undefined)
})
