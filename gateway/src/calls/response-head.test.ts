import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../test/gateway.ts'

const config = {
  model_list: [
    {
      model_name: 'alpha',
      litellm_params: {
        model: 'openai/first',
        api_key: 'none',
        api_base: 'http://one.test/v1',
        mock_response: 'hello',
      },
      model_info: { id: 'the-only-one' },
    },
  ],
}

const told = ({ headers }: Answer) => ({
  revision: Number(headers.get('x-midflight-revision')),
  group: headers.get('x-litellm-model-group'),
  deployment: headers.get('x-litellm-model-id'),
  at: headers.get('x-litellm-model-api-base'),
})

const ways: Readonly<Record<string, (app: Gateway, model: string) => Promise<Answer>>> = {
  'a whole answer': (app, model) => app.chat(model),
  'a stream': (app, model) =>
    app.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'hi' }], stream: true }),
}

for (const [what, call] of Object.entries(ways)) {
  test(`${what} tells who gave it, by which configuration, and under which name it was asked for`, async (context) => {
    const app = await startGateway(context, { config })
    const first = told(await call(app, 'alpha'))
    const deployment = 'the-only-one'
    const at = 'http://one.test/v1'
    assert.deepEqual(first, { revision: first.revision, group: 'alpha', deployment, at })
    const changed = await app.post('/model/new', {
      model_name: 'another',
      litellm_params: { model: 'openai/x', api_key: 'none', mock_response: 'hello' },
    })
    const revision = Number(changed.headers.get('x-midflight-revision'))
    assert.ok(revision > first.revision)
    assert.deepEqual(told(await call(app, 'alpha')), { revision, group: 'alpha', deployment, at })
    assert.deepEqual(told(await call(app, 'openai/first')), { revision, group: 'openai/first', deployment, at })
    assert.deepEqual(told(await call(app, 'alpha')), { revision, group: 'alpha', deployment, at })
  })
}
