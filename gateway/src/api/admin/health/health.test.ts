import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '../../../../../e2e/wait.ts'
import { putKey } from '../../../../test/callers.ts'
import { startGateway } from '../../../../test/gateway.ts'
import { playProvider } from '../../../../test/played/provider.ts'

test('each deployment is really asked, in the words of its mode, and what each answered is told apart', async (context) => {
  const provider = await playProvider({ behaviours: { ill: 'status=500', slow: 'headers-delay=3000' } })
  context.after(() => provider.close())
  const base = { api_key: 'sk-played', api_base: `${provider.url}/v1` }
  const { post, get } = await startGateway(context, { config: 'model_list: []\n' })
  const add = (name: string, params: object, info: object = {}) =>
    post('/model/new', { model_name: name, litellm_params: { ...base, ...params }, model_info: { id: name, ...info } })
  await add('well', { model: 'openai/well' })
  await add('vectors', { model: 'openai/vectors' }, { mode: 'embedding' })
  await add('ill', { model: 'openai/ill' })
  await add('slow', { model: 'openai/slow' }, { health_check_timeout: 0.2 })
  await add('claude', { model: 'anthropic/claude-sonnet-4-5', api_base: provider.url })
  await add('all/*', { model: 'openai/*' }, { id: 'wild' })
  await add('some/*', { model: 'openai/*' }, { id: 'wild-named', health_check_model: 'openai/well' })
  await add('painter', { model: 'openai/painter' }, { mode: 'image_generation' })
  const { status, body } = await get('/health')
  assert.equal(status, 200)
  const ids = (list: { model_id: string }[]) => list.map((entry) => entry.model_id).sort()
  assert.deepEqual(ids(body.healthy_endpoints), ['claude', 'vectors', 'well', 'wild-named'])
  assert.deepEqual(ids(body.unhealthy_endpoints), ['ill', 'slow'])
  assert.deepEqual(ids(body.skipped_endpoints), ['painter', 'wild'])
  assert.deepEqual([body.healthy_count, body.unhealthy_count], [4, 2])
  const well = body.healthy_endpoints.find((entry: { model_id: string }) => entry.model_id === 'well')
  assert.equal(well.model, 'openai/well')
  assert.equal(well.api_key, undefined)
  assert.match(body.unhealthy_endpoints[0].error, /Exception/)
  const latest = await get('/health/latest')
  assert.equal(latest.body.total_models, 6)
  assert.equal(latest.body.latest_health_checks.ill.status, 'unhealthy')
  const history = await get('/health/history?status_filter=unhealthy&limit=1')
  assert.equal(history.body.total_records, 2)
  assert.equal(history.body.health_checks.length, 1)
})

test('one deployment or one model is asked alone, and an unknown id is told', async (context) => {
  const { get, app } = await startGateway(context)
  assert.equal((await get('/health?model=alpha')).body.healthy_count, 1)
  const [id] = [...app.store.dialect] // any text that is no id
  const unknown = await get(`/health?model_id=${id}`)
  assert.equal(unknown.status, 404)
  assert.deepEqual(unknown.body, { detail: { error: `Model with ID ${id} not found` } })
  const limited = await putKey(app, 'limited', { models: ['beta'] })
  const own = await get('/health', limited)
  assert.deepEqual(
    own.body.healthy_endpoints.map((entry: { model_name: string }) => entry.model_name),
    ['beta'],
  )
})

test('checks leave the routing as it was', async (context) => {
  const provider = await playProvider({ behaviours: { m: 'status=429' } })
  context.after(() => provider.close())
  const { post, get, chat } = await startGateway(context)
  const base = { api_key: 'sk-played', api_base: `${provider.url}/v1` }
  await post('/model/new', { model_name: 'g', litellm_params: { ...base, model: 'openai/m' }, model_info: { id: 'a' } })
  await post('/model/new', {
    model_name: 'g',
    litellm_params: { ...base, model: 'openai/other' },
    model_info: { id: 'b' },
  })
  await get('/health?model=g')
  provider.behave('m', '')
  const answered = new Set<string | null>()
  for (let index = 0; index < 24; index += 1) answered.add((await chat('g')).headers.get('x-litellm-model-id'))
  assert.deepEqual([...answered].sort(), ['a', 'b'])
})

test('a deployment is tried before it is declared, and leaves nothing behind', async (context) => {
  const provider = await playProvider()
  context.after(() => provider.close())
  const { app, post } = await startGateway(context)
  const before = (await app.store.head()).revision
  const params = { model: 'openai/m', api_key: 'sk-played', api_base: `${provider.url}/v1` }
  const good = await post('/health/test_connection', { litellm_params: params })
  assert.equal(good.body.status, 'success', good.text)
  const bad = await post('/health/test_connection', { litellm_params: { ...params, api_base: 'http://127.0.0.1:9' } })
  assert.equal(bad.status, 200)
  assert.equal(bad.body.status, 'error')
  assert.match(bad.body.result.error, /ECONNREFUSED|connection failed/)
  const refused = await post('/health/test_connection', { litellm_params: { model: 'nope/m' } })
  assert.match(refused.body.result.error, /unknown provider/)
  assert.equal((await app.store.head()).revision, before)
})

test('readiness tells of the store, and of more where it is asked to', async (context) => {
  const { get, post } = await startGateway(context)
  assert.deepEqual((await get('/health/readiness', '')).body, { status: 'healthy', db: 'connected' })
  assert.equal((await get('/health/readiness/details', '')).status, 401)
  assert.equal((await get('/health/readiness/details')).body.db, 'connected')
  await post('/config/update', { general_settings: { allow_public_health_readiness_details: true } })
  assert.ok((await get('/health/readiness', '')).body.litellm_version)
  assert.deepEqual((await get('/health/backlog')).body, { in_flight_requests: 0 })
  assert.equal((await get('/health/services?service=slack')).status, 422)
  assert.equal((await get('/health/services?service=zzz')).status, 400)
  assert.equal((await get('/health/services?service=database')).body.status, 'success')
})

test('background checks find out by themselves, and asking reads what they found; a process that ends gives them up', async (context) => {
  const provider = await playProvider({ behaviours: { stuck: 'headers-delay=2500' } })
  context.after(() => provider.close())
  const base = { api_key: 'sk-played', api_base: `${provider.url}/v1` }
  const { post, get } = await startGateway(context, { config: 'model_list: []\n' })
  await post('/model/new', { model_name: 'a', litellm_params: { ...base, model: 'openai/a' }, model_info: { id: 'a' } })
  await post('/model/new', {
    model_name: 'b',
    litellm_params: { ...base, model: 'openai/b' },
    model_info: { id: 'b', disable_background_health_check: true },
  })
  await post('/config/update', { general_settings: { background_health_checks: true, health_check_interval: 600 } })
  await waitFor('the first round', async () => (await get('/health/latest')).body.total_models === 1, {
    withinMs: 5_000,
  })
  const sent = provider.ledger.calls.length
  assert.equal(sent, 1)
  const first = await get('/health')
  assert.equal(first.body.healthy_count, 2, 'what no round asks is asked')
  assert.equal((await get('/health')).body.healthy_count, 2)
  assert.equal(provider.ledger.calls.length, sent + 1)
  // This one hangs while the process ends after the test.
  await post('/model/new', {
    model_name: 'c',
    litellm_params: { ...base, model: 'openai/stuck' },
    model_info: { id: 'c' },
  })
  await post('/config/update', { general_settings: { health_check_interval: 1 } })
  await waitFor('the second round', async () => provider.ledger.calls.length >= sent + 3, { withinMs: 5_000 })
})
