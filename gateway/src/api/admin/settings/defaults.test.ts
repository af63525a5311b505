import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelsThatAnswer, startGateway } from '../../../../test/gateway.ts'

test('what new users get is shown with its fields, replaced as a whole, and counts for the next user', async (context) => {
  const { get, call, post } = await startGateway(context)
  const before = await get('/get/internal_user_settings')
  assert.equal(before.status, 200, before.text)
  assert.deepEqual(before.body.values, {})
  assert.deepEqual(Object.keys(before.body.field_schema.properties), [
    ...['user_role', 'max_budget', 'budget_duration', 'models', 'teams'],
  ])
  assert.equal(before.body.field_schema.properties.max_budget.type, 'number')
  const sent = { user_role: 'internal_user_viewer', max_budget: 3, budget_duration: '30d', models: ['alpha'] }
  const changed = await call('PATCH', '/update/internal_user_settings', { ...sent, teams: null })
  assert.deepEqual(
    [changed.status, changed.body],
    [200, { message: 'Internal user settings updated successfully', status: 'success', settings: sent }],
  )
  assert.deepEqual((await get('/get/internal_user_settings')).body.values, sent)
  const { body: user } = await post('/user/new', { auto_create_key: false })
  assert.deepEqual([user.user_role, user.max_budget, user.models], ['internal_user_viewer', 3, ['alpha']])
  await call('PATCH', '/update/internal_user_settings', { max_budget: 5 })
  assert.deepEqual((await get('/get/internal_user_settings')).body.values, { max_budget: 5 })
})

test('teams of new users are joined', async (context) => {
  const { call, post, get } = await startGateway(context)
  await post('/team/new', { team_id: 't' })
  const teams = ['t', { team_id: 't2', user_role: 'admin', max_budget_in_team: 2 }]
  await post('/team/new', { team_id: 't2' })
  assert.equal((await call('PATCH', '/update/internal_user_settings', { teams })).status, 200)
  assert.equal((await post('/user/new', { user_id: 'ann' })).status, 200)
  const { body } = await get('/user/info?user_id=ann')
  assert.deepEqual(body.user_info.teams.sort(), ['t', 't2'])
})

test('what new teams get is shown, replaced and counts for the next team', async (context) => {
  const { get, call, post } = await startGateway(context)
  const sent = { max_budget: 9, budget_duration: '7d', tpm_limit: 100, rpm_limit: 10, models: ['alpha'] }
  const changed = await call('PATCH', '/update/default_team_settings', sent)
  assert.deepEqual(
    [changed.status, changed.body],
    [200, { message: 'Default team settings updated successfully', status: 'success', settings: sent }],
  )
  const { body } = await get('/get/default_team_settings')
  assert.deepEqual(body.values, sent)
  assert.deepEqual(body.field_schema.properties.tpm_limit.type, 'integer')
  const { body: team } = await post('/team/new', { rpm_limit: 5 })
  assert.deepEqual([team.max_budget, team.tpm_limit, team.rpm_limit, team.models], [9, 100, 5, ['alpha']])
  await call('PATCH', '/update/default_team_settings', {})
  assert.equal((await post('/team/new', {})).body.max_budget, null)
})

test('what nobody may have is refused, and so is what the file says', async (context) => {
  const config = `${modelsThatAnswer}\nlitellm_settings: { default_team_params: { max_budget: 1 } }\n`
  const { get, call } = await startGateway(context, { config })
  const bad = [
    { max_budget: -1 },
    { budget_duration: 'soon' },
    { user_role: 'king' },
    { models: 'all' },
    { teams: [{}] },
  ]
  for (const body of bad) {
    const { status, text } = await call('PATCH', '/update/internal_user_settings', body)
    assert.ok(status === 400 || status === 422, `${JSON.stringify(body)}: ${status} ${text}`)
  }
  const owned = await call('PATCH', '/update/default_team_settings', { max_budget: 2 })
  const message = "litellm_settings key 'default_team_params' is set in the config file and cannot be changed here."
  assert.deepEqual(
    [owned.status, owned.body],
    [400, { detail: { error: message, keys: ['default_team_params'], section: 'litellm_settings' } }],
  )
  assert.deepEqual((await get('/get/default_team_settings')).body.values, { max_budget: 1 })
})
