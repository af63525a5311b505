import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, type Gateway, modelsThatAnswer, startGateway } from '../../test/gateway.ts'
import type { JsonObject } from '../lib/json.ts'

/** What the operator says a call must have, or must not. */

function startWith(context: TestContext, general: JsonObject): Promise<Gateway> {
  const settings = JSON.stringify(general)
  return startGateway(context, { config: `${modelsThatAnswer}\ngeneral_settings: ${settings}\n` })
}

function chat(app: Gateway, fields: JsonObject = {}, key?: string, headers: Record<string, string> = {}) {
  const messages = [{ role: 'user', content: 'hi' }]
  return app.post('/v1/chat/completions', { model: 'alpha', messages, ...fields }, key, headers)
}

async function keyOf(app: Gateway, body: JsonObject, path = '/key/generate'): Promise<string> {
  const made = await app.post(path, body)
  assert.equal(made.status, 200, made.text)
  assert.equal(made.headers.get('x-midflight-warnings'), null)
  return made.body.key
}

function refused(answer: Answer, message: string, param: string): void {
  assert.deepEqual(answer.body, { error: { message, type: 'bad_request_error', param, code: '400' } })
  assert.equal(answer.status, 400)
}

const missing = (name: string) => `BadRequest please pass param=${name} in request body. This is a required param`

test('enforced_params of the settings must be in every request, dotted ones inside', async (context) => {
  const app = await startWith(context, { enforced_params: ['user', 'metadata.generation_name'] })
  refused(await chat(app), missing('user'), 'user')
  refused(await chat(app, { user: 'ann' }), missing('metadata'), 'metadata')
  const inside = missing('[metadata][generation_name]')
  refused(await chat(app, { user: 'ann', metadata: {} }), inside, 'metadata.generation_name')
  refused(await chat(app, { user: 'ann', metadata: 'x' }), inside, 'metadata.generation_name')
  assert.equal((await chat(app, { user: 'ann', metadata: { generation_name: null } })).status, 200)
  const key = await keyOf(app, {})
  refused(await chat(app, {}, key), missing('user'), 'user')
  const anthropic = { model: 'alpha', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }
  const answer = await app.post('/v1/messages', anthropic, key)
  assert.deepEqual([answer.status, answer.body.type], [400, 'error'])
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
})

test('enforced_params of a key hold for its calls, and only proxy admins change them', async (context) => {
  const app = await startWith(context, {})
  const { body: user } = await app.post('/user/new', { user_id: 'ann' })
  const key = await keyOf(app, { user_id: 'ann', enforced_params: ['user'] })
  refused(await chat(app, {}, key), missing('user'), 'user')
  assert.equal((await chat(app, { user: 'x' }, key)).status, 200)
  assert.equal((await chat(app)).status, 200)
  assert.ok((await app.post('/key/update', { key, enforced_params: [] }, user.key)).status >= 400)
  assert.equal((await app.post('/key/update', { key, enforced_params: [] })).status, 200)
  assert.equal((await chat(app, {}, key)).status, 200)
})

test('service accounts have parameters of their own to send', async (context) => {
  const app = await startWith(context, { service_account_settings: { enforced_params: ['user'] } })
  await app.post('/team/new', { team_id: 't' })
  const key = await keyOf(app, { team_id: 't' }, '/key/service-account/generate')
  refused(await chat(app, {}, key), `${missing('user')} for service account`, 'user')
  assert.equal((await chat(app, { user: 'x' }, key)).status, 200)
  assert.equal((await chat(app, {}, await keyOf(app, { team_id: 't' }))).status, 200)
})

test('enforce_user_param wants an end user, named by the body or a header', async (context) => {
  const app = await startWith(context, { enforce_user_param: true })
  refused(await chat(app), "'user' param not passed in. 'enforce_user_param'=True", 'user')
  assert.equal((await chat(app, { user: 'ann' })).status, 200)
  assert.equal((await chat(app, {}, undefined, { 'x-litellm-end-user-id': 'ann' })).status, 200)
  assert.equal((await app.get('/v1/models')).status, 200)
})

test('reject_clientside_metadata_tags leaves tags to keys and teams', async (context) => {
  const app = await startWith(context, { reject_clientside_metadata_tags: true })
  const message =
    "Client-side 'metadata.tags' not allowed in request. 'reject_clientside_metadata_tags'=True. Tags can only be set via API key metadata."
  const tags = ['x']
  for (const fields of [{ tags }, { metadata: { tags } }, { litellm_metadata: { tags: [] } }]) {
    refused(await chat(app, fields), message, 'metadata.tags')
  }
  refused(await chat(app, {}, undefined, { 'x-litellm-tags': 'x' }), message, 'metadata.tags')
  const key = await keyOf(app, { tags })
  assert.equal((await chat(app, { metadata: { other: 1 } }, key)).status, 200)
})

test('a rule that is changed holds for the next call', async (context) => {
  const app = await startWith(context, {})
  const change = async (settings: JsonObject) => {
    const { status, text } = await app.post('/config/update', { general_settings: settings })
    assert.equal(status, 200, text)
  }
  await change({ enforced_params: ['user'] })
  assert.equal((await chat(app)).status, 400)
  await change({ enforced_params: null })
  assert.equal((await chat(app)).status, 200)
})
