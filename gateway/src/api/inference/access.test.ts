import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type Answer, type Gateway, masterKey, startGateway } from '../../../test/gateway.ts'
import type { RecordKind } from '../../core/record.ts'
import type { JsonObject } from '../../lib/json.ts'

/** What callers get who may, and who may not (contract 3.5, 3.7), from the first byte to the last. */

function declared(name: string, params: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return {
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_key: 'sk-upstream', mock_response: `from ${name}`, ...params },
    model_info: { id: `id-${name}-${JSON.stringify(more)}` },
    ...more,
  }
}

const config = {
  model_list: [
    declared('gpt-4'),
    declared('claude'),
    declared('half', {}, { blocked: true }),
    declared('half'),
    declared('stopped', {}, { blocked: true }),
  ],
  litellm_settings: { num_retries: 0 },
  general_settings: {
    user_header_mappings: [{ header_name: 'X-OpenWebUI-User-Id', litellm_user_role: 'customer' }],
    user_header_name: 'X-User',
  },
  router_settings: { fallbacks: [{ 'gpt-4': ['claude'] }] },
}

async function started(context: TestContext, ...records: readonly (readonly [RecordKind, string, JsonObject])[]) {
  const app = await startGateway(context, { config })
  if (records.length > 0) await app.put(...records)
  return app
}

function keyRecord(key: string, body: JsonObject): readonly [RecordKind, string, JsonObject] {
  return ['key', hash('sha256', key), body]
}

function chat(app: Gateway, key: string, more: JsonObject = {}, headers?: Record<string, string>) {
  const body = { model: 'gpt-4', messages: [{ role: 'user', content: 'Hello' }], ...more }
  return app.post('/v1/chat/completions', body, key, headers)
}

function contentOf({ status, body }: Answer): string {
  assert.equal(status, 200, JSON.stringify(body))
  const { choices } = body as { choices: { message: { content: string } }[] }
  return choices[0]?.message.content ?? ''
}

function errorOf({ status, body }: Answer) {
  const { error } = body as { error: { type: string; param: string | null; code: string; message: string } }
  return { status, ...error }
}

function deniedModel(name: string, type = 'key_model_access_denied') {
  return {
    status: 403,
    message: `The requested model '${name}' is not available for this API key, or the model name is invalid. Check the models available to you and try again.`,
    type,
    param: 'model',
    code: '403',
  }
}

test('a model that is not in the list is denied before it is said not to exist', async (context) => {
  const app = await started(context, keyRecord('sk-one', { models: ['claude', 'imagined'] }), keyRecord('sk-all', {}))
  assert.equal(contentOf(await chat(app, 'sk-one', { model: 'claude' })), 'from claude')
  assert.deepEqual(errorOf(await chat(app, 'sk-one')), deniedModel('gpt-4'))
  assert.deepEqual(errorOf(await chat(app, 'sk-one', { model: 'no-such' })), deniedModel('no-such'))
  const unknown = errorOf(await chat(app, 'sk-all', { model: 'no-such' }))
  assert.deepEqual(unknown, {
    status: 400,
    message:
      "{'error': '/v1/chat/completions: Invalid model name passed in model=no-such. Call `/v1/models` to view available models for your key.'}",
    type: 'invalid_request_error',
    param: 'model',
    code: '400',
  })
  assert.deepEqual(errorOf(await chat(app, 'sk-one', { model: 'imagined' })).status, 400)
})

test('in the dialect of the caller: a denial on Anthropic’s route', async (context) => {
  const app = await started(context, keyRecord('sk-one', { models: ['claude'] }))
  const body = { model: 'gpt-4', max_tokens: 5, messages: [{ role: 'user', content: 'Hello' }] }
  const denied = await app.post('/v1/messages', body, '', { 'x-api-key': 'sk-one' })
  assert.equal(denied.status, 403)
  const { type, error } = denied.body as { type: string; error: { message: string } }
  assert.equal(type, 'error')
  assert.equal(error.message, deniedModel('gpt-4').message)
})

test('aliases of key and team lead to the model; the caller is told the name it asked for', async (context) => {
  const app = await started(
    context,
    keyRecord('sk-mine', { models: ['claude'], aliases: { mine: 'claude' } }),
    keyRecord('sk-team', { team_id: 'red', aliases: { mine: 'house' } }),
    ['team', 'red', { models: ['house'], model_aliases: { house: 'claude' } }],
  )
  const answer = await chat(app, 'sk-mine', { model: 'mine' })
  assert.equal(contentOf(answer), 'from claude')
  assert.equal((answer.body as { model: string }).model, 'mine')
  assert.equal(contentOf(await chat(app, 'sk-team', { model: 'mine' })), 'from claude')
  assert.equal(contentOf(await chat(app, 'sk-team', { model: 'house' })), 'from claude')
  assert.deepEqual(errorOf(await chat(app, 'sk-team')), deniedModel('gpt-4', 'team_model_access_denied'))
})

test('a fallback that the caller may not use is refused before anything is called; the operator’s are the operator’s', async (context) => {
  const app = await started(
    context,
    keyRecord('sk-one', { models: ['gpt-4'] }),
    keyRecord('sk-aliased', { models: ['gpt-4'], aliases: { claude: 'gpt-4' } }),
  )
  assert.deepEqual(errorOf(await chat(app, 'sk-one', { fallbacks: ['claude'] })), deniedModel('claude'))
  assert.deepEqual(
    errorOf(await chat(app, 'sk-one', { fallbacks: ['gpt-4', { model: 'claude' }] })),
    deniedModel('claude'),
  )
  const failing = { mock_testing_fallbacks: true }
  assert.equal(contentOf(await chat(app, 'sk-one', failing)), 'from claude')
  assert.equal(contentOf(await chat(app, masterKey, { ...failing, fallbacks: ['claude'] })), 'from claude')
  // An alias must not turn a name that was allowed into another one.
  assert.equal(contentOf(await chat(app, 'sk-aliased', { ...failing, fallbacks: ['claude'] })), 'from gpt-4')
})

test('a blocked deployment takes no calls, and its siblings go on', async (context) => {
  const app = await started(context, keyRecord('sk-all', {}))
  for (let call = 0; call < 10; call += 1)
    assert.equal(contentOf(await chat(app, 'sk-all', { model: 'half' })), 'from half')
  assert.deepEqual(errorOf(await chat(app, 'sk-all', { model: 'stopped' })), {
    status: 403,
    message: 'litellm.PermissionDeniedError: Model is blocked',
    type: 'permission_error',
    param: null,
    code: '403',
  })
})

test('an end user is known by header, body and Anthropic’s metadata; a blocked one is refused', async (context) => {
  const app = await started(
    context,
    keyRecord('sk-all', {}),
    ['customer', 'out', { blocked: true }],
    ['customer', 'narrow', { models: ['claude'] }],
  )
  const refused = {
    status: 400,
    message: 'User blocked from making LLM API Calls. User=out',
    type: 'invalid_request_error',
    param: null,
    code: '400',
  }
  assert.deepEqual(errorOf(await chat(app, 'sk-all', { user: 'out' })), refused)
  for (const name of ['x-litellm-customer-id', 'x-litellm-end-user-id', 'x-openwebui-user-id', 'x-user']) {
    assert.deepEqual(errorOf(await chat(app, 'sk-all', { user: 'in' }, { [name]: 'out' })), refused)
  }
  assert.equal(contentOf(await chat(app, 'sk-all', { user: 'out' }, { 'x-litellm-customer-id': 'in' })), 'from gpt-4')
  const several = { 'x-user': 'in', 'x-openwebui-user-id': 'out' }
  assert.deepEqual(errorOf(await chat(app, 'sk-all', {}, several)), refused)
  assert.equal(contentOf(await chat(app, 'sk-all', { user: 'in' })), 'from gpt-4')
  const body = {
    model: 'claude',
    max_tokens: 5,
    messages: [{ role: 'user', content: 'Hi' }],
    metadata: { user_id: 'out' },
  }
  assert.equal((await app.post('/v1/messages', body, 'sk-all')).status, 400)
  assert.deepEqual(
    errorOf(await chat(app, 'sk-all', { user: 'narrow' })),
    deniedModel('gpt-4', 'end_user_model_access_denied'),
  )
  await app.put(['customer', 'out', { blocked: false }])
  assert.equal((await chat(app, 'sk-all', { user: 'out' })).status, 200)
})
