import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../test/gateway.ts'

test('the root answers a load balancer that asks for nothing else, without a key', async (context) => {
  const { get, call } = await startGateway(context)
  const { status, body } = await get('/', '')
  assert.equal(status, 200)
  assert.equal(body.name, 'Midflight')
  assert.equal((await get(body.openapi, '')).status, 200)
  assert.equal((await get(body.health, '')).status, 200)
  assert.equal((await call('POST', '/', {}, '')).status, 405)
})
