import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

test('an organization is made with a budget and shown with members and teams', async (context) => {
  const app = await startGateway(context)
  const made = await done(
    app.post('/organization/new', { organization_alias: 'Org ü', max_budget: 3.5, tpm_limit: 120, models: ['alpha'] }),
  )
  assert.match(made.organization_id, /^[0-9a-f-]{36}$/)
  assert.deepEqual(
    [made.organization_alias, made.models, made.litellm_budget_table.max_budget, made.litellm_budget_table.tpm_limit],
    ['Org ü', ['alpha'], 3.5, 120],
  )
  const id = made.organization_id
  await done(app.post('/team/new', { team_id: 't', organization_id: id }))
  await done(
    app.post('/organization/member_add', { organization_id: id, member: { role: 'internal_user', user_id: 'ann' } }),
  )
  const [listed] = await done(app.get('/organization/list'))
  assert.deepEqual(
    listed.members.map((member: { user_id: string; user_role: string }) => [member.user_id, member.user_role]),
    [['ann', 'internal_user']],
  )
  assert.deepEqual(
    listed.teams.map((team: { team_id: string }) => team.team_id),
    ['t'],
  )
  const same = await done(app.get(`/organization/info?organization_id=${id}`))
  assert.equal(same.budget_id, made.budget_id)
  assert.equal((await done(app.post('/organization/info', { organizations: [id] }))).length, 1)
  const unknown = await app.get('/organization/info?organization_id=x')
  assert.deepEqual([unknown.status, unknown.body], [404, { detail: { error: 'Organization not found' } }])
  assert.equal((await app.post('/organization/new', {})).status, 422)
  assert.equal((await app.post('/organization/new', { organization_id: id, organization_alias: 'x' })).status, 400)
  assert.equal((await app.post('/organization/new', { organization_alias: 'x', budget_id: 'none' })).status, 400)
  const many = await Promise.all(
    Array.from({ length: 8 }, () => done(app.post('/organization/new', { organization_alias: 'same' }))),
  )
  assert.equal(new Set(many.map((one) => one.organization_id)).size, 8)
})

test('an update changes what was sent; limits are those of its budget', async (context) => {
  const app = await startGateway(context)
  await done(
    app.post('/organization/new', { organization_id: 'o', organization_alias: 'o', max_budget: 3, metadata: { a: 1 } }),
  )
  const update = (body: object) => done(app.call('PATCH', '/organization/update', { organization_id: 'o', ...body }))
  const renamed = await update({ organization_alias: 'new' })
  assert.deepEqual(
    [renamed.organization_alias, renamed.metadata, renamed.litellm_budget_table.max_budget],
    ['new', { a: 1 }, 3],
  )
  assert.equal((await update({ rpm_limit: 5 })).litellm_budget_table.max_budget, 3)
  assert.equal((await update({ max_budget: null })).litellm_budget_table.max_budget, null)
  assert.deepEqual((await update({ models: ['alpha'] })).models, ['alpha'])
  assert.equal((await app.call('PATCH', '/organization/update', { organization_id: 'x' })).status, 404)
  assert.equal((await app.call('POST', '/organization/update', { organization_id: 'o' })).status, 405)
})

test("a member's role changes what he may do, at once", async (context) => {
  const app = await startGateway(context)
  await done(app.post('/organization/new', { organization_id: 'o', organization_alias: 'o' }))
  const { key } = await done(app.post('/user/new', { user_id: 'ann' }))
  const member = { organization_id: 'o', user_id: 'ann' }
  await done(
    app.post('/organization/member_add', { organization_id: 'o', member: { role: 'internal_user', user_id: 'ann' } }),
  )
  assert.equal(
    (await app.post('/organization/member_add', { organization_id: 'o', member: { role: 'user', user_id: 'ann' } }))
      .status,
    400,
  )
  assert.equal((await app.post('/team/new', { organization_id: 'o' }, key)).status, 401)
  const updated = await done(
    app.call('PATCH', '/organization/member_update', { ...member, role: 'org_admin', max_budget_in_organization: 4 }),
  )
  assert.deepEqual([updated.user_role, updated.litellm_budget_table.max_budget], ['org_admin', 4])
  assert.equal((await app.post('/team/new', { organization_id: 'o' }, key)).status, 200)
  assert.equal((await app.post('/team/new', {}, key)).status, 401)
  const added = { organization_id: 'o', member: { role: 'internal_user', user_email: 'new@x.org' } }
  assert.equal((await app.post('/organization/member_add', added, key)).status, 200)
  assert.deepEqual((await app.get('/organization/list', key)).body.length, 1)
  await done(app.call('DELETE', '/organization/member_delete', member))
  assert.equal((await app.post('/team/new', { organization_id: 'o' }, key)).status, 401)
  assert.equal((await app.call('DELETE', '/organization/member_delete', member)).status, 404)
  assert.deepEqual((await app.get('/organization/list', key)).body, [])
})

test('a deleted organization takes its teams, keys and memberships along, and nobody else’s', async (context) => {
  const app = await startGateway(context)
  for (const id of ['o', 'p'])
    await done(app.post('/organization/new', { organization_id: id, organization_alias: id }))
  await done(app.post('/team/new', { team_id: 't', organization_id: 'o' }))
  const keys = []
  for (const body of [{ organization_id: 'o' }, { team_id: 't' }, { organization_id: 'p' }]) {
    keys.push((await done(app.post('/key/generate', body))).key)
  }
  assert.equal((await app.call('DELETE', '/organization/delete', { organization_ids: ['o', 'x'] })).status, 404)
  const deleted = await done(app.call('DELETE', '/organization/delete', { organization_ids: ['o'] }))
  assert.deepEqual(
    deleted.map((one: { organization_id: string }) => one.organization_id),
    ['o'],
  )
  const statuses = []
  for (const key of keys) statuses.push((await app.chat('alpha', key)).status)
  assert.deepEqual(statuses, [401, 401, 200])
  assert.equal((await app.get('/team/info?team_id=t')).status, 404)
})
