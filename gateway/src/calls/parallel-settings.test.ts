import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Gateway, startGateway } from '../../test/gateway.ts'
import { playProvider } from '../../test/played/provider.ts'
import type { JsonObject } from '../lib/json.ts'

/** Long enough that calls that are sent together are under way together. */
const answerAfterMs = 400

interface Declared {
  readonly general?: JsonObject
  readonly router?: JsonObject
  readonly parameters?: JsonObject
}

/** One model that takes its time. */
async function slow(context: TestContext, { general = {}, router = {}, parameters = {} }: Declared): Promise<Gateway> {
  const provider = await playProvider({ behaviours: { m: `headersDelay=${answerAfterMs}` } })
  context.after(() => provider.close())
  const litellm_params = { model: 'openai/m', api_key: 'sk-played', api_base: `${provider.url}/v1`, ...parameters }
  return startGateway(context, {
    config: {
      model_list: [{ model_name: 'm', litellm_params }],
      general_settings: general,
      router_settings: { num_retries: 0, ...router },
    },
  })
}

/** Statuses of calls with these keys, all at once. */
async function together(app: Gateway, ...keys: readonly (string | undefined)[]): Promise<readonly number[]> {
  const answers = await Promise.all(keys.map((key) => app.chat('m', key)))
  return answers.map(({ status }) => status).sort()
}

async function keyOf(app: Gateway, body: JsonObject = {}): Promise<string> {
  const { status, body: made, text } = await app.post('/key/generate', body)
  assert.equal(status, 200, text)
  return made.key
}

test('max_parallel_requests of the settings holds for each key that says nothing itself', async (context) => {
  const app = await slow(context, { general: { max_parallel_requests: 1 } })
  const [plain, other, own] = [await keyOf(app), await keyOf(app), await keyOf(app, { max_parallel_requests: 2 })]
  assert.deepEqual(await together(app, plain, plain, other), [200, 200, 429])
  assert.deepEqual(await together(app, own, own, own), [200, 200, 429])
  assert.deepEqual(await together(app, plain), [200])
})

test('the master key is nobody’s virtual key: the limit of each key leaves it alone', async (context) => {
  const app = await slow(context, { general: { max_parallel_requests: 1 } })
  assert.deepEqual(await together(app, undefined, undefined, undefined), [200, 200, 200])
})

test('global_max_parallel_requests holds for all calls together, whoever makes them', async (context) => {
  const app = await slow(context, { general: { global_max_parallel_requests: 2 } })
  const [one, other] = [await keyOf(app), await keyOf(app)]
  const answers = await Promise.all([app.chat('m', one), app.chat('m', other), app.chat('m')])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 429])
  const refused = answers.find(({ status }) => status === 429)
  assert.match(
    refused?.body.error.message,
    /^Rate limit exceeded for proxy: all calls\. Limit type: max_parallel_requests\. Current limit: 2, Remaining: 0\./,
  )
  assert.equal(refused?.headers.get('rate_limit_type'), 'max_parallel_requests')
  const served = answers.find(({ status }) => status === 200)
  assert.equal(served?.headers.get('x-ratelimit-proxy-limit-max_parallel_requests'), null)
  assert.deepEqual(await together(app, one, other), [200, 200])
})

test('a limit that is changed while calls are under way counts them', async (context) => {
  const app = await slow(context, {})
  const key = await keyOf(app)
  const change = async (settings: JsonObject) => {
    const { status, text } = await app.post('/config/update', { general_settings: settings })
    assert.equal(status, 200, text)
  }
  await change({ max_parallel_requests: 3, global_max_parallel_requests: 10 })
  const first = together(app, key, key)
  await new Promise((resolve) => setTimeout(resolve, answerAfterMs / 4))
  await change({ max_parallel_requests: 2 })
  assert.deepEqual(await together(app, key), [429])
  await first
  await change({ max_parallel_requests: 0 })
  assert.deepEqual(await together(app, key), [429])
  await change({ max_parallel_requests: null, global_max_parallel_requests: 0 })
  assert.deepEqual(await together(app, key), [429])
  await change({ global_max_parallel_requests: null })
  assert.deepEqual(await together(app, key, key, key), [200, 200, 200])
})

test('default_max_parallel_requests of the router holds for deployments that say nothing themselves', async (context) => {
  const router = { default_max_parallel_requests: 1 }
  const app = await slow(context, { router })
  assert.deepEqual(await together(app, undefined, undefined), [200, 429])
  const own = await slow(context, { router, parameters: { max_parallel_requests: 2 } })
  assert.deepEqual(await together(own, undefined, undefined, undefined), [200, 200, 429])
})

test('the three limits are read without a warning, and shown where settings are changed', async (context) => {
  const app = await slow(context, {
    general: { max_parallel_requests: 5, global_max_parallel_requests: '50' },
    router: { default_max_parallel_requests: 7 },
  })
  const { body } = await app.get('/config/status')
  assert.deepEqual(body.problems, [])
  const { body: fields } = await app.get('/config/list?config_type=general_settings')
  const named = fields.filter(({ field_name: name }: { field_name: string }) => name.endsWith('max_parallel_requests'))
  assert.deepEqual(
    named.map((each: JsonObject) => [each.field_name, each.field_type, each.field_value]),
    [
      ['max_parallel_requests', 'Integer', 5],
      ['global_max_parallel_requests', 'Integer', '50'],
    ],
  )
})
