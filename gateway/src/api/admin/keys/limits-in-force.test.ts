import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

test('a budget that is spent refuses, and serves again when it is raised, set back or taken away', async (context) => {
  const app = await startGateway(context)
  const { key, token } = await done(app.post('/key/generate', { max_budget: 4, spend: 5 }))
  const refused = await app.chat('alpha', key)
  assert.deepEqual([refused.status, refused.body.error.type], [422, 'budget_exceeded'])
  await done(app.post('/key/update', { key, max_budget: 6 }))
  assert.equal((await app.chat('alpha', key)).status, 200)
  await done(app.post('/key/update', { key, max_budget: 0 }))
  assert.equal((await app.chat('alpha', key)).status, 422)
  await done(app.post('/key/update', { key, max_budget: null }))
  assert.equal((await app.chat('alpha', key)).status, 200)
  await done(app.post('/key/update', { key, max_budget: 4 }))
  assert.equal((await app.chat('alpha', key)).status, 422)
  await done(app.post(`/key/${token}/reset_spend`, { reset_to: 0 }))
  assert.equal((await app.chat('alpha', key)).status, 200)
})

test('a regenerated key goes on from what it had spent', async (context) => {
  const app = await startGateway(context)
  const { key } = await done(app.post('/key/generate', { max_budget: 4, spend: 5 }))
  const again = await done(app.post('/key/regenerate', { key }))
  assert.equal((await app.chat('alpha', again.key)).status, 422)
})

test('a shared budget record bounds whoever refers to it, and follows its changes', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/budget/new', { budget_id: 'b', max_budget: 4 }))
  const { key } = await done(app.post('/key/generate', { budget_id: 'b', spend: 5 }))
  assert.equal((await app.chat('alpha', key)).status, 422)
  await done(app.post('/budget/update', { budget_id: 'b', max_budget: 10 }))
  assert.equal((await app.chat('alpha', key)).status, 200)
})

test('limits of users, teams and members hold for their keys, at once', async (context) => {
  const app = await startGateway(context)
  const ann = await done(app.post('/user/new', { user_id: 'ann', rpm_limit: 1 }))
  assert.deepEqual([(await app.chat('alpha', ann.key)).status, (await app.chat('alpha', ann.key)).status], [200, 429])
  await done(app.post('/user/update', { user_id: 'ann', rpm_limit: null }))
  assert.equal((await app.chat('alpha', ann.key)).status, 200)

  const members = [{ role: 'user', user_id: 'bob' }]
  await done(app.post('/team/new', { team_id: 't', team_member_rpm_limit: 1, members_with_roles: members }))
  const { key } = await done(app.post('/key/generate', { team_id: 't', user_id: 'bob' }))
  assert.deepEqual([(await app.chat('alpha', key)).status, (await app.chat('alpha', key)).status], [200, 429])
  await done(app.post('/team/member_update', { team_id: 't', user_id: 'bob', rpm_limit: 5 }))
  assert.equal((await app.chat('alpha', key)).status, 200)
  await done(app.post('/team/update', { team_id: 't', max_budget: 1, spend: 2 }))
  assert.equal((await app.chat('alpha', key)).status, 422)
})
