import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

for (const prefix of ['/customer', '/end_user']) {
  test(`${prefix}: a customer is made, changed, blocked, listed and deleted`, async (context) => {
    const app = await startGateway(context)
    const id = 'kunde/ü 🛫'
    const query = `${prefix}/info?end_user_id=${encodeURIComponent(id)}`
    const made = await done(
      app.post(`${prefix}/new`, { user_id: id, alias: 'First', max_budget: 2, budget_duration: '1d', spend: 1 }),
    )
    assert.deepEqual(
      [made.user_id, made.alias, made.blocked, made.spend, made.litellm_budget_table.max_budget],
      [id, 'First', false, 1, 2],
    )
    assert.ok(Date.parse(made.litellm_budget_table.budget_reset_at) > Date.now())
    const twice = await app.post(`${prefix}/new`, { user_id: id })
    assert.deepEqual([twice.status, twice.body.error.type, twice.body.error.param], [400, 'bad_request', 'user_id'])
    assert.equal((await done(app.post(`${prefix}/update`, { user_id: id, alias: null }))).alias, null)
    const raised = await done(app.post(`${prefix}/update`, { user_id: id, max_budget: 5 }))
    assert.deepEqual([raised.budget_id, raised.litellm_budget_table.max_budget], [made.budget_id, 5])
    assert.equal((await done(app.get(query))).litellm_budget_table.budget_duration, '1d')
    const unknown = await app.get(`${prefix}/info?end_user_id=x`)
    assert.deepEqual(
      [unknown.status, unknown.body.error.message, unknown.body.error.type],
      [404, 'End User Id=x does not exist in db', 'not_found'],
    )
    assert.equal((await app.post(`${prefix}/update`, { user_id: 'x' })).status, 404)

    const blocked = await done(app.post(`${prefix}/block`, { user_ids: [id, 'never seen'] }))
    assert.deepEqual(
      blocked.blocked_users.map((one: { blocked: boolean }) => one.blocked),
      [true, true],
    )
    const { key } = await done(app.post('/key/generate', {}))
    const call = (user: string) =>
      app.post('/v1/chat/completions', { model: 'alpha', user, messages: [{ role: 'user', content: 'hi' }] }, key)
    assert.deepEqual(
      [(await call(id)).status, (await call('never seen')).status, (await call('other')).status],
      [400, 400, 200],
    )
    await done(app.post(`${prefix}/unblock`, { user_ids: [id, 'unknown'] }))
    assert.equal((await call(id)).status, 200)
    assert.equal((await done(app.get(`${prefix}/list`))).length, 2)
    assert.equal((await app.post(`${prefix}/delete`, { user_ids: [id, 'x'] })).status, 404)
    const deleted = await done(app.post(`${prefix}/delete`, { user_ids: [id] }))
    assert.deepEqual(deleted, { deleted_customers: 1, message: `Successfully deleted customers with ids: ${id}` })
    assert.equal((await app.get(query)).status, 404)
  })
}

test('customers share a named budget until one gets limits of its own', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/budget/new', { budget_id: 'free', max_budget: 1, rpm_limit: 3 }))
  for (const id of ['a', 'b']) await done(app.post('/customer/new', { user_id: id, budget_id: 'free' }))
  const own = await done(app.post('/customer/update', { user_id: 'a', max_budget: 9 }))
  assert.notEqual(own.budget_id, 'free')
  assert.deepEqual([own.litellm_budget_table.max_budget, own.litellm_budget_table.rpm_limit], [9, 3])
  assert.equal((await done(app.get('/customer/info?end_user_id=b'))).litellm_budget_table.max_budget, 1)
  assert.equal((await app.post('/customer/new', { user_id: 'c', budget_id: 'none' })).status, 400)
  assert.equal((await app.post('/customer/new', { user_id: 'c', budget_id: 'free', max_budget: 1 })).status, 400)
  assert.equal((await app.post('/customer/new', { user_id: '' })).status, 422)
})

test('a customer that is blocked by an update is refused on every replica when the answer is there', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/customer/new', { user_id: 'c' }))
  const answer = await app.post('/customer/update', { user_id: 'c', blocked: true })
  assert.match(answer.headers.get('x-midflight-replicas') ?? '', /:applied$/)
})
