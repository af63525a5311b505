import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, startGateway } from '../../test/gateway.ts'
import type { JsonObject } from '../lib/json.ts'

/** A deployment that answers by itself. */
function model(name: string, id: string, params: JsonObject = {}): JsonObject {
  return {
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_key: 'none', mock_response: 'hello', ...params },
    model_info: { id },
  }
}

const priced = { input_cost_per_token: 0.001, output_cost_per_token: 0.001 }
const enforced = { enable_pre_call_checks: true, num_retries: 0 }
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status)
const servedBy = (answers: readonly Answer[]) => answers.map(({ headers }) => headers.get('x-litellm-model-id'))

test('a deployment whose requests of a minute are used up is passed over, and with the last one calls are refused', async (context) => {
  const app = await startGateway(context, {
    config: {
      model_list: [model('a', 'one', { rpm: 1 }), model('a', 'two', { rpm: 2 })],
      router_settings: enforced,
    },
  })
  const answers = await Promise.all(Array.from({ length: 5 }, () => app.chat('a')))
  assert.deepEqual(statuses(answers).sort(), [200, 200, 200, 429, 429])
  const served = servedBy(answers.filter(({ status }) => status === 200))
  assert.deepEqual(served.sort(), ['one', 'two', 'two'])
  const refused = answers.find(({ status }) => status === 429)
  assert.match(refused?.body.error.message, /^No deployments available for selected model, Try again in \d+ seconds/)
  assert.ok(Number(refused?.headers.get('retry-after')) > 0)
})

test('rpm is a weight where nothing makes a limit of it', async (context) => {
  const app = await startGateway(context, { config: { model_list: [model('a', 'one', { rpm: 1, tpm: 1 })] } })
  assert.deepEqual(statuses([await app.chat('a'), await app.chat('a'), await app.chat('a')]), [200, 200, 200])
})

test('tokens of a minute are counted by what calls used', async (context) => {
  const app = await startGateway(context, {
    config: {
      model_list: [model('a', 'one', { tpm: 1 })],
      router_settings: { optional_pre_call_checks: ['enforce_model_rate_limits'], num_retries: 0 },
    },
  })
  assert.equal((await app.chat('a')).status, 200)
  assert.equal((await app.chat('a')).status, 429)
})

test('a deployment whose budget is spent is passed over, and told when it is the only one', async (context) => {
  const app = await startGateway(context, {
    config: {
      model_list: [
        model('a', 'poor', { ...priced, max_budget: 0.001, budget_duration: '1d', order: 1 }),
        model('a', 'rich', { ...priced, order: 2 }),
        model('b', 'alone', { ...priced, max_budget: 0.001, budget_duration: '1d' }),
      ],
    },
  })
  const answers = [await app.chat('a'), await app.chat('a'), await app.chat('a')]
  assert.deepEqual(servedBy(answers), ['poor', 'rich', 'rich'])
  assert.equal((await app.chat('b')).status, 200)
  const refused = await app.chat('b')
  assert.equal(refused.status, 429)
  assert.match(
    refused.body.error.message,
    /crossed budget: Exceeded budget for deployment model_id: alone: 0\.\d+ >= 0\.001/,
  )
})

test('a provider budget holds with many calls at once, and lets as many through as it pays for', async (context) => {
  const app = await startGateway(context, {
    config: {
      model_list: [model('a', 'one', priced)],
      router_settings: { num_retries: 0, provider_budget_config: { openai: { budget_limit: 0.1, time_period: '1d' } } },
    },
  })
  const first = await app.chat('a')
  const cost = Number(first.headers.get('x-litellm-response-cost'))
  assert.ok(cost > 0)
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.chat('a')))
  const served = 1 + answers.filter(({ status }) => status === 200).length
  const paid = Math.ceil(0.1 / cost - 1e-9)
  assert.equal(served, Math.min(21, paid), `${served} calls of $${cost}`)
  const refused = await app.chat('a')
  assert.equal(refused.status, 429)
  assert.match(refused.body.error.message, /crossed budget: Exceeded budget for provider openai: 0\.\d+ >= 0\.1/)
})

test('a group without room has its fallbacks', async (context) => {
  const app = await startGateway(context, {
    config: {
      model_list: [model('a', 'one', { rpm: 1 }), model('b', 'other')],
      router_settings: { ...enforced, fallbacks: [{ a: ['b'] }] },
    },
  })
  assert.deepEqual(servedBy([await app.chat('a'), await app.chat('a')]), ['one', 'other'])
})

test('an attempt that fails gives its money back', async (context) => {
  const app = await startGateway(context, {
    config: {
      model_list: [model('a', 'one', { ...priced, max_budget: 1, mock_response: 'litellm.InternalServerError' })],
      router_settings: { num_retries: 0, disable_cooldowns: true },
    },
  })
  for (let round = 0; round < 30; round += 1) assert.equal((await app.chat('a')).status, 500)
})

test('a tag whose budget is spent is refused, whoever names it, and other tags are not', async (context) => {
  const app = await startGateway(context, {
    config: {
      model_list: [model('a', 'one', priced)],
      litellm_settings: { tag_budget_config: { dear: { max_budget: 0.001, budget_duration: '1d' } } },
    },
  })
  const { key } = (await app.post('/key/generate', { tags: ['dear'] })).body
  const tagged = (tags: readonly string[], as?: string) =>
    app.post(
      '/v1/chat/completions',
      { model: 'a', messages: [{ role: 'user', content: 'hi' }], metadata: { tags } },
      as,
    )
  assert.equal((await tagged(['dear'])).status, 200)
  const refused = await tagged(['other', 'dear', 'dear'])
  assert.equal(refused.status, 422)
  assert.match(
    refused.body.error.message,
    /^Budget has been exceeded! Tag=dear Current cost: 0\.\d+, Max budget: 0\.001/,
  )
  assert.equal((await app.chat('a', key)).status, 422)
  assert.deepEqual(statuses([await tagged(['other']), await app.chat('a')]), [200, 200])
})
