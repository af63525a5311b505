import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../test/gateway.ts'
import type { JsonObject } from '../lib/json.ts'

/** What the settings say of end users, whether or not anybody made a record of them. */

const prices = { input_cost_per_token: 0.001, output_cost_per_token: 0.001 }
const litellm_params = { model: 'openai/alpha', api_key: 'none', mock_response: 'hello', ...prices }

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

function startWith(context: Parameters<typeof startGateway>[0], settings: JsonObject): Promise<Gateway> {
  const model_list = [{ model_name: 'alpha', litellm_params }]
  return startGateway(context, { config: { model_list, litellm_settings: settings } })
}

function callFor(app: Gateway, user?: string): Promise<Answer> {
  const messages = [{ role: 'user', content: 'hi' }]
  return app.post('/v1/chat/completions', { model: 'alpha', messages, ...(user === undefined ? {} : { user }) })
}

const statuses = async (app: Gateway, ...users: readonly (string | undefined)[]) => {
  const seen: number[] = []
  for (const user of users) seen.push((await callFor(app, user)).status)
  return seen
}

test('max_end_user_budget holds for each end user, of whom there is a record or not', async (context) => {
  const app = await startWith(context, { max_end_user_budget: 0.000_001 })
  await done(app.post('/customer/new', { user_id: 'kept' }))
  await done(app.post('/customer/new', { user_id: 'rich', max_budget: 100 }))
  assert.deepEqual(await statuses(app, 'ann', 'ann', 'bob', 'kept', 'kept', 'rich', 'rich'), [
    ...[200, 422, 200, 200, 422, 200, 200],
  ])
  assert.deepEqual(await statuses(app, undefined, undefined), [200, 200])
  const refused = await callFor(app, 'ann')
  assert.match(refused.body.error.message, /^ExceededBudget: End User=ann over budget\. Spend=0\.\d+, Budget=1e-06$/)
  await done(app.post('/customer/new', { user_id: 'ann', max_budget: 100 }))
  assert.deepEqual(await statuses(app, 'ann'), [200])
})

test('max_end_user_budget_id names the budget of each end user that has none of his own', async (context) => {
  const app = await startWith(context, { max_end_user_budget_id: 'usual' })
  assert.deepEqual(await statuses(app, 'ann', 'ann'), [200, 200])
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
  await done(app.post('/budget/new', { budget_id: 'usual', rpm_limit: 1 }))
  await done(app.post('/customer/new', { user_id: 'kept' }))
  await done(app.post('/customer/new', { user_id: 'own', max_budget: 100 }))
  assert.deepEqual(await statuses(app, 'ann', 'ann', 'bob', 'kept', 'kept', 'own', 'own'), [
    ...[200, 429, 200, 200, 429, 200, 200],
  ])
  const refused = await callFor(app, 'ann')
  assert.match(refused.body.error.message, /^Rate limit exceeded for end_user: ann\. Limit type: requests/)
  await done(app.post('/budget/update', { budget_id: 'usual', rpm_limit: null, max_budget: 0 }))
  assert.deepEqual(await statuses(app, 'ann', 'kept', 'own', undefined), [422, 422, 200, 200])
  await done(app.post('/budget/update', { budget_id: 'usual', max_budget: 100, budget_duration: '1d' }))
  assert.deepEqual(await statuses(app, 'ann', 'kept'), [200, 200])
})

test('the budget that is named counts before the amount that is said of all', async (context) => {
  const app = await startWith(context, { max_end_user_budget_id: 'usual', max_end_user_budget: 0 })
  assert.deepEqual(await statuses(app, 'ann'), [422])
  await done(app.post('/budget/new', { budget_id: 'usual', max_budget: 100 }))
  assert.deepEqual(await statuses(app, 'ann'), [200])
})
