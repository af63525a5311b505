import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelsThatAnswer, startGateway } from '../../test/gateway.ts'

test('an error names its call where the operator wants it, in every wire format and wherever it is found', async (context) => {
  const app = await startGateway(context, {
    config: `${modelsThatAnswer}\ngeneral_settings: { include_call_id_in_error_body: true }\n`,
  })
  const messages = [{ role: 'user', content: 'hi' }]
  const headers = { 'x-litellm-call-id': 'call-7' }
  const answers = [
    await app.post('/v1/chat/completions', { model: 'nobody', messages }, undefined, headers),
    await app.post('/v1/messages', { model: 'nobody', max_tokens: 5, messages }, undefined, headers),
    await app.post('/v1/chat/completions', { model: 'alpha' }, undefined, headers),
    await app.post('/v1/chat/completions', { model: 'alpha', messages }, 'sk-nobody-at-all', headers),
  ]
  for (const answer of answers) {
    assert.ok(answer.status >= 400)
    assert.equal(answer.body.error.litellm_call_id, 'call-7', answer.text)
    assert.equal(answer.headers.get('x-litellm-call-id'), 'call-7')
  }
  const fastApi = await app.call('PATCH', '/config/cost_discount_config', { nobody: 0.5 }, undefined, headers)
  assert.deepEqual(fastApi.body, { detail: { error: 'Invalid provider: nobody' } })
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
})

test('without the setting no error names its call', async (context) => {
  const app = await startGateway(context)
  const { body } = await app.chat('nobody')
  assert.deepEqual(Object.keys(body.error), ['message', 'type', 'param', 'code'])
})
