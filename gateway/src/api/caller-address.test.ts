import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, type Gateway, modelsThatAnswer, startGateway } from '../../test/gateway.ts'
import type { JsonObject } from '../lib/json.ts'

function startWith(context: TestContext, general: JsonObject): Promise<Gateway> {
  return startGateway(context, { config: `${modelsThatAnswer}\ngeneral_settings: ${JSON.stringify(general)}\n` })
}

function refused(answer: Answer, address: string): void {
  const message = `Access forbidden: IP address ${address} not allowed.`
  assert.deepEqual(answer.body, { error: { message, type: 'auth_error', param: 'None', code: '403' } })
  assert.equal(answer.status, 403)
}

test('only callers of the listed addresses and ranges are served; who needs no key is', async (context) => {
  for (const allowed of ['127.0.0.1', '127.0.0.0/8']) {
    const app = await startWith(context, { allowed_ips: ['10.1.2.3', allowed] })
    assert.equal((await app.chat('alpha')).status, 200)
    assert.deepEqual((await app.get('/config/status')).body.problems, [])
  }
  const app = await startWith(context, { allowed_ips: ['10.1.2.3', 'fd00::/8'] })
  refused(await app.chat('alpha'), '127.0.0.1')
  refused(await app.get('/key/list'), '127.0.0.1')
  refused(await app.chat('alpha', 'sk-nobody-at-all'), '127.0.0.1')
  refused(await app.call('GET', '/v1/models', undefined, undefined, { 'x-forwarded-for': '10.1.2.3' }), '127.0.0.1')
  assert.equal((await app.get('/health/liveliness')).status, 200)
})

test('behind a proxy the address is what the proxy saw, whatever the caller wrote before it', async (context) => {
  const app = await startWith(context, { allowed_ips: ['10.1.2.3', '2001:db8::/32'], use_x_forwarded_for: true })
  const from = (forwarded: string) =>
    app.call('GET', '/v1/models', undefined, undefined, { 'x-forwarded-for': forwarded })
  for (const forwarded of ['10.1.2.3', '6.6.6.6, 10.1.2.3', '::ffff:10.1.2.3', ' 2001:db8::7 ', '2001:DB8::8%eth0']) {
    assert.equal((await from(forwarded)).status, 200, forwarded)
  }
  refused(await from('10.1.2.3, 6.6.6.6'), '6.6.6.6')
  refused(await from('10.1.2.3,'), 'unknown')
  refused(await from('<script>'), 'unknown')
  refused(await app.get('/v1/models'), '127.0.0.1')
})

test('addresses are added and taken away while it runs; with the last one the list goes', async (context) => {
  const app = await startGateway(context)
  assert.deepEqual((await app.get('/get/allowed_ips')).body, { data: null })
  const added = await app.post('/add/allowed_ip', { ip: '127.0.0.1' })
  assert.deepEqual(
    [added.status, added.body],
    [...[200, { message: 'IP 127.0.0.1 address added successfully', status: 'success' }]],
  )
  assert.equal((await app.post('/add/allowed_ip', { ip: '10.0.0.0/8' })).status, 200)
  assert.deepEqual((await app.get('/get/allowed_ips')).body, { data: ['127.0.0.1', '10.0.0.0/8'] })
  const again = await app.post('/add/allowed_ip', { ip: '10.0.0.0/8' })
  assert.deepEqual([again.status, again.body], [400, { detail: 'IP address already exists' }])
  assert.equal((await app.post('/add/allowed_ip', { ip: '10.0.0.300' })).status, 400)
  const unknown = await app.post('/delete/allowed_ip', { ip: '1.2.3.4' })
  assert.deepEqual([unknown.status, unknown.body], [404, { detail: 'IP address not found' }])
  const gone = await app.post('/delete/allowed_ip', { ip: '10.0.0.0/8' })
  assert.deepEqual(
    [gone.status, gone.body],
    [200, { message: 'IP 10.0.0.0/8 deleted successfully', status: 'success' }],
  )
  assert.equal((await app.post('/delete/allowed_ip', { ip: '127.0.0.1' })).status, 200)
  assert.deepEqual((await app.get('/get/allowed_ips')).body, { data: null })
  assert.equal((await app.chat('alpha')).status, 200)
})

test('a list that the file has is not changed by API', async (context) => {
  const app = await startWith(context, { allowed_ips: ['127.0.0.1'] })
  const owned = await app.post('/add/allowed_ip', { ip: '10.0.0.1' })
  assert.deepEqual([owned.status, owned.body.detail.keys], [400, ['allowed_ips']])
})
