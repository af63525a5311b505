import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, type Gateway, modelsThatAnswer, startGateway } from '../../test/gateway.ts'
import type { JsonObject } from '../lib/json.ts'

/** Which routes the operator leaves open: `allowed_routes`, `admin_only_routes`. */

function startWith(context: TestContext, general: JsonObject): Promise<Gateway> {
  return startGateway(context, { config: `${modelsThatAnswer}\ngeneral_settings: ${JSON.stringify(general)}\n` })
}

function refused(answer: Answer, message: string): void {
  assert.deepEqual(answer.body, { error: { message, type: 'auth_error', param: 'None', code: '403' } })
  assert.equal(answer.status, 403)
}

test('with allowed_routes no others are served, to nobody; routes that need no key are', async (context) => {
  const app = await startWith(context, { allowed_routes: ['/v1/chat/completions', 'info_routes', '/config/*'] })
  assert.equal((await app.chat('alpha')).status, 200)
  assert.equal((await app.get('/key/list')).status, 200)
  assert.equal((await app.get('/health/liveliness')).status, 200)
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
  refused(await app.post('/key/generate'), 'Access forbidden: Route /key/generate not allowed')
  refused(await app.post('/chat/completions', {}, ''), 'Access forbidden: Route /chat/completions not allowed')
  const none = await startWith(context, { allowed_routes: [] })
  refused(await none.chat('alpha'), 'Access forbidden: Route /v1/chat/completions not allowed')
})

test('routes for admins only refuse other roles, whatever they might do else', async (context) => {
  const app = await startWith(context, { admin_only_routes: ['/key/generate', '/v1/embeddings', '/model/info'] })
  const { body: user } = await app.post('/user/new', { user_id: 'ann' })
  const told = (route: string) => `user not allowed to access this route. Route=${route} is an admin only route`
  refused(await app.post('/key/generate', {}, user.key), told('/key/generate'))
  refused(await app.post('/v1/embeddings', { model: 'alpha', input: 'x' }, user.key), told('/v1/embeddings'))
  refused(await app.get('/model/info', user.key), told('/model/info'))
  assert.equal((await app.chat('alpha', user.key)).status, 200)
  assert.equal((await app.post('/key/generate')).status, 200)
  assert.equal((await app.get('/model/info')).status, 200)
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
})

test('a rule that is changed holds for the next request', async (context) => {
  const app = await startGateway(context)
  const { body: user } = await app.post('/user/new', { user_id: 'ann' })
  const change = async (routes: readonly string[] | null) => {
    const { status, text } = await app.post('/config/update', { general_settings: { admin_only_routes: routes } })
    assert.equal(status, 200, text)
  }
  await change(['/v1/chat/completions'])
  assert.equal((await app.chat('alpha', user.key)).status, 403)
  await change(null)
  assert.equal((await app.chat('alpha', user.key)).status, 200)
})
