import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../test/gateway.ts'

test('a model that is no text is told from one that is missing', async (context) => {
  const { post } = await startGateway(context)
  const messages = [{ role: 'user', content: 'x' }]
  const missing = /^Missing required parameter: 'model'\.$/
  const wrong = /^Invalid type for 'model': expected a string\.$/
  const cases = [
    [undefined, missing],
    [null, missing],
    ['', missing],
    [5, wrong],
    [['alpha'], wrong],
    [{}, wrong],
    [false, wrong],
  ] as const
  for (const [model, message] of cases) {
    const { status, body } = await post('/v1/chat/completions', { model, messages })
    assert.equal(status, 400)
    assert.equal(body.error.param, 'model')
    assert.match(body.error.message, message)
  }
})
