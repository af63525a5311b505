import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type Gateway, masterKey, startGateway } from '../../../test/gateway.ts'
import type { RecordKind } from '../../core/record.ts'
import type { JsonObject } from '../../lib/json.ts'

/** `GET /v1/models` (contract 2.4): what the caller may call, and nothing else. */

function declared(name: string, info: JsonObject = {}): JsonObject {
  return {
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_key: 'sk-upstream', mock_response: 'hi' },
    model_info: { id: `id-${name}`, ...info },
  }
}

const config = {
  model_list: [
    declared('gpt-4'),
    declared('claude'),
    declared('beta-1', { access_groups: ['beta'] }),
    declared('beta-2', { access_groups: ['beta', 'new'] }),
    declared('openai/*'),
    declared('secret', { team_id: 'red' }),
    declared('model_name_green_1', { team_id: 'green', team_public_model_name: 'ours' }),
  ],
  router_settings: {
    model_group_alias: { fast: 'gpt-4' },
    fallbacks: [{ 'gpt-4': ['claude'] }],
    context_window_fallbacks: [{ claude: ['beta-1'] }],
  },
}

async function started(context: TestContext, ...records: readonly (readonly [RecordKind, string, JsonObject])[]) {
  const app = await startGateway(context, { config })
  if (records.length > 0) await app.put(...records)
  return app
}

function keyRecord(key: string, body: JsonObject): readonly [RecordKind, string, JsonObject] {
  return ['key', hash('sha256', key), body]
}

async function names(app: Gateway, key: string, query = ''): Promise<readonly string[]> {
  const { status, body } = await app.get(`/v1/models${query}`, key)
  assert.equal(status, 200, JSON.stringify(body))
  const { data, object } = body as {
    data: { id: string; object: string; created: number; owned_by: string }[]
    object: string
  }
  assert.equal(object, 'list')
  for (const { object, created, owned_by } of data)
    assert.deepEqual([object, created, owned_by], ['model', 1677610602, 'openai'])
  return data.map(({ id }) => id)
}

test('the list is what the lists of key, team and organization allow; a user’s list does not scope it', async (context) => {
  const app = await started(
    context,
    keyRecord('sk-all', {}),
    keyRecord('sk-one', { models: ['claude'] }),
    keyRecord('sk-group', { models: ['beta'] }),
    keyRecord('sk-none', { models: ['no-default-models'] }),
    keyRecord('sk-team', { models: ['all-team-models'], team_id: 'red' }),
    ['team', 'red', { models: ['gpt-4', 'secret'] }],
    keyRecord('sk-green', { team_id: 'green' }),
    ['team', 'green', { models: ['ours'], model_aliases: { ours: 'model_name_green_1' } }],
    keyRecord('sk-organization', { organization_id: 'o' }),
    ['organization', 'o', { models: ['claude', 'gpt-4'] }],
    keyRecord('sk-user', { user_id: 'u' }),
    ['user', 'u', { models: ['claude'] }],
    keyRecord('sk-given', { models: ['no-default-models'], access_group_ids: ['g'] }),
    ['access-group', 'g', { access_model_names: ['claude'] }],
  )
  const everybodys = ['gpt-4', 'claude', 'beta-1', 'beta-2', 'fast']
  assert.deepEqual(await names(app, masterKey), [
    ...['gpt-4', 'claude', 'beta-1', 'beta-2', 'secret', 'model_name_green_1', 'fast'],
  ])
  assert.deepEqual(await names(app, 'sk-all'), everybodys)
  assert.deepEqual(await names(app, 'sk-green'), ['ours'])
  assert.equal((await app.get('/v1/models/ours', 'sk-green')).status, 200)
  assert.equal((await app.get('/v1/models/ours', 'sk-all')).status, 404)
  assert.deepEqual(await names(app, 'sk-all', '?return_wildcard_routes=true'), [...everybodys, 'openai/*'])
  assert.deepEqual(await names(app, 'sk-one'), ['claude'])
  assert.deepEqual(await names(app, 'sk-group'), ['beta-1', 'beta-2'])
  assert.deepEqual(await names(app, 'sk-none'), [])
  assert.deepEqual(await names(app, 'sk-team'), ['gpt-4', 'secret', 'fast'])
  assert.deepEqual(await names(app, 'sk-organization'), ['gpt-4', 'claude', 'fast'])
  assert.deepEqual(await names(app, 'sk-user'), everybodys)
  assert.deepEqual(await names(app, 'sk-given'), ['claude'])
})

test('one model is shown to whoever may call it, and is a 404 to everybody else', async (context) => {
  const app = await started(context, keyRecord('sk-one', { models: ['claude', 'openai/*'] }))
  assert.deepEqual((await app.get('/v1/models/claude', 'sk-one')).body, {
    id: 'claude',
    object: 'model',
    created: 1677610602,
    owned_by: 'openai',
  })
  assert.equal((await app.get('/models/openai/gpt-9', 'sk-one')).status, 200)
  for (const name of ['gpt-4', 'secret', 'nothing']) {
    assert.equal((await app.get(`/v1/models/${name}`, 'sk-one')).status, 404, name)
  }
})

test('access groups are listed besides, or alone', async (context) => {
  const app = await started(
    context,
    keyRecord('sk-all', {}),
    keyRecord('sk-group', { models: ['new', 'claude'] }),
    keyRecord('sk-one', { models: ['beta-2'] }),
  )
  assert.deepEqual(await names(app, 'sk-all', '?only_model_access_groups=true'), ['beta', 'new'])
  assert.deepEqual(await names(app, 'sk-group', '?include_model_access_groups=True'), ['claude', 'beta-2', 'new'])
  assert.deepEqual(await names(app, 'sk-one', '?only_model_access_groups=true'), [])
})

test('metadata has the fallbacks of the kind that is asked for', async (context) => {
  const app = await started(context, keyRecord('sk-two', { models: ['gpt-4', 'claude'] }))
  const fallbacks = async (query: string) => {
    const { body } = await app.get(`/v1/models?${query}`, 'sk-two')
    const { data } = body as { data: { id: string; metadata?: { fallbacks: string[] } }[] }
    return Object.fromEntries(data.map(({ id, metadata }) => [id, metadata?.fallbacks]))
  }
  const none = { 'gpt-4': undefined, claude: undefined, fast: undefined }
  assert.deepEqual(await fallbacks('include_metadata=false'), none)
  assert.deepEqual(await fallbacks('include_metadata=true'), { 'gpt-4': ['claude'], claude: [], fast: [] })
  assert.deepEqual(await fallbacks('include_metadata=true&fallback_type=context_window'), {
    'gpt-4': [],
    claude: ['beta-1'],
    fast: [],
  })
  const refused = await app.get('/v1/models?fallback_type=other', 'sk-two')
  assert.deepEqual(
    [refused.status, refused.body],
    [400, { detail: "Invalid fallback_type. Must be one of: ['general', 'context_window', 'content_policy']" }],
  )
})

test('scope and team: expanded for administrators, of a team for its members, else refused', async (context) => {
  const app = await started(
    context,
    keyRecord('sk-one', { models: ['claude'], user_id: 'u' }),
    keyRecord('sk-lead', { models: ['claude'], user_id: 'lead', team_id: 'red' }),
    [
      'team',
      'red',
      { models: ['gpt-4', 'secret', 'claude'], members_with_roles: [{ user_id: 'lead', role: 'admin' }] },
    ],
    ['team', 'blue', { models: ['beta'], members_with_roles: [{ user_id: 'u', role: 'user' }] }],
  )
  assert.deepEqual((await app.get('/v1/models?scope=all', 'sk-one')).body, {
    detail: "Invalid scope parameter. Only 'expand' is currently supported. Received: all",
  })
  assert.deepEqual(await names(app, 'sk-one', '?scope=expand'), ['claude'])
  assert.deepEqual((await names(app, 'sk-lead', '?scope=expand')).length, 7)
  assert.deepEqual(await names(app, masterKey, '?team_id=red'), ['gpt-4', 'claude', 'secret', 'fast'])
  assert.deepEqual(await names(app, masterKey, '?team_id=blue'), ['beta-1', 'beta-2'])
  assert.deepEqual(await names(app, 'sk-lead', '?team_id=red'), ['claude'])
  assert.equal((await app.get('/v1/models?team_id=red', 'sk-one')).status, 403)
  assert.equal((await app.get('/v1/models?team_id=no-such', masterKey)).status, 403)
})
