import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Answer, type Gateway, masterKey, startGateway } from '../../test/gateway.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import type { JsonObject } from '../lib/json.ts'

/** Callers with virtual keys, over real sockets and stores: the rows of contract 3.7, and when a change counts. */

const config = {
  model_list: ['gpt-4', 'claude'].map((name) => ({
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_key: 'sk-upstream', mock_response: `from ${name}` },
    model_info: { id: `id-${name}` },
  })),
  // What belongs to a call, and is not sent.
  litellm_settings: { num_retries: 0 },
}

function tokenOf(key: string): string {
  return hash('sha256', key)
}

function chat(app: Gateway, key: string, more: JsonObject = {}): Promise<Answer> {
  const body = { model: 'gpt-4', messages: [{ role: 'user', content: 'Hello' }], ...more }
  return app.post('/v1/chat/completions', body, key)
}

function errorOf({ status, body }: Answer) {
  const { error } = body as { error: { type: string; param: string | null; code: string; message: string } }
  return { status, ...error }
}

function authError(message: string) {
  return { status: 401, message: `Authentication Error, ${message}`, type: 'auth_error', param: 'None', code: '401' }
}

test('a key that is known calls; everybody else gets the very body of the contract', async (context) => {
  const app = await startGateway(context, { config })
  const expired = Date.UTC(2020, 0, 2, 3, 4, 5)
  await app.put(
    ['key', tokenOf('sk-good'), { key_name: 'sk-...good' }],
    ['key', tokenOf('sk-blocked'), { blocked: true }],
    ['key', tokenOf('sk-expired'), { key_name: 'sk-...ired', expires: new Date(expired).toISOString() }],
    ['key', tokenOf('sk-lasting'), { expires: '2020-01-01T00:00:00Z', duration: '-1' }],
    ['key', tokenOf('sk-of-blocked-team'), { team_id: 'stopped' }],
    ['team', 'stopped', { blocked: true }],
    ['key', tokenOf('sk-of-no-team'), { team_id: 'gone' }],
    ['key', tokenOf('sk-of-blocked-user'), { user_id: 'stopped' }],
    ['user', 'stopped', { blocked: true }],
    ['key', tokenOf('sk-of-blocked-organization'), { organization_id: 'stopped' }],
    ['organization', 'stopped', { blocked: true }],
    ['key', tokenOf('sk-read-only'), { allowed_routes: ['info_routes', '/health'] }],
  )
  assert.equal((await chat(app, 'sk-good')).status, 200)
  assert.equal((await chat(app, 'sk-lasting')).status, 200)
  assert.equal((await chat(app, masterKey)).status, 200)

  assert.deepEqual(errorOf(await chat(app, '')), authError('No api key passed in.'))
  assert.deepEqual(errorOf(await chat(app, 'sk-0123456789abcdef')), {
    status: 401,
    message: `Authentication Error, Invalid proxy server token passed. Received API Key = sk-...cdef, Key Hash (Token) =${tokenOf('sk-0123456789abcdef')}. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
    type: 'token_not_found_in_db',
    param: 'key',
    code: '401',
  })
  assert.deepEqual(
    errorOf(await chat(app, 'sk-blocked')),
    authError("Key is blocked. Update via `/key/unblock` if you're admin."),
  )
  const ofExpired = errorOf(await chat(app, 'sk-expired'))
  assert.match(
    ofExpired.message,
    /^Authentication Error - Expired Key\. Key Expiry time 2020-01-02 03:04:05\+00:00 and current time \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\+00:00$/,
  )
  assert.deepEqual(
    { ...ofExpired, message: '' },
    { status: 401, message: '', type: 'expired_key', param: 'sk-...ired', code: '401' },
  )
  assert.deepEqual(
    errorOf(await chat(app, 'sk-of-blocked-team')),
    authError('Team=stopped is blocked. Update via `/team/unblock` if your admin.'),
  )
  assert.equal(errorOf(await chat(app, 'sk-of-no-team')).status, 401)
  assert.match(errorOf(await chat(app, 'sk-of-blocked-user')).message, /User=stopped is blocked/)
  assert.match(errorOf(await chat(app, 'sk-of-blocked-organization')).message, /Organization=stopped is blocked/)
  assert.deepEqual(errorOf(await chat(app, 'sk-read-only')), {
    status: 403,
    message:
      "Virtual key is not allowed to call this route. Only allowed to call routes: ['info_routes', '/health']. Tried to call route: /v1/chat/completions",
    type: 'permission_error',
    param: null,
    code: '403',
  })
  assert.equal((await app.get('/v1/models', 'sk-read-only')).status, 200)
})

test('management routes are for those whose role they name', async (context) => {
  const app = await startGateway(context, { config })
  await app.put(
    ['user', 'chief-of-all', { user_role: 'proxy_admin' }],
    ['key', tokenOf('sk-admin'), { user_id: 'chief-of-all' }],
    ['key', tokenOf('sk-narrow-admin'), { user_id: 'chief-of-all', allowed_routes: ['llm_api_routes'] }],
    ['key', tokenOf('sk-plain'), { user_id: 'somebody-else' }],
    ['key', tokenOf('sk-team'), { team_id: 'red' }],
    ['team', 'red', {}],
  )
  assert.equal((await app.get('/config/status', 'sk-admin')).status, 200)
  assert.equal((await app.get('/config/status', 'sk-narrow-admin')).status, 403)
  assert.deepEqual(
    errorOf(await app.get('/config/status', 'sk-plain')),
    authError(
      'Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=/config/status. Your role=internal_user. Your user_id=some****else',
    ),
  )
  assert.match(errorOf(await app.get('/config/status', 'sk-team')).message, /Your role=team\. Your user_id=\*\*\*\*$/)
})

test('the hash of a key is no key', async (context) => {
  const app = await startGateway(context, { config })
  await app.put(['key', tokenOf('sk-good'), {}])
  assert.equal((await chat(app, 'sk-good')).status, 200)
  assert.equal(errorOf(await chat(app, tokenOf('sk-good'))).status, 401)
  assert.equal(errorOf(await chat(app, `sk-${tokenOf('sk-good')}`)).type, 'token_not_found_in_db')
})

test('a body that comes with a cold key is not lost while the key is looked up, however it is cut', async (context) => {
  const app = await startGateway(context, { config })
  const count = 20
  await app.put(...Array.from({ length: count }, (_, index) => ['key', tokenOf(`sk-cold-${index}`), {}] as const))
  const filling = 'x'.repeat(200_000)
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      chat(app, `sk-cold-${index}`, { messages: [{ role: 'user', content: filling }] }),
    ),
  )
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  const body = JSON.stringify({ model: 'claude', messages: [{ role: 'user', content: 'Hi' }] })
  await app.put(['key', tokenOf('sk-cut'), {}])
  const text = await sentInPieces(app, [
    `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-cut\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.slice(0, 9)}`,
    body.slice(9, 20),
    body.slice(20),
  ])
  assert.match(text, /^HTTP\/1\.1 200 /)
  assert.match(text, /from claude/)
})

function sentInPieces(app: Gateway, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      text += part
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
    for (const [index, piece] of pieces.entries()) setTimeout(() => socket.write(piece), index * 10)
  })
}

/** Two replicas that hear nothing from each other but by asking. */
async function twoReplicas(context: TestContext): Promise<readonly [Gateway, Gateway]> {
  const databaseUrl = `sqlite:${join(scratchDirectory(), 'shared.db')}`
  const first = await startGateway(context, { config, databaseUrl, hints: false })
  return [first, await startGateway(context, { config, databaseUrl, hints: false })]
}

test('what one replica has granted, another gives at once: keys, models, routes, life', async (context) => {
  const [here, there] = await twoReplicas(context)
  await here.put(['key', tokenOf('sk-made'), { models: ['claude'], allowed_routes: ['info_routes'] }])
  assert.equal((await there.get('/v1/models', 'sk-made')).status, 200)
  assert.equal(errorOf(await chat(there, 'sk-made')).status, 403)
  const grants: readonly (readonly [JsonObject, JsonObject])[] = [
    [{ models: ['claude'] }, { model: 'claude' }],
    [{ models: ['claude', 'gpt-4'] }, {}],
    [{ models: ['claude'], aliases: { mine: 'claude' } }, { model: 'mine' }],
    [{ models: [], team_id: 'late' }, {}],
  ]
  for (const [body, request] of grants) {
    if (body.team_id !== undefined) await here.put(['team', 'late', {}])
    await here.put(['key', tokenOf('sk-made'), body])
    assert.equal((await chat(there, 'sk-made', request)).status, 200, JSON.stringify(body))
  }
  for (let round = 0; round < 20; round += 1) {
    const key = `sk-round-${round}`
    assert.equal(errorOf(await chat(there, key)).type, 'token_not_found_in_db')
    await here.put(['key', tokenOf(key), { blocked: true }])
    assert.equal(errorOf(await chat(there, key)).type, 'auth_error')
    await here.put(['key', tokenOf(key), {}])
    assert.equal((await chat(there, key)).status, 200)
  }
})

test('a model that one replica has declared is there on another when it is first asked for', async (context) => {
  const [here, there] = await twoReplicas(context)
  const actor = { id: 'default_user_id', role: 'proxy_admin', via: 'test' } as const
  for (let round = 0; round < 10; round += 1) {
    const name = `model-${round}`
    assert.equal(errorOf(await chat(there, masterKey, { model: name })).status, 400)
    await here.app.changes.resources({ actor }, (draft) => {
      draft.put('deployment', `id-${round}`, {
        model_name: name,
        litellm_params: { model: `openai/${name}`, api_key: 'sk-upstream', mock_response: 'made' },
        model_info: { id: `id-${round}` },
      })
      return { result: undefined }
    })
    const answers = await Promise.all([
      chat(there, masterKey, { model: name }),
      chat(there, masterKey, { model: name }),
      there.get(`/v1/models/${name}`, masterKey),
    ])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    )
  }
})

test('a revoked key is refused everywhere once its revocation was answered', async (context) => {
  const [here, there] = await twoReplicas(context)
  const actor = { id: 'default_user_id', role: 'proxy_admin', via: 'test' } as const
  for (let round = 0; round < 5; round += 1) {
    const key = `sk-revoked-${round}`
    await here.put(['key', tokenOf(key), {}])
    assert.equal((await chat(there, key)).status, 200)
    let revoked = false
    const late: number[] = []
    const load = Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let calls = 0; calls < 400 && !revoked; calls += 1) await chat(there, key)
        for (let calls = 0; calls < 5; calls += 1) late.push((await chat(there, key)).status)
      }),
    )
    await here.app.changes.records({ actor, revocation: true }, (transaction) =>
      transaction.deleteRecord('key', tokenOf(key)),
    )
    revoked = true
    await load
    assert.deepEqual(new Set(late), new Set([401]))
  }
})

test('while the store is away known keys call, unknown ones get a 503, and the master key works', async (context) => {
  const app = await startGateway(context, { config })
  await app.put(
    ['key', tokenOf('sk-known'), { team_id: 'red' }],
    ['team', 'red', {}],
    ['key', tokenOf('sk-blocked'), { blocked: true }],
  )
  assert.equal((await chat(app, 'sk-known')).status, 200)
  assert.equal((await chat(app, 'sk-blocked')).status, 401)
  await app.app.store.stop()
  const statuses: Record<string, Set<number>> = {
    'sk-known': new Set(),
    'sk-unknown': new Set(),
    'sk-blocked': new Set(),
  }
  const startedAt = performance.now()
  // Longer than the lease.
  while (performance.now() - startedAt < 4_500) {
    for (const [key, seen] of Object.entries(statuses)) seen.add((await chat(app, key)).status)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.deepEqual(statuses, { 'sk-known': new Set([200]), 'sk-unknown': new Set([503]), 'sk-blocked': new Set([401]) })
  const refused = errorOf(await chat(app, 'sk-unknown'))
  assert.deepEqual([refused.status, refused.type, refused.code], [503, 'no_db_connection', '503'])
  assert.match(refused.message, /^Service Unavailable, the authentication database is temporarily unreachable/)
  assert.equal((await chat(app, masterKey)).status, 200)
  // An end user of whom nothing can be known does not fail a call either.
  assert.equal((await chat(app, 'sk-known', { user: 'somebody-new' })).status, 200)
})
