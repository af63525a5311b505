import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, modelsThatAnswer, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

const settings = (lines: string) => `${modelsThatAnswer}\nlitellm_settings:\n${lines}`

async function userOf(app: Gateway, id: string): Promise<Answer['body']> {
  return (await done(app.get(`/user/info?user_id=${encodeURIComponent(id)}`))).user_info
}

const budget = settings('  max_internal_user_budget: 10\n  internal_user_budget_duration: 30d\n')

test('new internal users have the budget that the settings give them, whoever makes them', async (context) => {
  const app = await startGateway(context, { config: budget })
  await done(app.post('/user/new', { user_id: 'plain' }))
  await done(app.post('/user/new', { user_id: 'nulls', max_budget: null, budget_duration: null }))
  const members = [{ role: 'user', user_id: 'of-team' }]
  await done(app.post('/team/new', { team_id: 't', members_with_roles: members }))
  await done(app.post('/team/member_add', { team_id: 't', member: { role: 'user', user_email: 'Ann@x.org' } }))
  await done(app.post('/organization/new', { organization_id: 'o', organization_alias: 'o' }))
  await done(
    app.post('/organization/member_add', {
      organization_id: 'o',
      member: { role: 'internal_user', user_id: 'of-organization' },
    }),
  )
  const { users } = await done(app.get('/user/list?user_email=ann@x.org'))
  for (const id of ['plain', 'nulls', 'of-team', users[0].user_id, 'of-organization']) {
    const user = await userOf(app, id)
    assert.deepEqual([user.max_budget, user.budget_duration], [10, '30d'], id)
    assert.ok(Date.parse(user.budget_reset_at) > Date.now(), id)
  }
})

test('what is said of a user counts before the settings, and other roles have no such budget', async (context) => {
  const app = await startGateway(context, { config: budget })
  const made = await done(app.post('/user/new', { user_id: 'own', max_budget: 0, budget_duration: '1d' }))
  assert.deepEqual([made.max_budget, made.budget_duration], [0, '1d'])
  assert.equal((await app.chat('alpha', made.key)).status, 422)
  for (const role of ['proxy_admin', 'proxy_admin_viewer', 'internal_user_viewer']) {
    const other = await done(app.post('/user/new', { user_role: role, auto_create_key: false }))
    assert.deepEqual([other.max_budget, other.budget_duration], [null, null], role)
  }
  assert.equal((await userOf(app, 'default_user_id').catch(() => undefined))?.max_budget ?? null, null)
})

test('the budget is enforced, and one that is changed holds for users made from then on', async (context) => {
  const app = await startGateway(context)
  const change = (amount: number | null) =>
    done(app.post('/config/update', { litellm_settings: { max_internal_user_budget: amount } }))
  await change(0)
  const { key, user_id: id } = await done(app.post('/user/new', {}))
  const refused = await app.chat('alpha', key)
  assert.equal(refused.status, 422)
  assert.equal(refused.body.error.message, `ExceededBudget: User=${id} over budget. Spend=0.0, Budget=0.0`)
  await change(null)
  const other = await done(app.post('/user/new', {}))
  assert.deepEqual([(await app.chat('alpha', key)).status, (await app.chat('alpha', other.key)).status], [422, 200])
  assert.equal((await app.post('/config/update', { litellm_settings: { max_internal_user_budget: -1 } })).status, 400)
})

test('default_internal_user_params fill what was not said, null and an empty list of models included, but not for admins', async (context) => {
  const app = await startGateway(context, {
    config: settings(
      '  max_internal_user_budget: 10\n' +
        '  default_internal_user_params:\n' +
        '    { user_role: internal_user_viewer, models: [alpha], max_budget: 3, budget_duration: 7d, available_teams: [x] }\n',
    ),
  })
  const plain = await done(app.post('/user/new', { models: [], max_budget: null, auto_create_key: false }))
  assert.deepEqual(
    [plain.user_role, plain.models, plain.max_budget, plain.budget_duration, 'available_teams' in plain],
    ['internal_user_viewer', ['alpha'], 3, '7d', false],
  )
  const said = await done(
    app.post('/user/new', { user_role: 'internal_user', models: ['beta'], auto_create_key: false }),
  )
  assert.deepEqual([said.user_role, said.models, said.max_budget], ['internal_user', ['beta'], 3])
  const admin = await done(app.post('/user/new', { user_role: 'proxy_admin', auto_create_key: false }))
  assert.deepEqual([admin.models, admin.max_budget, admin.budget_duration], [[], null, null])
  await done(app.post('/team/new', { team_id: 't', members_with_roles: [{ role: 'user', user_id: 'bob' }] }))
  const bob = await userOf(app, 'bob')
  assert.deepEqual([bob.models, bob.max_budget, bob.budget_duration], [['alpha'], 3, '7d'])
  assert.ok(Date.parse(bob.budget_reset_at) > Date.now())
})

test('default_team_params fill what was not said of a team, null included', async (context) => {
  const app = await startGateway(context, {
    config: settings(
      '  default_team_params: { max_budget: 5, budget_duration: 1d, models: [alpha], tpm_limit: 100 }\n',
    ),
  })
  const open = await done(app.post('/team/new', { models: [] }))
  assert.deepEqual(open.models, [])
  const team = await done(app.post('/team/new', { max_budget: null, models: null, tpm_limit: 7 }))
  assert.deepEqual([team.max_budget, team.budget_duration, team.models, team.tpm_limit], [5, '1d', ['alpha'], 7])
  assert.ok(Date.parse(team.budget_reset_at) > Date.now())
})

test('the settings that say what new users get are read without a warning', async (context) => {
  const app = await startGateway(context, { config: budget })
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
})
