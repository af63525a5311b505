import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

test('a budget is made, changed in parts, described and listed', async (context) => {
  const app = await startGateway(context)
  const byModel = { alpha: { max_budget: 1, budget_duration: '1d' } }
  const made = await done(
    app.post('/budget/new', {
      budget_id: 'b/ü',
      max_budget: 10,
      soft_budget: 5,
      tpm_limit: 1000,
      model_max_budget: byModel,
      budget_duration: '10d',
    }),
  )
  assert.deepEqual(
    [made.budget_id, made.max_budget, made.model_max_budget, made.created_by],
    ['b/ü', 10, byModel, 'default_user_id'],
  )
  const update = (body: object) => done(app.post('/budget/update', { budget_id: 'b/ü', ...body }))
  const raised = await update({ max_budget: 20 })
  assert.deepEqual(
    [raised.max_budget, raised.soft_budget, raised.tpm_limit, raised.budget_reset_at],
    [20, 5, 1000, made.budget_reset_at],
  )
  const daily = await update({ budget_duration: '1d' })
  assert.ok(Date.parse(daily.budget_reset_at) - Date.now() <= 86_400_000)
  assert.equal((await update({ soft_budget: null })).soft_budget, null)
  const endless = await update({ budget_duration: null })
  assert.deepEqual([endless.budget_duration, endless.budget_reset_at], [null, null])
  assert.equal((await update({ budget_reset_at: '2030-01-01T00:00:00Z' })).budget_reset_at, '2030-01-01T00:00:00Z')
  assert.equal(
    (await app.post('/budget/update', { budget_id: 'b/ü', model_max_budget: { alpha: { max_budget: 'lots' } } }))
      .status,
    422,
  )
  const [shown] = await done(app.post('/budget/info', { budgets: ['b/ü', 'none'] }))
  assert.deepEqual(shown.model_max_budget, byModel)
  const settings = await done(app.get(`/budget/settings?budget_id=${encodeURIComponent('b/ü')}`))
  assert.equal(settings.find((one: { field_name: string }) => one.field_name === 'max_budget').field_value, 20)
  assert.equal((await done(app.get('/budget/list'))).length, 1)
})

test('a budget that cannot be is refused', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/budget/new', { budget_id: 'b' }))
  const cases: readonly [string, object, number, RegExp][] = [
    ['/budget/new', { budget_id: 'b' }, 400, /Budget with id 'b' already exists/],
    ['/budget/new', { max_budget: -1 }, 400, /negative/],
    ['/budget/new', { soft_budget: -1 }, 400, /negative/],
    ['/budget/new', { budget_duration: 'x' }, 400, /duration/],
    ['/budget/update', {}, 400, /budget_id is required/],
    ['/budget/update', { budget_id: 'x' }, 404, /Budget not found/],
    ['/budget/info', { budgets: [] }, 400, /Specify list/],
    ['/budget/delete', { id: 'x' }, 404, /Budget not found/],
  ]
  for (const [path, body, status, message] of cases) {
    const answer = await app.post(path, body)
    assert.equal(answer.status, status, answer.text)
    assert.match(answer.text, message)
  }
})

test('a budget that somebody has is not deleted', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/budget/new', { budget_id: 'b' }))
  const { key } = await done(app.post('/key/generate', { budget_id: 'b' }))
  const refused = await app.post('/budget/delete', { id: 'b' })
  assert.equal(refused.status, 400)
  assert.match(refused.body.detail.error, /in use by 1 record\(s\): key /)
  await done(app.post('/key/update', { key, budget_id: null }))
  assert.equal((await done(app.post('/budget/delete', { id: 'b' }))).budget_id, 'b')
  assert.deepEqual(await done(app.get('/budget/list')), [])
})

test('nor is one that a team gives its members', async (context) => {
  const app = await startGateway(context)
  const { team_id: id, metadata } = await done(app.post('/team/new', { team_member_budget: 5 }))
  const refused = await app.post('/budget/delete', { id: metadata.team_member_budget_id })
  assert.equal(refused.status, 400)
  assert.ok(refused.body.detail.error.includes(`team ${id}`), refused.text)
})
