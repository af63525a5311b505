import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyId, putCaller, putKey, putRecord, recordOf } from '../../../../test/callers.ts'
import { startGateway } from '../../../../test/gateway.ts'
import { playProvider } from '../../../../test/played/provider.ts'

const mock = { model: 'openai/gpt-x', api_key: 'none', mock_response: 'hello' }

test('a model that was created serves at once, is listed, and keeps the keys that nobody knows', async (context) => {
  const { post, get, chat } = await startGateway(context)
  const created = await post('/model/new', {
    model_name: 'gamma',
    litellm_params: { ...mock, weight: 3, extra_headers: { 'x-team': 'blue' } },
    model_info: { provider: 'openai', description: 'One', mine: { deep: [1] } },
  })
  assert.equal(created.status, 200)
  assert.deepEqual(Object.keys(created.body).sort(), [
    'blocked',
    'created_at',
    'created_by',
    'litellm_params',
    'model_id',
    'model_info',
    'model_name',
    'updated_at',
    'updated_by',
  ])
  assert.match(created.body.model_id, /^[0-9a-f-]{36}$/)
  assert.deepEqual(created.body.litellm_params, {
    model: 'openai/gpt-x',
    mock_response: 'hello',
    weight: 3,
    extra_headers: { 'x-team': '****' },
  })
  assert.deepEqual(created.body.model_info.mine, { deep: [1] })
  assert.equal(created.body.model_info.db_model, true)
  assert.equal(created.body.created_by, 'default_user_id')
  assert.ok(Math.abs(Date.parse(created.body.created_at) - Date.now()) < 60_000)
  assert.equal((await chat('gamma')).status, 200)
  const info = await get(`/model/info?litellm_model_id=${created.body.model_id}`)
  assert.equal(info.body.data[0].model_info.description, 'One')
  assert.equal(info.body.data[0].model_info.db_model, true)
})

test('a parameter that looks misspelt is sent to the provider, and its sender told', async (context) => {
  const { post, call } = await startGateway(context)
  const litellm_params = {
    model: 'openai/x',
    api_key: 'none',
    mock_response: 'hello',
    timeuot: 3,
    top_k: 5,
    timeout: 9,
  }
  const made = await post('/model/new', { model_name: 'typo', litellm_params, model_info: { id: 'typo' } })
  assert.equal(made.status, 200)
  assert.equal(made.headers.get('x-midflight-warnings'), 'sent_to_provider=litellm_params.timeuot~timeout')
  const changed = await call('PATCH', '/model/typo/update', { litellm_params: { api_bäse: 'x' } })
  assert.equal(changed.headers.get('x-midflight-warnings'), 'sent_to_provider=litellm_params.api_b%C3%A4se~api_base')
  const right = await call('PATCH', '/model/typo/update', { litellm_params: { rpm: 5, own_field: 'x' } })
  assert.equal(right.headers.get('x-midflight-warnings'), null)
})

test('two of the same name share the calls, and one may be called by its id', async (context) => {
  const { post, get, chat } = await startGateway(context)
  for (const id of ['one', 2]) {
    const { status } = await post('/model/new', { model_name: 'alpha', litellm_params: mock, model_info: { id } })
    assert.equal(status, 200)
  }
  const { body } = await get('/v2/model/info?model=alpha&sortBy=status&sortOrder=desc&size=2')
  assert.equal(body.total_count, 3)
  assert.equal(body.total_pages, 2)
  assert.deepEqual(body.data.map((model: { model_info: { id: string } }) => model.model_info.id).sort(), ['2', 'one'])
  assert.equal((await chat('2')).status, 200)
})

test('a provider given beside a bare model name is asked for that model', async (context) => {
  const provider = await playProvider()
  context.after(() => provider.close())
  const { post, chat } = await startGateway(context, { environment: { SECRET_OF_MODEL: 'sk-played' } })
  await post('/model/new', {
    model_name: 'openai/gpt-5',
    litellm_params: {
      model: 'gpt-5',
      custom_llm_provider: 'openai',
      api_key: 'os.environ/SECRET_OF_MODEL',
      api_base: `${provider.url}/v1`,
    },
    model_info: { provider: 'openai' },
  })
  const { status, body } = await chat('openai/gpt-5')
  assert.equal(status, 200)
  assert.equal(body.model, 'openai/gpt-5')
  assert.equal(provider.ledger.last.model, 'gpt-5')
})

/** Every row of contract 2.3. */
const refusals = [
  ['POST', '/model/new', { litellm_params: mock }, 422, { detail: [{ type: 'missing', loc: ['body', 'model_name'] }] }],
  [
    'POST',
    '/model/new',
    { model_name: 'x', litellm_params: {} },
    422,
    { detail: [{ type: 'missing', loc: ['body', 'litellm_params', 'model'] }] },
  ],
  [
    'POST',
    '/model/new',
    { model_name: 'x', litellm_params: mock, model_info: { id: 'taken' } },
    409,
    { error: { type: 'auth_error', param: 'None', code: '409' } },
  ],
  [
    'POST',
    '/model/new',
    { model_name: 'x', litellm_params: mock, model_info: { team_id: 'nobody' } },
    400,
    { error: { message: "{'error': 'Team not found, passed team_id=nobody'}", type: 'auth_error' } },
  ],
  [
    'PATCH',
    '/model/zzz/update',
    {},
    404,
    { error: { message: 'Model zzz not found on proxy.', type: 'not_found_error', code: '404' } },
  ],
  [
    'PATCH',
    '/model/of-the-file/update',
    {},
    400,
    {
      error: {
        message: 'Cannot edit config-based model. Store model in DB via /model/new first.',
        type: 'validation_error',
        code: '400',
      },
    },
  ],
  [
    'POST',
    '/model/update',
    { model_name: 'x' },
    400,
    { error: { message: 'Authentication Error, model_info.id not provided', type: 'auth_error', code: '400' } },
  ],
  [
    'POST',
    '/model/update',
    { model_info: { id: 'zzz' } },
    400,
    { error: { message: "{'error': 'model not found'}", type: 'auth_error' } },
  ],
  [
    'POST',
    '/model/update',
    { model_info: { id: 'of-the-file' } },
    400,
    {
      error: {
        message: "{'error': \"Can't edit model. Model in config. Store model in db via `/model/new`. to edit.\"}",
        type: 'auth_error',
      },
    },
  ],
  [
    'POST',
    '/model/delete',
    { id: 'zzz' },
    400,
    { error: { message: "{'error': 'Model with id=zzz not found in db'}", type: 'auth_error', code: '400' } },
  ],
  ['POST', '/model/delete', { id: 'of-the-file' }, 400, { error: { type: 'auth_error' } }],
  ['POST', '/model/block', { model_id: 'zzz' }, 404, { error: { type: 'not_found_error' } }],
  [
    'PATCH',
    '/model/taken/update',
    { litellm_params: { litellm_credential_name: '' } },
    400,
    { error: { param: 'litellm_credential_name', type: 'validation_error' } },
  ],
  [
    'POST',
    '/model/new',
    { model_name: 'x', litellm_params: { model: 'nope/x' } },
    400,
    { error: { type: 'invalid_request_error' }, problems: [{ code: 'provider_unknown' }] },
  ],
  ['POST', '/model/new', '[1', 400, { error: { type: 'invalid_request_error' } }],
  ['POST', '/model/new', `{"a":${'['.repeat(50_000)}`, 400, { error: { type: 'invalid_request_error' } }],
] as const

test('every mistake is refused with LiteLLM’s status, type and words, and writes nothing', async (context) => {
  const config =
    'model_list:\n  - model_name: alpha\n    litellm_params: { model: openai/a, api_key: none, mock_response: hi }\n    model_info: { id: of-the-file }\n'
  const { app, post, call } = await startGateway(context, { config })
  await post('/model/new', { model_name: 'own', litellm_params: mock, model_info: { id: 'taken' } })
  const before = (await app.store.head()).revision
  for (const [method, path, sent, status, expected] of refusals) {
    const answer = await call(method, path, sent)
    assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(sent)}: ${answer.text}`)
    assert.partialDeepStrictEqual(answer.body, expected)
  }
  assert.equal((await app.store.head()).revision, before)
})

test('with the store switched off models are not changed by API', async (context) => {
  const { post, call } = await startGateway(context, { environment: { STORE_MODEL_IN_DB: 'False' } })
  const off = await post('/model/new', { model_name: 'x', litellm_params: mock })
  assert.equal(off.status, 500)
  assert.deepEqual(off.body.error, {
    message: `{'error': "Set \`'STORE_MODEL_IN_DB='True'\` in your env to enable this feature."}`,
    type: 'auth_error',
    param: 'None',
    code: '500',
  })
  const patched = await call('PATCH', '/model/x/update', {})
  assert.equal(patched.status, 400)
  assert.equal(patched.body.error.message, 'Model updates only supported for DB-stored models')
  assert.equal(patched.body.error.type, 'validation_error')
})

test('only what is sent changes; null takes a key away, and what was shown and comes back means no change', async (context) => {
  const { post, get, call, app } = await startGateway(context)
  const params = {
    ...mock,
    api_key: 'sk-secret-0123456789',
    timeout: 5,
    extra_headers: { a: 'value-number-one-of-two', b: 'x' },
  }
  await post('/model/new', {
    model_name: 'm',
    litellm_params: params,
    model_info: { id: 'm', note: 'n', max_tokens: 7 },
  })
  const shown = (await get('/model/info?litellm_model_id=m')).body.data[0]
  const echoed = await call('PATCH', '/model/m/update', {
    litellm_params: { ...shown.litellm_params, timeout: null, weight: 2 },
    model_info: { ...shown.model_info, note: 'other' },
  })
  assert.equal(echoed.status, 200, echoed.text)
  const { resources } = await app.store.readResources(0)
  const stored = resources.find(({ name }) => name === 'm')?.spec
  const { timeout: _gone, ...left } = params
  assert.deepEqual(stored, {
    model_name: 'm',
    litellm_params: { ...left, weight: 2 },
    model_info: { id: 'm', note: 'other', max_tokens: 7 },
  })
})

test('a new name is written into every allow-list in the same change, and calls by the old one are refused', async (context) => {
  const { app, post, call, chat } = await startGateway(context)
  await post('/model/new', { model_name: 'old', litellm_params: mock, model_info: { id: 'm' } })
  await putRecord(app, 'team', 't', { team_id: 't', models: ['old', 'alpha'], model_aliases: { short: 'old' } })
  await putRecord(app, 'user', 'u', { user_id: 'u', models: ['old'] })
  await putRecord(app, 'organization', 'o', { organization_id: 'o', models: ['old'] })
  const key = await putKey(app, 'renamed', { models: ['old'], aliases: { mine: 'old' } })
  await post('/config/update', {
    router_settings: { fallbacks: [{ alpha: ['old'] }], model_group_alias: { nick: 'old' } },
  })
  const before = (await app.store.head()).revision
  const renamed = await call('PATCH', '/model/m/update', { model_name: 'new' })
  assert.equal(renamed.status, 200, renamed.text)
  assert.equal((await app.store.head()).revision, before + 1)
  assert.deepEqual((await recordOf(app, 'key', keyId(key)))?.models, ['new'])
  assert.deepEqual((await recordOf(app, 'key', keyId(key)))?.aliases, { mine: 'new' })
  assert.deepEqual((await recordOf(app, 'team', 't'))?.models, ['new', 'alpha'])
  assert.deepEqual((await recordOf(app, 'team', 't'))?.model_aliases, { short: 'new' })
  assert.deepEqual((await recordOf(app, 'user', 'u'))?.models, ['new'])
  assert.deepEqual((await recordOf(app, 'organization', 'o'))?.models, ['new'])
  assert.equal((await chat('new', key)).status, 200)
  assert.equal((await chat('nick')).status, 200)
  const old = await chat('old', key)
  assert.equal(old.status, 403, old.text)
  assert.equal(old.body.error.type, 'key_model_access_denied')
})

test('where others keep the old name, lists get the new one beside it', async (context) => {
  const { app, post, call } = await startGateway(context)
  for (const id of ['a', 'b']) await post('/model/new', { model_name: 'old', litellm_params: mock, model_info: { id } })
  const key = await putKey(app, 'shared', { models: ['old'] })
  await call('PATCH', '/model/a/update', { model_name: 'new' })
  assert.deepEqual((await recordOf(app, 'key', keyId(key)))?.models, ['old', 'new'])
})

test('a blocked deployment takes no calls, its siblings do; with all blocked calls are refused', async (context) => {
  const { post, chat, get } = await startGateway(context)
  for (const id of ['a', 'b']) {
    await post('/model/new', { model_name: 'm', litellm_params: { ...mock, mock_response: id }, model_info: { id } })
  }
  assert.equal((await post('/model/block', { model_id: 'a' })).body.blocked, true)
  for (let index = 0; index < 8; index += 1) {
    assert.equal((await chat('m')).body.choices[0].message.content, 'b')
  }
  await post('/model/block', { model_id: 'b' })
  const refused = await chat('m')
  assert.equal(refused.status, 403)
  assert.deepEqual(refused.body.error, {
    message: 'litellm.PermissionDeniedError: Model is blocked',
    type: 'permission_error',
    param: null,
    code: '403',
  })
  assert.equal((await get('/model/info?litellm_model_id=b')).body.data[0].blocked, true)
  await post('/model/unblock', { model_id: 'b' })
  assert.equal((await chat('m')).status, 200)
})

test('a team’s model is called by its public name by the team alone, and its admin may change it', async (context) => {
  const { app, post, call, chat, get } = await startGateway(context)
  await putRecord(app, 'team', 't', {
    team_id: 't',
    models: ['alpha'],
    members_with_roles: [{ user_id: 'user-internal_user', role: 'admin' }],
  })
  const admin = await putCaller(app, 'internal_user')
  const ofTeam = await putKey(app, 'of-team', { team_id: 't' })
  const stranger = await putKey(app, 'stranger')
  const created = await post(
    '/model/new',
    { model_name: 'pub', litellm_params: mock, model_info: { team_id: 't', id: 'x' } },
    admin,
  )
  assert.equal(created.status, 200, created.text)
  assert.match(created.body.model_name, /^model_name_t_/)
  assert.equal(created.body.model_info.team_public_model_name, 'pub')
  assert.equal((await chat('pub', ofTeam)).status, 200)
  assert.notEqual((await chat('pub', stranger)).status, 200)
  assert.equal((await chat(created.body.model_name, stranger)).status, 403, 'not by its inner name either')
  assert.deepEqual((await recordOf(app, 'team', 't'))?.models, ['alpha', 'pub'])
  const second = await post(
    '/model/new',
    { model_name: 'pub', litellm_params: mock, model_info: { team_id: 't', id: 'y' } },
    admin,
  )
  assert.equal(second.body.model_name, created.body.model_name, 'deployments of one public name share calls')
  const foreign = await post('/model/new', { model_name: 'q', litellm_params: mock }, admin)
  assert.equal(foreign.status, 403)
  assert.equal(foreign.body.error.type, 'auth_error')
  const blocked = await call('PATCH', '/model/x/update', { blocked: true }, admin)
  assert.equal(blocked.status, 403)
  assert.equal(blocked.body.error.param, 'blocked')
  const seen = (await get('/model/info', stranger)).body.data.map((model: { model_name: string }) => model.model_name)
  assert.deepEqual(seen, ['alpha', 'beta'])
  assert.equal((await post('/model/delete', { id: 'x' }, admin)).status, 200)
  assert.equal((await chat('pub', ofTeam)).status, 200)
  assert.equal((await post('/model/delete', { id: 'y' }, admin)).status, 200)
  assert.deepEqual((await recordOf(app, 'team', 't'))?.models, ['alpha'])
  assert.deepEqual((await recordOf(app, 'team', 't'))?.model_aliases, {})
})

test('a dry run says what would differ, writes nothing and shows no secret', async (context) => {
  const { app, post } = await startGateway(context)
  const before = (await app.store.head()).revision
  const { body, text } = await post('/model/new?dry_run=true', {
    model_name: 'm',
    litellm_params: { ...mock, api_key: 'sk-canary-0123456789' },
    model_info: { id: 'm' },
  })
  assert.equal(body.dry_run, true)
  assert.deepEqual(
    body.alterations.map(({ kind, name, action }: Record<string, string>) => [kind, name, action]),
    [['deployment', 'm', 'create']],
  )
  assert.ok(!text.includes('canary'))
  assert.equal((await app.store.head()).revision, before)
})

test('a change under If-Match is made only while nobody else has changed anything', async (context) => {
  const { post, call } = await startGateway(context)
  const first = await post('/model/new', { model_name: 'm', litellm_params: mock, model_info: { id: 'm' } })
  const revision = first.headers.get('x-midflight-revision') ?? ''
  const ok = await call('PATCH', '/model/m/update', { litellm_params: { weight: 2 } }, undefined, {
    'if-match': `"${revision}"`,
  })
  assert.equal(ok.status, 200, ok.text)
  const stale = await call('PATCH', '/model/m/update', { litellm_params: { weight: 3 } }, undefined, {
    'if-match': `"${revision}"`,
  })
  assert.equal(stale.status, 412, stale.text)
})

test('twenty models created at once are all there', async (context) => {
  const { post, get } = await startGateway(context)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      post('/model/new', { model_name: `m${index}`, litellm_params: mock, model_info: { id: `m${index}` } }),
    ),
  )
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal((await get('/v2/model/info?search=gpt-x')).body.total_count, 20)
})

test('a group shows the largest limits and prices of its deployments and the sum of their rates', async (context) => {
  const { post, get } = await startGateway(context)
  await post('/model/new', {
    model_name: 'g',
    litellm_params: { ...mock, tpm: 100, rpm: 1 },
    model_info: { input_cost_per_token: 0.000001, max_input_tokens: 1000, supports_vision: true },
  })
  await post('/model/new', {
    model_name: 'g',
    litellm_params: { ...mock, tpm: 50, model: 'anthropic/claude-sonnet-4-5' },
    model_info: { input_cost_per_token: 0.000002, max_input_tokens: 500 },
  })
  await post('/model_group/make_public', { model_groups: ['g'] })
  const hub = await get('/public/model_hub', '')
  assert.deepEqual(
    hub.body.map((group: { model_group: string }) => group.model_group),
    ['g'],
  )
  const { body } = await get('/model_group/info?model_group=g')
  assert.equal(body.data.length, 1)
  const [group] = body.data
  assert.deepEqual(group.providers, ['openai', 'anthropic'])
  assert.equal(group.max_input_tokens, 1000)
  assert.equal(group.input_cost_per_token, 0.000002)
  assert.equal(group.tpm, 150)
  assert.equal(group.rpm, 1)
  assert.equal(group.supports_vision, true)
  assert.equal(group.is_public_model_group, true)
  assert.ok(group.supported_openai_params.includes('logit_bias'), 'OpenAI takes it')
  const claude = await get('/utils/supported_openai_params?model=anthropic/claude-sonnet-4-5')
  assert.ok(!claude.body.supported_openai_params.includes('logit_bias'), 'Anthropic does not')
  assert.ok(claude.body.supported_openai_params.includes('temperature'))
})

test('the price map’s prices and limits are shown, and come back as no change; own prices are shown in their place', async (context) => {
  const { app, post, get, call } = await startGateway(context)
  const params = { model: 'openai/gpt-4o-mini', api_key: 'none', mock_response: 'x' }
  await post('/model/new', { model_name: 'm', litellm_params: params, model_info: { id: 'm' } })
  const { model_info: info } = (await get('/model/info?litellm_model_id=m')).body.data[0]
  assert.ok(info.input_cost_per_token > 0 && info.max_input_tokens > 0, JSON.stringify(info))
  await call('PATCH', '/model/m/update', { model_info: { ...info, note: 'mine' } })
  const { resources } = await app.store.readResources(0)
  assert.deepEqual(resources.find(({ name }) => name === 'm')?.spec.model_info, { id: 'm', note: 'mine' })
  await call('PATCH', '/model/m/update', { litellm_params: { input_cost_per_token: 0.5 } })
  const own = (await get('/model/info?litellm_model_id=m')).body.data[0].model_info
  assert.equal(own.input_cost_per_token, 0.5)
  assert.equal(own.output_cost_per_token, undefined)
})

test('a model may have any name; what no header can hold is percent-encoded there', async (context) => {
  const { post, chat } = await startGateway(context)
  for (const [name, shown] of [
    ['ключ-☃', '%D0%BA%D0%BB%D1%8E%D1%87-%E2%98%83'],
    ['été', '%C3%A9t%C3%A9'],
    ['a\r\nx-evil: 1', 'a%0D%0Ax-evil:%201'],
  ] as const) {
    const made = await post('/model/new', { model_name: name, litellm_params: mock, model_info: { id: `id-${name}` } })
    assert.equal(made.status, 200, made.text)
    const answer = await chat(name)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers.get('x-litellm-model-group'), shown)
    assert.equal(answer.headers.get('x-litellm-model-id'), `id-${shown}`)
    assert.equal(answer.headers.has('x-evil'), false)
  }
})
