import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../../test/gateway.ts'

test('a tag is made with a budget, changed, shown and deleted', async (context) => {
  const app = await startGateway(context)
  const made = await app.post('/tag/new', { name: 'prod/ü', description: 'x', max_budget: 3, models: ['alpha'] })
  assert.equal(made.status, 200, made.text)
  assert.equal(made.body.message, 'Tag prod/ü created successfully')
  assert.deepEqual(
    [made.body.tag.name, made.body.tag.spend, made.body.tag.litellm_budget_table.max_budget],
    ['prod/ü', 0, 3],
  )
  assert.equal((await app.post('/tag/new', { name: 'prod/ü' })).status, 400)
  const updated = await app.post('/tag/update', { name: 'prod/ü', description: null, max_budget: 4 })
  assert.deepEqual(
    [updated.body.tag.description, updated.body.tag.models, updated.body.tag.litellm_budget_table.max_budget],
    [null, ['alpha'], 4],
  )
  assert.equal(updated.body.tag.budget_id, made.body.tag.budget_id)
  assert.deepEqual(Object.keys((await app.post('/tag/info', { names: ['prod/ü'] })).body), ['prod/ü'])
  assert.equal((await app.post('/tag/info', { names: ['x'] })).status, 404)
  assert.equal((await app.get('/tag/list')).body.length, 1)
  assert.equal((await app.post('/budget/delete', { id: made.body.tag.budget_id })).status, 400)
  assert.equal((await app.post('/tag/delete', { name: 'prod/ü' })).status, 200)
  assert.equal((await app.post('/tag/delete', { name: 'prod/ü' })).status, 404)
  assert.equal((await app.post('/tag/update', { name: 'x' })).status, 404)
  assert.equal((await app.post('/tag/new', { name: 'y', budget_id: 'none' })).status, 400)
})
