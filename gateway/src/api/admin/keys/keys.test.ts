import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Answer, type Gateway, masterKey, modelsThatAnswer, startGateway } from '../../../../test/gateway.ts'

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex')

async function generate(app: Gateway, body: object = {}, key?: string): Promise<Answer['body']> {
  const answer = await app.post('/key/generate', body, key)
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

async function info(app: Gateway, key: string): Promise<Answer['body']> {
  const answer = await app.get(`/key/info?key=${encodeURIComponent(key)}`)
  assert.equal(answer.status, 200, answer.text)
  return answer.body.info
}

function refused(answer: Answer, status: number, type: string, message: string | RegExp): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.body.error.type, type, answer.text)
  assert.equal(answer.body.error.code, String(status))
  if (typeof message === 'string') assert.equal(answer.body.error.message, message)
  else assert.match(answer.body.error.message, message)
}

/** Everything below the directory, as bytes. */
async function everyByte(directory: string): Promise<Buffer> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true })
  const contents = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name)))
  return Buffer.concat(await Promise.all(contents))
}

test('a new key is shown once, calls at once, and is kept nowhere but as its hash', async (context) => {
  const app = await startGateway(context)
  const made = await generate(app, { key_alias: 'first', models: ['alpha'], metadata: { owner: 'ops' } })
  assert.match(made.key, /^sk-[A-Za-z0-9_-]{22}$/)
  assert.equal(made.token, hashOf(made.key))
  assert.equal(made.token_id, made.token)
  assert.equal(made.key_name, `sk-...${made.key.slice(-4)}`)
  assert.deepEqual(
    [made.key_alias, made.models, made.metadata, made.spend, made.expires, made.user_id],
    ['first', ['alpha'], { owner: 'ops' }, 0, null, null],
  )
  assert.equal(made.created_by, 'default_user_id')
  assert.ok(Date.parse(made.created_at) > 0)
  assert.equal((await app.chat('alpha', made.key)).status, 200)
  assert.equal((await app.chat('beta', made.key)).status, 403)

  const shown = [
    (await app.get(`/key/info?key=${made.token}`)).text,
    (await app.get('/key/list?return_full_object=true')).text,
    (await app.get('/config/journal')).text,
    app.logged(),
  ]
  for (const text of shown) assert.ok(!text.includes(made.key), 'the plaintext is shown again')
  const bytes = await everyByte(app.dataDirectory)
  assert.ok(!bytes.includes(made.key), 'the plaintext is on disk')
  assert.ok(bytes.includes(made.token))
})

test('every field of a key is stored and shown as LiteLLM shows it', async (context) => {
  const app = await startGateway(context)
  await app.post('/budget/new', { budget_id: 'b-1', max_budget: 3 })
  await app.post('/organization/new', { organization_id: 'o-1', organization_alias: 'org' })
  await app.post('/team/new', { team_id: 't-1' })
  const sent = {
    key_alias: 'all of it',
    models: ['alpha', 'openai/*'],
    max_budget: 10.5,
    soft_budget: 5,
    budget_duration: '30d',
    budget_id: 'b-1',
    user_id: 'u-1',
    team_id: 't-1',
    organization_id: 'o-1',
    max_parallel_requests: 3,
    tpm_limit: 1000,
    rpm_limit: 10,
    model_max_budget: { alpha: { budget_limit: 1, time_period: '1d' } },
    aliases: { gpt: 'alpha' },
    config: { a: 1 },
    router_settings: { num_retries: 2 },
    permissions: { x: true },
    allowed_routes: ['llm_api_routes', '/key/info'],
    allowed_cache_controls: ['no-cache'],
    object_permission: { vector_stores: ['v'] },
    blocked: false,
  }
  const inMetadata = {
    guardrails: ['g'],
    tags: ['a', 'b'],
    model_rpm_limit: { alpha: 5 },
    model_tpm_limit: { alpha: 500 },
    tpm_limit_type: 'best_effort_throughput',
    prompts: ['p'],
    enforced_params: ['user'],
  }
  const made = await generate(app, { ...sent, ...inMetadata, metadata: { own: 1 }, duration: '1mo' })
  const row = await info(app, made.key)
  for (const [name, value] of Object.entries(sent)) assert.deepEqual(row[name], value, name)
  assert.deepEqual(row.metadata, { own: 1, ...inMetadata })
  for (const [name, value] of Object.entries(inMetadata)) assert.deepEqual(made[name], value, name)
  assert.equal(row.litellm_budget_table.max_budget, 3)
  assert.ok(Date.parse(row.budget_reset_at) > Date.now())
  const days = (Date.parse(row.expires) - Date.now()) / 86_400_000
  assert.ok(days > 27 && days < 31.1, `a month has ${days} days`)
  assert.equal(row.token, undefined)
})

test('key_type stands for routes, durations are words, and a service account belongs to its team', async (context) => {
  const app = await startGateway(context)
  const types = {
    llm_api: ['llm_api_routes'],
    management: ['management_routes'],
    read_only: ['info_routes'],
    default: [],
  }
  for (const [type, routes] of Object.entries(types)) {
    assert.deepEqual((await generate(app, { key_type: type })).allowed_routes, routes, type)
  }
  for (const [words, ms] of Object.entries({ '30s': 30e3, '30m': 18e5, '30h': 108e6, '30d': 2592e6, '1w': 6048e5 })) {
    const { expires } = await generate(app, { duration: words })
    assert.ok(Math.abs(Date.parse(expires) - Date.now() - ms) < 10_000, words)
  }
  assert.equal((await generate(app, { duration: '-1' })).expires, null)
  await app.post('/team/new', { team_id: 'bots' })
  const made = await app.post('/key/service-account/generate', { team_id: 'bots', key_alias: 'bot 1' })
  assert.deepEqual(
    [made.body.user_id, made.body.team_id, made.body.metadata],
    [null, 'bots', { service_account_id: 'bot 1' }],
  )
  refused(
    await app.post('/key/service-account/generate', {}),
    400,
    'internal_server_error',
    "{'error': 'team_id is required for service account keys.'}",
  )
  refused(
    await app.post('/key/service-account/generate', { team_id: 'bots', user_id: 'u' }),
    400,
    'internal_server_error',
    /user_id is not allowed/,
  )
})

test('a key that cannot be is refused with the reason, and nothing is written', async (context) => {
  const app = await startGateway(context)
  await generate(app, { key_alias: 'taken', key: 'sk-a-key-of-my-own-1' })
  const bad: readonly [object, number, string, string | RegExp][] = [
    [{ key: 'pk-1' }, 400, 'bad_request_error', /^Invalid key format. LiteLLM Virtual Key must start with 'sk-'/],
    [{ key: 'sk-short' }, 400, 'bad_request_error', /16 to 512/],
    [{ key: 'sk-ünicode-in-a-header' }, 400, 'bad_request_error', /visible ASCII/],
    [{ key: 'sk-a-key-of-my-own-1' }, 400, 'internal_server_error', /already exists/],
    [
      { key_alias: 'taken' },
      400,
      'bad_request_error',
      "Key with alias 'taken' already exists. Unique key aliases across all keys are required.",
    ],
    [{ max_budget: -1 }, 400, 'internal_server_error', /max_budget cannot be negative/],
    [{ soft_budget: -0.1 }, 400, 'internal_server_error', /soft_budget cannot be negative/],
    [{ rpm_limit: -1 }, 400, 'internal_server_error', /rpm_limit cannot be negative/],
    [{ spend: -5 }, 400, 'internal_server_error', /spend cannot be negative/],
    [{ model_rpm_limit: { m: -1 } }, 400, 'internal_server_error', /model_rpm_limit cannot be negative/],
    [{ model_tpm_limit: { m: 0, n: -1 } }, 400, 'internal_server_error', /model_tpm_limit cannot be negative/],
    [{ duration: 'soon' }, 400, 'bad_request_error', /duration=soon is not a duration/],
    [{ duration: '0d' }, 400, 'bad_request_error', /is not a duration/],
    [{ duration: '999999999999mo' }, 400, 'bad_request_error', /is not a duration/],
    [{ budget_duration: '1 fortnight' }, 400, 'bad_request_error', /budget_duration/],
    [{ team_id: 'nobody' }, 404, 'internal_server_error', "{'error': 'Team not found, passed team_id=nobody'}"],
    [{ team_id: "it's" }, 404, 'internal_server_error', `{'error': "Team not found, passed team_id=it's"}`],
    [{ budget_id: 'nothing' }, 400, 'internal_server_error', /Budget not found/],
    [{ organization_id: 'nowhere' }, 404, 'internal_server_error', /Organization not found/],
    [{ access_group_ids: ['none'] }, 404, 'internal_server_error', /Access group not found/],
    [{ auto_rotate: true }, 400, 'internal_server_error', /rotation_interval is required/],
  ]
  for (const [body, status, type, message] of bad) refused(await app.post('/key/generate', body), status, type, message)
  for (const body of [
    { models: 'alpha' },
    { max_budget: 'lots' },
    { metadata: [] },
    { key_type: 'odd' },
    { tpm_limit: 1.5 },
  ]) {
    const answer = await app.post('/key/generate', body)
    assert.equal(answer.status, 422, answer.text)
    assert.deepEqual(answer.body.detail[0].loc, ['body', Object.keys(body)[0]])
  }
  assert.equal((await app.get('/key/list')).body.total_count, 1)
})

test('an update changes what was sent and nothing else; null clears and false values are values', async (context) => {
  const app = await startGateway(context)
  const made = await generate(app, {
    key_alias: 'before',
    models: ['alpha'],
    max_budget: 5,
    rpm_limit: 7,
    duration: '1d',
    metadata: { kept: 'no' },
    tags: ['t'],
    allowed_routes: ['llm_api_routes'],
  })
  const update = async (body: object) => {
    const answer = await app.post('/key/update', { key: made.key, ...body })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.key, made.key)
    return info(app, made.token)
  }
  const before = await info(app, made.key)
  const { updated_at: _then, ...untouched } = before
  const { updated_at: _now, ...same } = await update({})
  assert.deepEqual(same, untouched)

  assert.equal((await update({ key_alias: 'after' })).models[0], 'alpha')
  assert.deepEqual((await update({ models: [] })).models, [])
  assert.equal((await app.chat('beta', made.key)).status, 200)
  assert.equal((await update({ max_budget: 0 })).max_budget, 0)
  assert.equal((await update({ max_budget: null })).max_budget, null)
  assert.equal((await update({})).rpm_limit, 7)
  assert.equal((await update({ rpm_limit: null })).rpm_limit, null)
  assert.deepEqual((await update({ metadata: { new: 1 } })).metadata, { new: 1 })
  assert.deepEqual((await update({ tags: ['x'] })).metadata, { new: 1, tags: ['x'] })
  assert.deepEqual((await update({ tags: null })).metadata, { new: 1 })
  assert.deepEqual((await update({ metadata: {} })).metadata, {})
  assert.deepEqual((await update({ allowed_routes: null })).allowed_routes, [])
  assert.equal((await update({ duration: '-1' })).expires, null)
  assert.ok(Date.parse((await update({ duration: '2h' })).expires) > Date.now())
  assert.equal((await update({ key_alias: '' })).key_alias, '')
  assert.equal((await update({ key_alias: 'grüße/λ' })).key_alias, 'grüße/λ')
  assert.equal((await update({ blocked: true })).blocked, true)
  assert.equal((await app.chat('alpha', made.key)).status, 401)
  assert.equal((await update({ blocked: false })).blocked, false)
  assert.equal((await app.chat('alpha', made.key)).status, 200)
  const raised = await update({ temp_budget_increase: 5, temp_budget_expiry: '1d' })
  assert.equal(raised.metadata.temp_budget_increase, 5)
  assert.equal((await update({ spend: 1.25 })).spend, 1.25)

  refused(
    await app.post('/key/update', { key: made.key, temp_budget_increase: 1 }),
    400,
    'internal_server_error',
    /together/,
  )
  refused(await app.post('/key/update', { key: made.key, project_id: '' }), 400, 'internal_server_error', /project_id/)
  refused(
    await app.post('/key/update', { key: 'sk-that-does-not-exist' }),
    404,
    'not_found_error',
    'Key not found in database',
  )
  assert.equal((await app.post('/key/update', { models: [] })).status, 422)
  await generate(app, { key_alias: 'mine' })
  refused(
    await app.post('/key/update', { key: made.key, key_alias: 'mine', models: ['beta'] }),
    400,
    'bad_request_error',
    /already exists/,
  )
  assert.deepEqual((await info(app, made.key)).models, [], 'a refused update changed something')
})

test('keys are named by plaintext, hash or alias, and names may hold anything', async (context) => {
  const app = await startGateway(context)
  const alias = 'team a/b %41 "quoted" 🛫'
  const made = await generate(app, { key_alias: alias, user_id: 'user/with/slashes ü' })
  for (const name of [made.key, made.token, made.token.toUpperCase(), alias]) {
    assert.equal((await info(app, name)).key_alias, alias)
    assert.equal((await app.post('/key/update', { key: name, tags: ['t'] })).status, 200)
  }
  const listed = await app.get(`/key/list?user_id=${encodeURIComponent('user/with/slashes ü')}`)
  assert.deepEqual(listed.body.keys, [made.token])
  const again = await app.post(`/key/${encodeURIComponent(alias)}/regenerate`, {})
  assert.equal(again.status, 200, again.text)
  assert.equal((await app.post(`/key/${again.body.token}/reset_spend`, { reset_to: 0 })).status, 200)
  assert.deepEqual((await app.get('/key/aliases')).body.aliases, [alias])
})

test('deleted keys are refused at once, are told of as deleted, and free their alias', async (context) => {
  const app = await startGateway(context)
  const one = await generate(app, { key_alias: 'one', models: ['alpha'] })
  const two = await generate(app, { key_alias: 'two' })
  const three = await generate(app, { key_alias: 'three' })
  assert.equal((await app.chat('alpha', one.key)).status, 200)
  const deleted = await app.post('/key/delete', { keys: [one.key, one.key, 'sk-nobody-has-this-one'] })
  assert.deepEqual([deleted.status, deleted.body], [200, { deleted_keys: [one.key] }])
  assert.deepEqual((await app.post('/key/delete', { key_aliases: ['two'] })).body, { deleted_keys: ['two'] })
  refused(await app.chat('alpha', one.key), 401, 'token_not_found_in_db', /Unable to find token/)
  refused(await app.post('/key/delete', { keys: [one.key] }), 404, 'not_found_error', 'No keys found')
  refused(await app.post('/key/delete', {}), 400, 'internal_server_error', /Specify keys/)
  const row = await info(app, one.key)
  assert.deepEqual([row.status, row.key_alias, row.deleted_by], ['deleted', 'one', 'default_user_id'])
  assert.equal(row.created_at, one.created_at)
  const listed = await app.get('/key/list?status=deleted&sort_by=key_alias&sort_order=asc')
  assert.deepEqual(listed.body.keys, [one.token, two.token])
  assert.deepEqual((await app.get('/key/list')).body.keys, [three.token])
  await generate(app, { key_alias: 'one' })
})

test('a blocked key is refused until it is unblocked', async (context) => {
  const app = await startGateway(context)
  const { key, token } = await generate(app)
  const blocked = await app.post('/key/block', { key })
  assert.deepEqual([blocked.status, blocked.body.blocked, blocked.body.token], [200, true, token])
  refused(await app.chat('alpha', key), 401, 'auth_error', /Key is blocked/)
  const unblocked = await app.post('/key/unblock', { key: token })
  assert.deepEqual([unblocked.status, unblocked.body.blocked], [200, false])
  assert.equal((await app.chat('alpha', key)).status, 200)
  refused(await app.post('/key/block', { key: 'not a key' }), 400, 'bad_request_error', 'Invalid key format.')
  refused(await app.post('/key/block', { key: hashOf('x') }), 404, 'not_found_error', /Key not found/)
})

test('a regenerated key keeps everything but its value; the old value stops, or counts until its grace ends', async (context) => {
  const app = await startGateway(context)
  const first = await generate(app, { key_alias: 'rotating', models: ['alpha'], spend: 2 })
  const second = (await app.post(`/key/${first.key}/regenerate`, {})).body
  assert.match(second.key, /^sk-/)
  assert.notEqual(second.key, first.key)
  assert.deepEqual(
    [second.key_alias, second.models, second.spend, second.created_at],
    ['rotating', ['alpha'], 2, first.created_at],
  )
  assert.equal((await app.chat('alpha', first.key)).status, 401)
  assert.equal((await app.chat('alpha', second.key)).status, 200)

  const third = (await app.post('/key/regenerate', { key: second.token, grace_period: '1h', rpm_limit: 100 })).body
  assert.equal(third.rpm_limit, 100)
  for (const key of [second.key, third.key]) assert.equal((await app.chat('alpha', key)).status, 200)
  const fourth = (
    await app.post('/key/regenerate', { key: third.key, grace_period: '1s', new_key: 'sk-chosen-by-me-0001' })
  ).body
  assert.equal(fourth.key, 'sk-chosen-by-me-0001')
  for (const key of [second.key, third.key, fourth.key]) assert.equal((await app.chat('alpha', key)).status, 200)
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  assert.deepEqual(
    [(await app.chat('alpha', second.key)).status, (await app.chat('alpha', third.key)).status],
    [200, 401],
  )
  assert.equal((await app.post('/key/delete', { keys: [fourth.key] })).status, 200)
  assert.equal((await app.chat('alpha', second.key)).status, 401)

  refused(
    await app.post('/key/regenerate', { key: 'sk-of-nobody-at-all-1' }),
    404,
    'not_found_error',
    'Key sk-...ll-1 not found.',
  )
  refused(await app.post('/key/regenerate', {}), 400, 'internal_server_error', /No key was named/)
  const other = await generate(app)
  refused(
    await app.post('/key/regenerate', { key: other.key, grace_period: 'long' }),
    400,
    'bad_request_error',
    /grace_period/,
  )
  const taken = await generate(app)
  refused(
    await app.post('/key/regenerate', { key: other.key, new_key: taken.key }),
    400,
    'internal_server_error',
    /already exists/,
  )
  refused(
    await app.post('/key/regenerate', { key: other.key, new_master_key: 'sk-new' }),
    400,
    'internal_server_error',
    /configuration/,
  )
})

test('what a key spent can be set back and no further up', async (context) => {
  const app = await startGateway(context)
  const { key, token } = await generate(app, { spend: 5 })
  const reset = await app.post(`/key/${token}/reset_spend`, { reset_to: 1 })
  assert.deepEqual([reset.status, reset.body.spend, reset.body.previous_spend, reset.body.key_hash], [200, 1, 5, token])
  refused(await app.post(`/key/${key}/reset_spend`, { reset_to: 2 }), 400, 'internal_server_error', /current spend/)
  refused(await app.post(`/key/${key}/reset_spend`, { reset_to: -1 }), 400, 'internal_server_error', /reset_to/)
  refused(
    await app.post('/key/sk-of-nobody-at-all-1/reset_spend', { reset_to: 0 }),
    404,
    'not_found_error',
    /not found/,
  )
})

test('info shows a key to itself, many keys at once, and 404 for others', async (context) => {
  const app = await startGateway(context)
  const { key, token } = await generate(app)
  const other = await generate(app)
  assert.equal((await app.get('/key/info', key)).body.key, token)
  assert.equal((await app.get(`/key/info?key=${key}`, key)).body.key, key)
  refused(
    await app.get('/key/info?key=sk-of-nobody-at-all-1', key),
    404,
    'not_found_error',
    'Key not found in database',
  )
  refused(await app.get(`/key/info?key=${other.key}`, key), 403, 'auth_error', /not yours/)
  refused(await app.get('/key/info'), 404, 'not_found_error', 'Key not found in database')
  const both = await app.post('/v2/key/info', { keys: [key, other.token, 'sk-nobody'] })
  assert.deepEqual(both.body.key, [key, other.token, 'sk-nobody'])
  assert.deepEqual(
    both.body.info.map((row: { token: string }) => row.token),
    [token, other.token],
  )
  assert.equal((await app.post('/v2/key/info', { keys: [key, other.token] }, key)).body.info.length, 1)
  assert.deepEqual((await app.post('/key/health', {}, key)).body, { key: 'healthy', logging_callbacks: null })
})

test('of fifty that want one alias at once, one gets it', async (context) => {
  const app = await startGateway(context)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => app.post('/key/generate', { key_alias: 'the one' })),
  )
  const statuses = answers.map((answer) => answer.status)
  assert.equal(statuses.filter((status) => status === 200).length, 1)
  assert.equal(statuses.filter((status) => status === 400).length, 49)
  assert.equal((await app.get('/key/list')).body.total_count, 1)
})

test('ten thousand keys are listed page by page, each once', async (context) => {
  const app = await startGateway(context)
  const actor = { id: 'default_user_id', role: 'proxy_admin', via: 'test' } as const
  const count = 10_000
  await app.app.changes.records({ actor }, async (transaction) => {
    for (let index = 0; index < count; index += 1) {
      const user = `u-${index % 7}`
      await transaction.putRecord('key', hashOf(`sk-${index}`), {
        key_alias: `key-${index}`,
        user_id: user,
        key_name: 'sk-...',
      })
    }
  })
  const seen = new Set<string>()
  let slowest = 0
  for (let page = 1; page <= count / 100; page += 1) {
    const from = performance.now()
    const { body } = await app.get(`/key/list?page=${page}&size=100`)
    slowest = Math.max(slowest, performance.now() - from)
    assert.deepEqual([body.total_count, body.current_page, body.total_pages], [count, page, 100])
    for (const token of body.keys) seen.add(token)
  }
  assert.equal(seen.size, count)
  assert.ok(slowest < 1_000, `a page took ${slowest} ms`)
  assert.deepEqual((await app.get('/key/list?page=101&size=100')).body.keys, [])
  assert.equal((await app.get('/key/list?user_id=u-3')).body.total_count, 1_428 + (3 < count % 7 ? 1 : 0))
  assert.equal((await app.get('/key/aliases?size=1000')).body.aliases.length, 1_000)
  assert.deepEqual((await app.get('/key/aliases?search=key-9999')).body.aliases, ['key-9999'])
})

test('keys are listed by what they belong to, sorted, whole and with their users', async (context) => {
  const app = await startGateway(context)
  await app.post('/team/new', { team_id: 't' })
  await app.post('/user/new', { user_id: 'ann', user_email: 'ann@x.y', auto_create_key: false })
  await generate(app, { key_alias: 'b', user_id: 'ann' })
  await generate(app, { key_alias: 'a', team_id: 't' })
  const both = await generate(app, { key_alias: 'c', user_id: 'ann', team_id: 't' })
  const aliases = async (query: string) => {
    const { body } = await app.get(`/key/list?return_full_object=true&sort_by=key_alias&sort_order=asc&${query}`)
    return body.keys.map((key: { key_alias: string }) => key.key_alias)
  }
  assert.deepEqual(await aliases(''), ['a', 'b', 'c'])
  assert.deepEqual(await aliases('user_id=ann'), ['b', 'c'])
  assert.deepEqual(await aliases('team_id=t'), ['a', 'c'])
  assert.deepEqual(await aliases('team_id=t&user_id=ann'), ['c'])
  assert.deepEqual(await aliases(`key_hash=${both.token}`), ['c'])
  assert.deepEqual(await aliases('key_alias=a'), ['a'])
  assert.deepEqual(await aliases('organization_id=none'), [])
  const { body } = await app.get('/key/list?expand=user&key_alias=b')
  assert.deepEqual(body.keys[0].user, { user_id: 'ann', user_email: 'ann@x.y', user_alias: null })
  assert.equal((await app.get('/key/list?size=101')).status, 422)
  assert.equal((await app.get('/key/list?page=0')).status, 422)
  assert.equal((await app.get('/key/list?sort_by=password')).status, 400)
  assert.equal((await app.get('/key/list?sort_by=constructor')).status, 400)
})

test('many keys are updated each on its own', async (context) => {
  const app = await startGateway(context)
  const one = await generate(app, { key_alias: 'one' })
  const answer = await app.post('/key/bulk_update', {
    keys: [
      { key: one.key, max_budget: 1 },
      { key: 'sk-of-nobody-at-all-1', max_budget: 1 },
    ],
  })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.total_requested, 2)
  assert.deepEqual(
    answer.body.successful_updates.map((done: { key: string }) => done.key),
    [one.key],
  )
  assert.match(answer.body.failed_updates[0].failed_reason, /not found/)
  assert.equal((await info(app, one.key)).max_budget, 1)
})

test('a dry run says what would be and does nothing', async (context) => {
  const app = await startGateway(context)
  const dry = await app.post('/key/generate?dry_run=true', { key_alias: 'never' })
  assert.equal(dry.status, 200, dry.text)
  assert.equal(dry.body.dry_run, true)
  assert.deepEqual(
    dry.body.alterations.map((one: { action: string; kind: string }) => [one.action, one.kind]),
    [['create', 'key']],
  )
  assert.ok(!dry.text.match(/sk-[A-Za-z0-9_-]{22}/), 'a dry run shows a key')
  assert.equal((await app.get('/key/list')).body.total_count, 0)
  const { key } = await generate(app)
  assert.equal((await app.post('/key/delete?dry_run=true', { keys: [key] })).status, 200)
  assert.equal((await app.chat('alpha', key)).status, 200)
})

test("the operator's defaults fill what is absent and his ceilings bound what is asked", async (context) => {
  const app = await startGateway(context, {
    config: `
model_list:
  - model_name: alpha
    litellm_params: { model: openai/alpha, api_key: none, mock_response: hello }
litellm_settings:
  default_key_generate_params: { max_budget: 2, models: [alpha], duration: 7d, metadata: { made: by default } }
  upperbound_key_generate_params: { max_budget: 100, duration: 30d, tpm_limit: 1000 }
`,
  })
  const made = await generate(app)
  assert.deepEqual(
    [made.max_budget, made.models, made.metadata, made.tpm_limit],
    [2, ['alpha'], { made: 'by default' }, 1000],
  )
  assert.ok(Math.abs(Date.parse(made.expires) - Date.now() - 7 * 86_400_000) < 10_000)
  assert.equal((await generate(app, { max_budget: 100, tpm_limit: 5 })).tpm_limit, 5)
  const over = "{'error': 'max_budget is over max limit set in config - user_value=101; max_value=100'}"
  refused(await app.post('/key/generate', { max_budget: 101 }), 400, 'internal_server_error', over)
  refused(await app.post('/key/generate', { duration: '2mo' }), 400, 'internal_server_error', /duration is over/)
  refused(await app.post('/key/generate', { duration: '-1' }), 400, 'internal_server_error', /duration is over/)
  refused(await app.post('/key/update', { key: made.key, max_budget: 101 }), 400, 'internal_server_error', over)
  refused(await app.post('/key/regenerate', { key: made.key, max_budget: 101 }), 400, 'internal_server_error', over)
  assert.equal((await app.post('/key/update', { key: made.key, max_budget: null })).status, 200)

  const { key } = (await app.post('/user/new', { user_id: 'ann' })).body
  const own = await generate(app, {}, key)
  for (const lifted of [{ max_budget: 101 }, { max_budget: null }, { duration: '-1' }, { tpm_limit: null }]) {
    refused(
      await app.post('/key/update', { key: own.key, ...lifted }, key),
      400,
      'internal_server_error',
      /is over max limit/,
    )
  }
})

test('fields that nothing reads are named, and a body that is no object is refused', async (context) => {
  const app = await startGateway(context)
  const answer = await app.post('/key/generate', { key_alais: 'typo' })
  assert.equal(answer.headers.get('x-midflight-warnings'), 'unknown_fields=key_alais')
  const guarded = await app.post('/key/generate', { guardrails: ['g'], auto_rotate: false, tags: [], prompts: [] })
  assert.equal(guarded.headers.get('x-midflight-warnings'), 'no_effect=guardrails')
  assert.equal((await app.call('POST', '/key/generate', '[1]')).status, 422)
  assert.equal((await app.call('POST', '/key/generate', '{"a":')).status, 400)
  assert.equal((await app.call('POST', '/key/generate', undefined, '')).status, 401)
  assert.equal((await app.call('POST', '/key/generate', undefined, masterKey)).status, 200)
})

test('a request that is sent again with its Idempotency-Key makes no second key, and the first is kept sealed', async (context) => {
  const app = await startGateway(context)
  const headers = { 'idempotency-key': 'retry-1' }
  const first = await app.call('POST', '/key/generate', { models: ['alpha'] }, masterKey, headers)
  const again = await app.call('POST', '/key/generate', { models: ['alpha'] }, masterKey, headers)
  assert.equal(first.status, 200, first.text)
  assert.equal(again.body.key, first.body.key)
  assert.equal((await app.get('/key/list')).body.total_count, 1)
  assert.equal((await app.call('POST', '/key/generate', { models: [] }, masterKey, headers)).status >= 400, true)
  assert.ok(!(await everyByte(app.dataDirectory)).includes(first.body.key), 'the plaintext is on disk')
})

test('a user lists his own keys, with those of the teams he administers and those he made for others', async (context) => {
  const app = await startGateway(context)
  await app.post('/team/new', {
    team_id: 't',
    members_with_roles: [
      { role: 'admin', user_id: 'ann' },
      { role: 'user', user_id: 'bob' },
    ],
  })
  const ann = (await generate(app, { user_id: 'ann', key_alias: 'a' })).key
  const bob = (await generate(app, { user_id: 'bob', key_alias: 'b' })).key
  await generate(app, { team_id: 't', user_id: 'bob', key_alias: 'c' })
  await generate(app, { team_id: 't', key_alias: 'd' }, ann)
  await generate(app, { team_id: 't', user_id: 'bob', key_alias: 'e' }, ann)
  const aliases = async (key: string, query: string) => {
    const answer = await app.get(`/key/list?return_full_object=true&sort_by=key_alias&sort_order=asc&${query}`, key)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.total_count, answer.body.keys.length)
    return answer.body.keys.map((row: { key_alias: string }) => row.key_alias).join('')
  }
  assert.equal(await aliases(ann, ''), 'a')
  assert.equal(await aliases(ann, 'include_team_keys=true'), 'acde')
  assert.equal(await aliases(ann, 'include_created_by_keys=true'), 'ade')
  assert.equal(await aliases(ann, 'team_id=t'), 'cde')
  assert.equal(await aliases(bob, 'include_team_keys=true'), 'bce')
  assert.equal(await aliases(bob, 'team_id=t'), 'ce')
  refused(await app.get('/key/list?user_id=ann', bob), 403, 'auth_error', /another user's keys/)
  refused(await app.get('/key/list?team_id=x', bob), 404, 'internal_server_error', /Team not found/)
  const second = await app.get('/key/list?include_team_keys=true&size=3&page=2&sort_by=key_alias&sort_order=asc', ann)
  assert.deepEqual([second.body.keys.length, second.body.total_count, second.body.total_pages], [1, 4, 2])
  assert.deepEqual((await app.get('/key/aliases', bob)).body.aliases, ['b', 'c', 'e'])
})

test('secrets that a row holds are shown masked, and sending the row back keeps them', async (context) => {
  const app = await startGateway(context)
  const canary = 'canary-of-a-logging-secret-0123456789'
  const logging = [
    { callback_name: 'langfuse', callback_vars: { langfuse_secret_key: canary, langfuse_host: 'https://l' } },
  ]
  const routerSettings = { num_retries: 2, redis_password: canary }
  const made = await generate(app, { metadata: { note: 'x', logging }, router_settings: routerSettings })
  const row = await info(app, made.key)
  assert.equal(row.metadata.note, 'x')
  assert.equal(row.metadata.logging[0].callback_name, 'langfuse')
  assert.equal(row.router_settings.num_retries, 2)
  const journal = await app.get('/config/journal')
  for (const text of [JSON.stringify(made), JSON.stringify(row), journal.text, app.logged()])
    assert.ok(!text.includes(canary), text)
  const again = await app.post('/key/update', {
    key: made.key,
    metadata: { ...row.metadata, note: 'y' },
    router_settings: row.router_settings,
  })
  assert.equal(again.status, 200, again.text)
  const stored = await app.app.store.record('key', made.token)
  assert.deepEqual(stored?.body.metadata, { note: 'y', logging })
  assert.deepEqual(stored?.body.router_settings, routerSettings)
  await app.post('/key/update', { key: made.key, metadata: { note: 'z' } })
  assert.deepEqual((await app.app.store.record('key', made.token))?.body.metadata, { note: 'z' })
})

test('what the operator gives every new key may be what its user may not set', async (context) => {
  const app = await startGateway(context, {
    config: `${modelsThatAnswer}
litellm_settings:
  default_key_generate_params: { budget_id: small }
`,
  })
  await app.post('/budget/new', { budget_id: 'small', max_budget: 1 })
  await app.post('/budget/new', { budget_id: 'large', max_budget: 100 })
  const { key } = (await app.post('/user/new', { user_id: 'ann' })).body
  assert.equal((await generate(app, {}, key)).budget_id, 'small')
  refused(await app.post('/key/generate', { budget_id: 'large' }, key), 403, 'auth_error', /budget_id/)
})
