import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRedis } from '../../test/databases.ts'
import { startGateway } from '../../test/gateway.ts'

const models = [{ model_name: 'a', litellm_params: { model: 'openai/a', api_key: 'none', mock_response: 'hello' } }]

test('limits are counted in the Redis that the file names, and in that of the environment before it', async (context) => {
  const redis = await startRedis()
  if (redis === undefined) return context.skip('Redis is not installed')
  context.after(() => redis.stop())
  const { hostname, port } = new URL(redis.url)
  const ofFile = await startGateway(context, {
    config: { model_list: models, router_settings: { redis_host: hostname, redis_port: Number(port) } },
  })
  const { limits } = (await ofFile.get('/config/status')).body
  assert.deepEqual([limits.place, limits.state], ['redis', 'up'])
  const { key } = (await ofFile.post('/key/generate', { rpm_limit: 1 })).body
  assert.deepEqual([(await ofFile.chat('a', key)).status, (await ofFile.chat('a', key)).status], [200, 429])

  const ofCache = await startGateway(context, {
    config: {
      model_list: models,
      router_settings: { redis_host: 'no-such-host.invalid' },
      litellm_settings: { cache_params: { type: 'redis', host: 'no-such-host.invalid' } },
    },
    environment: { REDIS_URL: redis.url },
  })
  assert.equal((await ofCache.get('/config/status')).body.limits.state, 'up')
})
