import assert from 'node:assert/strict'
import { test } from 'node:test'
import { putKey, putRecord } from '../../../../test/callers.ts'
import { startGateway } from '../../../../test/gateway.ts'
import { playProvider } from '../../../../test/played/provider.ts'

test('an admin of a team can let no model send secrets of the operator to a server of its own', async (context) => {
  const provider = await playProvider()
  context.after(() => provider.close())
  const { app, post, chat } = await startGateway(context, { environment: { OPENAI_API_KEY: 'sk-operators' } })
  await post('/credentials', {
    credential_name: 'shared',
    credential_values: { api_key: 'sk-shared' },
    credential_info: {},
  })
  await putRecord(app, 'user', 'lead', { user_id: 'lead', user_role: 'internal_user', models: [] })
  const roster = [{ role: 'admin', user_id: 'lead', user_email: null }]
  await putRecord(app, 'team', 't', { team_id: 't', models: [], members_with_roles: roster })
  const lead = await putKey(app, 'lead', { user_id: 'lead', team_id: 't' })
  const theirs = { model: 'openai/gpt-x', api_base: `${provider.url}/v1` }
  const add = (params: object, id: string, key?: string) =>
    post('/model/new', { model_name: id, litellm_params: params, model_info: { team_id: 't', id } }, key)

  for (const params of [
    { ...theirs, api_key: 'os.environ/LITELLM_MASTER_KEY' },
    { ...theirs, api_key: 'file:/etc/hostname' },
    { ...theirs, api_key: 'own', extra_headers: { 'x-look': 'os.environ/OPENAI_API_KEY' } },
    { ...theirs, litellm_credential_name: 'shared' },
    { ...theirs, api_key: 'own', litellm_credential_name: 'shared' },
    { ...theirs },
    { model: 'openai/gpt-x', base_url: theirs.api_base },
  ]) {
    const { status, body } = await add(params, 'stolen', lead)
    assert.equal(status, 403, JSON.stringify(params))
    assert.match(body.error.message, /^Only proxy admins may /)
  }
  assert.equal((await add({ ...theirs, api_key: 'own' }, 'own', lead)).status, 200)
  assert.equal((await chat('own', lead)).status, 200)

  const given = { model: 'openai/gpt-x', api_key: 'sk-plain', extra_headers: { 'x-secret': 'abc' }, mock_response: 'x' }
  assert.equal((await add(given, 'given')).status, 200)
  assert.equal(
    (await add({ model: 'openai/gpt-x', mock_response: 'x', api_key: 'os.environ/OPENAI_API_KEY' }, 'referring'))
      .status,
    200,
  )
  const change = (id: string, params: object) =>
    post('/model/update', { model_info: { id }, litellm_params: params }, lead)
  assert.equal((await change('referring', { api_base: theirs.api_base })).status, 403)
  assert.equal((await change('given', { api_base: theirs.api_base })).status, 403)
  assert.equal((await change('given', { api_base: theirs.api_base, api_key: 'own' })).status, 403)
  assert.equal((await change('given', { rpm: 5 })).status, 200)
  const own = { api_base: theirs.api_base, api_key: 'own', extra_headers: { 'x-secret': 'mine' } }
  assert.equal((await change('given', own)).status, 200)
  assert.equal(
    (await post('/model/update', { model_info: { id: 'referring' }, model_name: 'renamed' }, lead)).status,
    200,
  )
})
