import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>, status = 200): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, status, answer.text)
  return answer.body
}

test('a group gives its models to keys and teams, and takes them back at once', async (context) => {
  const app = await startGateway(context)
  const { key, token } = await done(app.post('/key/generate', { models: ['alpha'], key_alias: 'k' }))
  await done(app.post('/team/new', { team_id: 't', team_alias: 'Team', models: ['alpha'] }))
  const teamKey = (await done(app.post('/key/generate', { team_id: 't' }))).key
  assert.equal((await app.chat('beta', key)).status, 403)
  const made = await done(
    app.post('/v1/access_group', {
      access_group_name: 'betas',
      access_model_names: ['beta'],
      assigned_key_ids: [key],
      assigned_team_ids: ['t'],
    }),
    201,
  )
  assert.deepEqual(made.assigned_key_ids, [token])
  assert.deepEqual(made.assigned_keys, [{ id: token, name: 'k' }])
  assert.deepEqual(made.assigned_teams, [{ id: 't', name: 'Team' }])
  assert.deepEqual([(await app.chat('beta', key)).status, (await app.chat('beta', teamKey)).status], [200, 200])
  assert.deepEqual((await app.get(`/key/info?key=${key}`)).body.info.access_group_ids, [made.access_group_id])

  const path = `/v1/access_group/${made.access_group_id}`
  await done(app.call('PUT', path, { assigned_key_ids: [] }))
  assert.deepEqual([(await app.chat('beta', key)).status, (await app.chat('beta', teamKey)).status], [403, 200])
  const changed = await done(app.call('PUT', path, { description: 'x' }))
  assert.deepEqual([changed.description, changed.access_model_names, changed.assigned_team_ids], ['x', ['beta'], ['t']])
  await done(app.post('/key/update', { key, access_group_ids: [made.access_group_id] }))
  assert.deepEqual((await done(app.get(path))).assigned_key_ids, [token])
  const again = await done(app.post('/key/regenerate', { key }))
  assert.deepEqual((await done(app.get(path))).assigned_key_ids, [again.token])
  assert.equal((await app.chat('beta', again.key)).status, 200)

  assert.equal((await app.call('DELETE', path)).status, 204)
  assert.deepEqual([(await app.chat('beta', again.key)).status, (await app.chat('beta', teamKey)).status], [403, 403])
  assert.deepEqual((await app.get('/key/info', again.key)).body.info.access_group_ids, [])
  assert.equal((await app.call('DELETE', path)).status, 404)
})

test('names of groups are one each, and who is named must be there', async (context) => {
  const app = await startGateway(context)
  const { access_group_id: id } = await done(app.post('/v1/access_group', { access_group_name: 'a' }), 201)
  await done(app.post('/v1/unified_access_group', { access_group_name: 'b' }), 201)
  const conflict = await app.post('/v1/access_group', { access_group_name: 'a' })
  assert.deepEqual([conflict.status, conflict.body], [409, { detail: "Access group 'a' already exists" }])
  assert.equal((await app.call('PUT', `/v1/access_group/${id}`, { access_group_name: 'b' })).status, 409)
  assert.equal((await app.call('PUT', `/v1/access_group/${id}`, { access_group_name: 'a' })).status, 200)
  const ghosts = await app.post('/v1/access_group', { access_group_name: 'c', assigned_team_ids: ['z', 'y'] })
  assert.deepEqual([ghosts.status, ghosts.body], [400, { detail: 'Unknown team ids: y, z' }])
  assert.equal((await app.post('/v1/access_group', {})).status, 422)
  assert.equal((await done(app.get('/v1/access_group'))).length, 2)
  const unknown = await app.get('/v1/access_group/none')
  assert.deepEqual([unknown.status, unknown.body], [404, { detail: "Access group 'none' not found" }])
  assert.equal((await app.call('PUT', '/v1/access_group/none', {})).status, 404)
})

test('a name on deployments is a group that keys can list among their models', async (context) => {
  const app = await startGateway(context, { environment: { STORE_MODEL_IN_DB: 'True' } })
  const ids: string[] = []
  for (const name of ['one', 'two', 'two']) {
    const litellm_params = { model: `openai/${name}`, api_key: 'none', mock_response: 'hello' }
    ids.push((await done(app.post('/model/new', { model_name: name, litellm_params }))).model_id)
  }
  const { key } = await done(app.post('/key/generate', { models: ['group a/b'] }))
  assert.equal((await app.chat('one', key)).status, 403)
  const made = await done(app.post('/access_group/new', { access_group: 'group a/b', model_names: ['one', 'two'] }))
  assert.deepEqual(made, { access_group: 'group a/b', model_names: ['one', 'two'], model_ids: null, models_updated: 3 })
  assert.deepEqual([(await app.chat('one', key)).status, (await app.chat('two', key)).status], [200, 200])
  const path = `/access_group/${encodeURIComponent('group a/b')}`
  assert.deepEqual(await done(app.get(`${path}/info`)), {
    access_group: 'group a/b',
    model_names: ['one', 'two'],
    deployment_count: 3,
  })
  assert.equal((await app.post('/access_group/new', { access_group: 'group a/b', model_names: ['one'] })).status, 409)
  assert.equal((await done(app.call('PUT', `${path}/update`, { model_ids: [ids[0]] }))).models_updated, 2)
  assert.deepEqual([(await app.chat('one', key)).status, (await app.chat('two', key)).status], [200, 403])
  assert.equal((await done(app.get('/access_group/list'))).access_groups.length, 1)
  const deleted = await done(app.call('DELETE', `${path}/delete`))
  assert.deepEqual(deleted.models_updated, 1)
  assert.equal((await app.chat('one', key)).status, 403)
  for (const [method, suffix] of [
    ['GET', 'info'],
    ['PUT', 'update'],
    ['DELETE', 'delete'],
  ] as const) {
    assert.equal(
      (await app.call(method, `${path}/${suffix}`, method === 'PUT' ? { model_names: ['one'] } : undefined)).status,
      404,
    )
  }
  assert.equal((await app.post('/access_group/new', { access_group: 'x', model_names: ['alpha'] })).status, 400)
  assert.equal((await app.post('/access_group/new', { access_group: 'x' })).status, 400)
  assert.equal((await app.post('/access_group/new', { access_group: ' ', model_names: ['one'] })).status, 422)
})
