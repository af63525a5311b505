import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../../test/gateway.ts'
import { playProvider } from '../../../../test/played/provider.ts'

test('a credential is used by the models that name it, and a new value by the very next call', async (context) => {
  const [one, two] = [await playProvider(), await playProvider()]
  context.after(() => one.close())
  context.after(() => two.close())
  const { post, call, chat } = await startGateway(context)
  const made = await post('/credentials', {
    credential_name: 'shared/eu',
    credential_values: { api_key: 'sk-played', api_base: `${one.url}/v1` },
    credential_info: { custom_llm_provider: 'openai' },
  })
  assert.deepEqual(made.body, { success: true, message: 'Credential created successfully' })
  await post('/model/new', {
    model_name: 'm',
    litellm_params: { model: 'openai/m', litellm_credential_name: 'shared/eu' },
    model_info: { id: 'm' },
  })
  assert.equal((await chat('m')).status, 200)
  const changed = await call('PATCH', '/credentials/shared/eu', { credential_values: { api_base: `${two.url}/v1` } })
  assert.deepEqual(changed.body, { success: true, message: 'Credential updated successfully' })
  assert.equal((await chat('m')).status, 200)
  assert.deepEqual([one.ledger.calls.length, two.ledger.calls.length], [1, 1])
  const detached = await call('PATCH', '/model/m/update', {
    litellm_params: { litellm_credential_name: null, api_key: 'sk-played', api_base: `${one.url}/v1` },
  })
  assert.equal(detached.status, 200, detached.text)
  await chat('m')
  assert.equal(one.ledger.calls.length, 2)
})

test('values are shown masked, come back as no change, and are taken away by name', async (context) => {
  const { app, post, get, call } = await startGateway(context)
  const values = { api_key: 'sk-0123456789ab', api_base: 'https://example.com/v1', extra: 'x' }
  await post('/credentials', {
    credential_name: 'c',
    credential_values: values,
    credential_info: { description: 'mine' },
  })
  const { body } = await get('/credentials')
  assert.deepEqual(body, {
    success: true,
    credentials: [
      {
        credential_name: 'c',
        credential_values: { api_key: 'sk****ab', api_base: 'ht****v1', extra: '****' },
        credential_info: { description: 'mine' },
      },
    ],
  })
  const [shown] = body.credentials
  assert.deepEqual((await get('/credentials/by_name/c')).body, shown)
  await call('PATCH', '/credentials/c', {
    credential_values: { ...shown?.credential_values, api_version: '1' },
    credential_values_to_delete: ['extra'],
  })
  const { resources } = await app.store.readResources(0)
  const { extra: _gone, ...left } = values
  assert.deepEqual(resources.find(({ name }) => name === 'c')?.spec.credential_values, { ...left, api_version: '1' })
})

test('a credential in use cannot be deleted, and the answer says by whom it is used', async (context) => {
  const { post, call, get } = await startGateway(context)
  await post('/credentials', { credential_name: 'c', credential_values: { api_key: 'sk-0123456789ab' } })
  await post('/model/new', {
    model_name: 'm',
    litellm_params: { model: 'openai/m', litellm_credential_name: 'c' },
    model_info: { id: 'm' },
  })
  const refused = await call('DELETE', '/credentials/c')
  assert.equal(refused.status, 400)
  assert.match(refused.body.error.message, /litellm_credential_name/)
  assert.match(refused.body.error.message, /there is no credential `c`/)
  assert.equal((await get('/credentials/by_name/c')).status, 200)
  assert.deepEqual((await get('/credentials/by_model/m')).body.credential_name, 'c')
  await post('/model/delete', { id: 'm' })
  assert.equal((await call('DELETE', '/credentials/c')).status, 200)
  assert.equal((await call('DELETE', '/credentials/c')).status, 404)
  assert.equal((await get('/credentials/by_name/c')).status, 404)
  assert.equal((await get('/credentials/by_model/m')).status, 404)
})

test('one that the file declares is shown and cannot be changed; a name can be given once; a model’s values can be taken', async (context) => {
  const config =
    'model_list:\n  - { model_name: a, litellm_params: { model: openai/a, api_key: sk-of-the-model-01 }, model_info: { id: a } }\n' +
    'credential_list:\n  - { credential_name: f, credential_values: { api_key: sk-of-the-file-0123 } }\n'
  const { post, call, get, app } = await startGateway(context, { config })
  assert.equal((await get('/credentials')).body.credentials[0].credential_values.api_key, 'sk****23')
  for (const [method, body] of [
    ['PATCH', { credential_values: { api_key: 'x' } }],
    ['DELETE', undefined],
  ] as const) {
    const { status, body: answer } = await call(method, '/credentials/f', body)
    assert.equal(status, 400)
    assert.match(answer.error.message, /config file/)
  }
  assert.equal((await post('/credentials', { credential_name: 'f', credential_values: {} })).status, 409)
  assert.equal((await post('/credentials', { credential_name: 'of-a', model_id: 'a' })).status, 200)
  const { resources } = await app.store.readResources(0)
  assert.deepEqual(resources.find(({ name }) => name === 'of-a')?.spec.credential_values, {
    api_key: 'sk-of-the-model-01',
  })
  assert.equal((await post('/credentials', { credential_name: 'of-z', model_id: 'z' })).status, 404)
})
