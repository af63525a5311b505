import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../../test/gateway.ts'
import { playProvider } from '../../../../test/played/provider.ts'

const fileWith = (settings: string) =>
  'model_list:\n' +
  '  - { model_name: alpha, litellm_params: { model: openai/a, api_key: k, mock_response: a } }\n' +
  '  - { model_name: beta, litellm_params: { model: openai/b, api_key: k, mock_response: b } }\n' +
  settings

test('the number of retries that is sent is the number that the next call makes', async (context) => {
  const provider = await playProvider({ behaviours: { m: 'status=500' } })
  context.after(() => provider.close())
  const { post, chat } = await startGateway(context)
  await post('/model/new', {
    model_name: 'm',
    litellm_params: { model: 'openai/m', api_key: 'sk-played', api_base: `${provider.url}/v1` },
  })
  for (const retries of [0, 1]) {
    const before = provider.ledger.calls.length
    const { status, body } = await post('/config/update', { router_settings: { num_retries: retries, retry_after: 0 } })
    assert.equal(status, 200)
    assert.deepEqual(body, { message: 'Config updated successfully' })
    await chat('m')
    assert.equal(provider.ledger.calls.length - before, retries + 1)
  }
})

test('settings are merged key by key: the request wins, what it does not name stays, null takes away', async (context) => {
  const { post, get, app } = await startGateway(context)
  await post('/config/update', {
    router_settings: { num_retries: 1, timeout: 9, model_group_alias: { nick: 'alpha' } },
  })
  await post('/config/update', {
    router_settings: { num_retries: 3, timeout: null },
    litellm_settings: { drop_params: true },
  })
  const { resources } = await app.store.readResources(0)
  assert.deepEqual(resources.find(({ kind }) => kind === 'settings')?.spec, {
    router_settings: { num_retries: 3 },
    litellm_settings: { drop_params: true },
  })
  const { body } = await get('/router/settings')
  assert.deepEqual(body.current_values, { num_retries: 3, model_group_alias: { nick: 'alpha' } })
  assert.equal(
    body.fields.find(({ field_name: name }: { field_name: string }) => name === 'num_retries').field_value,
    3,
  )
  assert.ok(Object.keys(body.routing_strategy_descriptions).includes('simple-shuffle'))
})

test('an alias that is set by API works at once, and the next list of aliases replaces it', async (context) => {
  const { post, chat } = await startGateway(context)
  await post('/config/update', {
    router_settings: { model_group_alias: { nick: 'alpha', other: { model: 'beta', hidden: true } } },
  })
  assert.equal((await chat('nick')).status, 200)
  assert.equal((await chat('other')).status, 200)
  await post('/config/update', { router_settings: { model_group_alias: { new: 'alpha' } } })
  assert.equal((await chat('nick')).status, 400)
  assert.equal((await chat('new')).status, 200)
  const wrong = await post('/config/update', { router_settings: { model_group_alias: { bad: 'nobody' } } })
  assert.equal(wrong.status, 400)
  assert.match(wrong.body.error.message, /there is no model `nobody`/)
  assert.equal((await chat('new')).status, 200)
})

test('what the file sets is not changed by API, and goes on counting', async (context) => {
  const config = fileWith(
    'router_settings: { num_retries: 1, model_group_alias: { f: alpha } }\ngeneral_settings: { max_request_size_mb: 3 }\n',
  )
  const { post, get } = await startGateway(context, { config })
  const refused = await post('/config/update', { router_settings: { num_retries: 5, timeout: 9 } })
  assert.equal(refused.status, 400)
  assert.deepEqual(refused.body, {
    detail: {
      error: "router_settings key 'num_retries' is set in the config file and cannot be changed here.",
      keys: ['num_retries'],
      section: 'router_settings',
    },
  })
  assert.equal((await get('/router/settings')).body.current_values.timeout, undefined, 'nothing of it was written')
  const field = await post('/config/field/update', {
    field_name: 'max_request_size_mb',
    field_value: 9,
    config_type: 'general_settings',
  })
  assert.equal(field.status, 400)
  assert.equal(
    field.body.detail.error,
    "general_settings key 'max_request_size_mb' is set in the config file and cannot be changed here.",
  )
  const alias = await post('/config/update', { router_settings: { model_group_alias: { f: 'beta' } } })
  assert.equal(alias.status, 400)
  const row = (await get('/config/list?config_type=general_settings')).body.find(
    ({ field_name: name }: { field_name: string }) => name === 'max_request_size_mb',
  )
  assert.deepEqual([row.field_value, row.stored_in_db, row.editable], [3, false, false])
  assert.match(row.origin, /config\.yaml:\d+/)
})

test('one general setting is changed, shown and taken back by its name', async (context) => {
  const { post, get } = await startGateway(context)
  const set = (name: string, value: unknown) =>
    post('/config/field/update', { field_name: name, field_value: value, config_type: 'general_settings' })
  assert.deepEqual((await set('always_include_stream_usage', true)).body, {
    param_name: 'general_settings',
    param_value: { always_include_stream_usage: true },
  })
  assert.deepEqual((await get('/config/field/info?field_name=always_include_stream_usage')).body, {
    field_name: 'always_include_stream_usage',
    field_value: true,
  })
  const unknown = await set('no_such', 1)
  assert.equal(unknown.status, 400)
  assert.deepEqual(unknown.body, { detail: { error: 'Invalid field=no_such passed in.' } })
  const wrong = await set('always_include_stream_usage', 'yes')
  assert.deepEqual(wrong.body, { detail: { error: "Invalid type of field value=<class 'str'> passed in." } })
  const gone = await post('/config/field/delete', {
    field_name: 'always_include_stream_usage',
    config_type: 'general_settings',
  })
  assert.deepEqual(gone.body, { param_name: 'general_settings', param_value: {} })
  assert.equal((await get('/config/field/info?field_name=always_include_stream_usage')).status, 400)
})

test('settings that have no effect or that nobody knows are kept and said to be such; those that would give power are refused', async (context) => {
  const { post } = await startGateway(context)
  const ignored = await post('/config/update', { general_settings: { alerting: ['slack'] } })
  assert.equal(ignored.status, 200)
  assert.equal(ignored.headers.get('x-midflight-warnings'), 'settings_without_effect=general_settings.alerting')
  const unknown = await post('/config/update', {
    router_settings: { num_retrys: 1, num_retries: 1 },
    environment_variables: { ANY: 'x' },
  })
  assert.equal(unknown.headers.get('x-midflight-warnings'), 'unknown_fields=router_settings.num_retrys')
  const master = await post('/config/update', { general_settings: { master_key: 'sk-mine' } })
  assert.equal(master.status, 400)
  assert.match(master.body.detail.error, /master_key cannot be changed by API/)
})

test('fallbacks are set, replaced, used, shown and taken away', async (context) => {
  const { post, get, call, chat } = await startGateway(context)
  await post('/model/new', {
    model_name: 'down',
    litellm_params: { model: 'openai/x', api_key: 'k', mock_response: 'litellm.InternalServerError', num_retries: 0 },
  })
  const made = await post('/fallback', { model: 'down', fallback_models: ['alpha'] })
  assert.deepEqual(made.body, {
    model: 'down',
    fallback_models: ['alpha'],
    fallback_type: 'general',
    message: 'Fallback configuration created successfully',
  })
  assert.equal((await chat('down')).status, 200)
  assert.equal(
    (await post('/fallback', { model: 'down', fallback_models: ['beta'] })).body.message,
    'Fallback configuration updated successfully',
  )
  await post('/fallback', { model: 'alpha', fallback_models: ['beta'], fallback_type: 'context_window' })
  assert.deepEqual((await get('/fallback/down')).body.fallback_models, ['beta'])
  assert.deepEqual((await get('/fallback/alpha?fallback_type=context_window')).body.fallback_models, ['beta'])
  const none = await get('/fallback/alpha')
  assert.equal(none.status, 404)
  assert.equal(none.body.detail.error, "No general fallbacks configured for model 'alpha'")
  const unknown = await post('/fallback', { model: 'zzz', fallback_models: ['alpha'] })
  assert.equal(unknown.status, 404)
  assert.equal(unknown.body.detail.error, "Model 'zzz' not found in router")
  assert.ok(unknown.body.detail.available_models.includes('alpha'))
  for (const models of [['alpha'], ['zzz'], ['beta', 'beta']]) {
    assert.equal((await post('/fallback', { model: 'alpha', fallback_models: models })).status, 400)
  }
  assert.equal((await post('/fallback', { model: 'alpha', fallback_models: [] })).status, 422)
  assert.equal((await call('DELETE', '/fallback/down')).body.message, 'Fallback configuration deleted successfully')
  assert.equal((await call('DELETE', '/fallback/down')).status, 404)
  assert.equal((await chat('down')).status, 500)
})

test('what is exported is imported again: whole or not at all, and twice is as once', async (context) => {
  const source = await startGateway(context)
  const mock = { model: 'openai/x', api_key: 'sk-secret-of-the-model', mock_response: 'hi' }
  await source.post('/model/new', { model_name: 'm', litellm_params: mock, model_info: { id: 'm' } })
  await source.post('/credentials', { credential_name: 'c', credential_values: { api_key: 'sk-secret-of-credential' } })
  await source.post('/config/update', { router_settings: { num_retries: 4, model_group_alias: { nick: 'm' } } })
  const shown = await source.get('/config/export')
  assert.ok(!shown.text.includes('secret'))
  const whole = await source.get('/config/export?redact_secrets=false')
  const target = await startGateway(context)
  const masked = await target.post('/config/import', { data: shown.body.data })
  assert.equal(masked.status, 400, masked.text)
  const dry = await target.post('/config/import', { data: whole.body.data, dry_run: true })
  assert.equal(dry.body.dry_run, true)
  assert.equal((await target.chat('m')).status, 400)
  const imported = await target.post('/config/import', { data: whole.body.data })
  assert.deepEqual(imported.body, { success: true, created: 3, replaced: 0, merged: 0, skipped: 0 })
  assert.equal((await target.chat('nick')).status, 200)
  const again = await target.post('/config/import', { data: whole.body.data, conflict: 'skip' })
  assert.equal(again.body.created, 0)
  const broken = { model_list: [{ model_name: 'n', litellm_params: { model: 'nope/x' }, model_info: { id: 'n' } }] }
  assert.equal((await target.post('/config/import', { data: broken })).status, 400)
  const yaml = await source.get('/config/export?format=yaml&include=models')
  assert.match(yaml.headers.get('content-type') ?? '', /yaml/)
  assert.match(yaml.text, /model_name: m/)
})
