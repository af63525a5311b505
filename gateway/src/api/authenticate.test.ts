import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { requestHead } from '../../test/request-head.ts'
import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { systemClock } from '../lib/clock.ts'
import { Secret } from '../lib/secret.ts'
import { Authenticator } from './authenticate.ts'
import type { Route } from './route.ts'

const authenticator = new Authenticator({ bootKey: new Secret('sk-boot'), clock: systemClock })

const chat: Route = {
  method: 'POST',
  path: '/v1/chat/completions',
  access: 'caller',
  dialect: 'openai-chat',
  handle() {},
}

const administrator = { role: 'proxy_admin', userId: 'default_user_id' }

function check(
  authorization: string | undefined,
  other: Record<string, string> = {},
  master?: Secret,
  keyHeader?: string,
  query = '',
  route = chat,
) {
  const head = requestHead({
    method: route.method,
    path: route.path,
    query,
    keys: { authorization, other: new Map(Object.entries(other)) },
  })
  const principal = authenticator.authenticate(head, route, { masterKey: master, keyHeader }, {})
  assert.ok(!(principal instanceof Promise), 'without virtual keys nothing is waited for')
  return facts(principal)
}

function facts({ role, userId }: Principal) {
  return { role, userId }
}

function refusal(run: () => unknown): { status: number; type: string; param: string | undefined; message: string } {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof GatewayError)
    const { status, type, param, message } = error
    return { status, type, param, message }
  }
  assert.fail('was not refused')
}

test('the master key is accepted wherever the contract lets callers put it', () => {
  assert.deepEqual(check('Bearer sk-boot'), administrator)
  assert.deepEqual(check('bearer sk-boot'), administrator)
  for (const name of ['x-litellm-api-key', 'api-key', 'x-api-key', 'x-goog-api-key', 'ocp-apim-subscription-key']) {
    assert.deepEqual(check(undefined, { [name]: 'sk-boot' }), administrator)
    assert.deepEqual(check(undefined, { [name]: 'Bearer sk-boot' }), administrator)
  }
  assert.deepEqual(check('Bearer sk-wrong', { 'x-team-key': 'sk-boot' }, undefined, 'x-team-key'), administrator)
})

test("a key in the query counts on Google's routes and nowhere else", () => {
  const google: Route = { ...chat, path: '/v1beta/models/{model}' }
  assert.deepEqual(check(undefined, {}, undefined, undefined, 'alt=sse&key=sk-boot', google), administrator)
  assert.equal(
    refusal(() => check(undefined, {}, undefined, undefined, 'key=sk-boot')).message,
    'Authentication Error, No api key passed in.',
  )
})

test("the configuration's master key replaces the one of the start, and a changed one counts at once", () => {
  const first = new Secret('sk-first')
  assert.deepEqual(check('Bearer sk-first', {}, first), administrator)
  assert.equal(refusal(() => check('Bearer sk-boot', {}, first)).status, 401)
  assert.equal(refusal(() => check('Bearer sk-first', {}, new Secret('sk-second'))).status, 401)
})

test('refusals have LiteLLM’s words and hold no key', () => {
  assert.deepEqual(
    refusal(() => check(undefined)),
    {
      status: 401,
      type: 'auth_error',
      param: 'None',
      message: 'Authentication Error, No api key passed in.',
    },
  )
  assert.deepEqual(
    refusal(() => check('sk-without-bearer-1234')),
    {
      status: 401,
      type: 'auth_error',
      param: 'None',
      message:
        'Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix. Passed in: sk-...1234',
    },
  )
  assert.deepEqual(
    refusal(() => check('Bearer not-a-virtual-key')),
    {
      status: 401,
      type: 'auth_error',
      param: 'None',
      message: "Authentication Error, LiteLLM Virtual Key expected. Received=sk-...-key, expected to start with 'sk-'.",
    },
  )
  const unknown = 'sk-0123456789abcdef'
  assert.deepEqual(
    refusal(() => check(`Bearer ${unknown}`)),
    {
      status: 401,
      type: 'token_not_found_in_db',
      param: 'key',
      message: `Authentication Error, Invalid proxy server token passed. Received API Key = sk-...cdef, Key Hash (Token) =${hash('sha256', unknown)}. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
    },
  )
})

test('a digest of the master key is not the master key', () => {
  assert.equal(refusal(() => check(`Bearer ${hash('sha256', 'sk-boot')}`)).status, 401)
})
