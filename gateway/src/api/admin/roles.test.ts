import assert from 'node:assert/strict'
import { test } from 'node:test'
import { putCaller } from '../../../test/callers.ts'
import { masterKey, startGateway } from '../../../test/gateway.ts'
import { type Role, roles } from '../../core/role.ts'
import type { DescribedRoute } from '../openapi.ts'

/** All that answers without a key. A route that is to join them has to be written here. */
const publicPaths = [
  '/',
  '/config/yaml',
  '/health/liveliness',
  '/health/liveness',
  '/health/readiness',
  '/metrics',
  '/openapi.json',
  '/public/litellm_model_cost_map',
  '/public/model_hub',
  '/routes',
  '/test',
]

/** A request that ends before it does anything: `If-Match` is read after the caller was let in, and this one cannot be. */
const harmless = { 'if-match': 'nothing' }

function pathOf(route: DescribedRoute): string {
  return route.path.replace(/\{[^}]*\}/, 'somebody')
}

function bodyOf({ method }: DescribedRoute): object | undefined {
  return method === 'GET' || method === 'DELETE' ? undefined : {}
}

test('only these paths answer without a key', async (context) => {
  const { app } = await startGateway(context)
  const open = app.routes.filter(({ access }) => access === 'public').map(({ path }) => path)
  assert.deepEqual(
    [...new Set(open)].filter((path) => !publicPaths.includes(path)),
    [],
  )
})

test('every management route says who may call it, what it is for and where it belongs', async (context) => {
  const { app } = await startGateway(context)
  for (const { path, access, declared } of app.routes) {
    if (typeof access === 'string') continue
    assert.ok(access.length > 0, `${path} is for nobody`)
    assert.ok(access.includes('proxy_admin'), `${path} is not for administrators`)
    if (declared === undefined) continue
    assert.ok(declared.summary.length > 10 && declared.tag !== '', path)
  }
})

test('no two routes are one', async (context) => {
  const { app } = await startGateway(context)
  const seen = new Set<string>()
  for (const { method, path } of app.routes) {
    const key = `${method} ${path.replace(/\{[^}]*\}/, '{}')}`
    assert.ok(!seen.has(key), key)
    seen.add(key)
  }
})

test('each role is let in where the route names it, and is refused in LiteLLM’s words everywhere else', async (context) => {
  const { app, call } = await startGateway(context)
  const keys = new Map<Role, string>()
  for (const role of roles) keys.set(role, await putCaller(app, role))
  for (const route of app.routes) {
    if (route.access === 'public' || route.method === 'OPTIONS') continue
    await Promise.all(Array.from(keys, ([role, key]) => check(route, role, key)))
  }

  async function check(route: DescribedRoute, role: Role, key: string): Promise<void> {
    const path = pathOf(route)
    const { status, body, text } = await call(route.method, path, bodyOf(route), key, harmless)
    const where = `${role} ${route.method} ${path}: ${status} ${text.slice(0, 300)}`
    if (route.access === 'caller' || route.access === 'public' || route.access.includes(role)) {
      const refused = String(body?.error?.message).startsWith('Authentication Error, Only proxy admin can be used')
      assert.ok(!refused && status !== 500, where)
      return
    }
    // A few routes have words of their own for it.
    const own = route.denied?.(role)
    if (own !== undefined) {
      assert.equal(status, own.status, where)
      assert.deepEqual(body, { detail: own.detail }, where)
      return
    }
    assert.equal(status, 401, where)
    const message = `Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=${path}. Your role=${role}. Your user_id=user****${role.slice(-4)}`
    assert.deepEqual(body.error, { message, type: 'auth_error', param: 'None', code: '401' }, where)
  }
})

test('without a key, and with a wrong one, nothing but the public paths answers', async (context) => {
  const { app, call } = await startGateway(context)
  for (const route of app.routes) {
    if (route.access === 'public' || route.method === 'OPTIONS') continue
    const path = pathOf(route)
    const none = await call(route.method, path, bodyOf(route), '')
    assert.equal(none.status, 401, `${route.method} ${path}`)
    const wrong = await call(route.method, path, bodyOf(route), 'sk-nobody-has-this-key')
    assert.equal(wrong.status, 401, `${route.method} ${path}`)
    if (route.dialect?.startsWith('anthropic') === true) continue
    assert.equal(none.body.error.message, 'Authentication Error, No api key passed in.')
    assert.equal(none.body.error.param, 'None')
    assert.equal(wrong.body.error.type, 'token_not_found_in_db')
  }
  assert.equal((await call('GET', '/v1/models', undefined, masterKey)).status, 200)
})
