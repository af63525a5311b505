import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

async function refused(answering: Promise<Answer>, status: number, message: string | RegExp): Promise<void> {
  const answer = await answering
  assert.equal(answer.status, status, answer.text)
  if (typeof message === 'string') assert.equal(answer.body.error.message, message)
  else assert.match(answer.body.error?.message ?? JSON.stringify(answer.body.detail), message)
}

const infoOf = async (app: Gateway, id: string) =>
  (await done(app.get(`/user/info?user_id=${encodeURIComponent(id)}`))).user_info

test('a new user has a first key that acts for him, unless none is wanted', async (context) => {
  const app = await startGateway(context)
  const made = await done(
    app.post('/user/new', {
      user_id: 'ann',
      user_email: 'Ann@Example.org ',
      user_alias: 'Ann',
      user_role: 'internal_user',
      models: ['alpha'],
      max_budget: 10,
      budget_duration: '1d',
      tpm_limit: 100,
      metadata: { desk: 4 },
      model_rpm_limit: { alpha: 5 },
      key_alias: "ann's first",
      duration: '30d',
      aliases: { gpt: 'alpha' },
    }),
  )
  assert.match(made.key, /^sk-/)
  assert.deepEqual(
    [made.user_id, made.user_email, made.user_alias, made.user_role, made.max_budget, made.models, made.key_alias],
    ['ann', 'ann@example.org', 'Ann', 'internal_user', 10, ['alpha'], "ann's first"],
  )
  assert.equal((await app.chat('alpha', made.key)).status, 200)
  assert.equal((await app.chat('gpt', made.key)).status, 200)
  assert.equal((await app.chat('beta', made.key)).status, 403)
  const own = await done(app.get('/user/info', made.key))
  assert.deepEqual([own.user_id, own.keys.length, own.teams], ['ann', 1, []])
  assert.equal(own.keys[0].token, undefined)
  assert.deepEqual(own.user_info.metadata, { desk: 4, model_rpm_limit: { alpha: 5 } })
  const midnight = new Date(own.user_info.budget_reset_at)
  assert.deepEqual([midnight.getUTCHours(), midnight.getUTCMinutes()], [0, 0])

  const without = await done(app.post('/user/new', { auto_create_key: false }))
  assert.deepEqual([without.key, without.token], ['', null])
  assert.match(without.user_id, /^[0-9a-f-]{36}$/)
  assert.equal((await done(app.get('/key/list'))).total_count, 1)
})

test('ids and addresses belong to one user each, in any case', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/user/new', { user_id: 'ann', user_email: 'ann@x.org' }))
  await refused(app.post('/user/new', { user_id: 'ann' }), 409, "{'error': 'User with user_id ann already exists'}")
  await refused(
    app.post('/user/new', { user_email: 'ANN@X.ORG' }),
    409,
    "{'error': 'User with email ANN@X.ORG already exists'}",
  )
  await done(app.post('/user/new', { user_id: 'Ann' }))
  await refused(app.post('/user/update', { user_id: 'Ann', user_email: 'Ann@x.org' }), 409, /already exists/)
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => app.post('/user/new', { user_email: 'new@x.org' })),
  )
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  await refused(app.post('/user/new', { user_role: 'emperor' }), 422, /user_role/)
  await refused(
    app.post('/user/new', { teams: ['no team'] }),
    404,
    "{'error': 'Team not found, passed team_id=no team'}",
  )
  assert.equal((await app.get('/user/list')).body.total, 3)
})

test('an update changes what was sent, by id or by address', async (context) => {
  const app = await startGateway(context)
  const id = 'grüße/world 🛫'
  await done(
    app.post('/user/new', { user_id: id, user_email: 'a@b.c', max_budget: 5, models: ['alpha'], metadata: { a: 1 } }),
  )
  const update = async (body: object) => (await done(app.post('/user/update', { user_id: id, ...body }))).data
  assert.equal((await update({ user_alias: 'x' })).max_budget, 5)
  assert.equal((await update({ max_budget: null })).max_budget, null)
  assert.equal((await update({ max_budget: 0 })).max_budget, 0)
  assert.deepEqual((await update({ models: [] })).models, [])
  assert.deepEqual((await update({ model_tpm_limit: { alpha: 1 } })).metadata, { a: 1, model_tpm_limit: { alpha: 1 } })
  assert.deepEqual((await update({ metadata: { b: 2 } })).metadata, { b: 2 })
  assert.equal((await update({ spend: 2.5 })).spend, 2.5)
  const answer = await done(app.post('/user/update', { user_email: 'A@B.C', user_alias: 'by mail' }))
  assert.deepEqual([answer.user_id, answer.data.user_alias], [id, 'by mail'])
  await refused(app.post('/user/update', { user_id: 'nobody', max_budget: 1 }), 404, 'User nobody not found')
  await refused(app.post('/user/update', { max_budget: 1 }), 400, /user_id or user_email/)
  await refused(app.post('/user/update', { user_id: id, max_budget: -1 }), 400, /negative/)
  await refused(app.get('/user/info?user_id=nobody'), 404, 'User nobody not found')
})

test('a role that is taken away does not work any more', async (context) => {
  const app = await startGateway(context)
  const { key } = await done(app.post('/user/new', { user_id: 'root', user_role: 'proxy_admin' }))
  assert.equal((await app.get('/user/list', key)).status, 200)
  await done(app.post('/user/update', { user_id: 'root', user_role: 'internal_user' }))
  assert.equal((await app.get('/user/list', key)).status, 401)
})

test('a deleted user takes keys and memberships along, and the answer is how many', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't', max_budget: 10 }))
  await done(app.post('/organization/new', { organization_id: 'o', organization_alias: 'o' }))
  const { key } = await done(app.post('/user/new', { user_id: 'ann', teams: ['t'], organizations: ['o'] }))
  await done(
    app.post('/user/new', { user_id: 'bob', teams: [{ team_id: 't', max_budget_in_team: 3, user_role: 'admin' }] }),
  )
  const team = async () => done(app.get('/team/info?team_id=t'))
  assert.deepEqual((await infoOf(app, 'ann')).teams, ['t'])
  assert.deepEqual(
    (await team()).team_info.members_with_roles.map((member: { user_id: string }) => member.user_id),
    ['default_user_id', 'ann', 'bob'],
  )
  await refused(app.post('/user/delete', { user_ids: ['ann', 'nobody'] }), 404, 'User nobody not found')
  assert.equal((await app.chat('alpha', key)).status, 200, 'a refused deletion deleted something')
  assert.equal(await done(app.post('/user/delete', { user_ids: ['ann', 'ann'] })), 1)
  assert.equal((await app.chat('alpha', key)).status, 401)
  assert.deepEqual((await team()).team_memberships.map((member: { user_id: string }) => member.user_id).sort(), [
    'bob',
    'default_user_id',
  ])
  assert.deepEqual((await team()).team_info.members, [])
  assert.deepEqual((await done(app.get('/organization/info?organization_id=o'))).members, [])
  assert.equal((await app.get(`/key/info?key=${key}`)).body.info.status, 'deleted')
})

test('users are listed by page, role, team and part of an address', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't' }))
  for (const name of ['a', 'b', 'c']) {
    await done(
      app.post('/user/new', { user_id: name, user_email: `${name}@List.org`, teams: name === 'b' ? ['t'] : [] }),
    )
  }
  const list = async (query: string) => done(app.get(`/user/list?sort_by=user_id&sort_order=asc&${query}`))
  const ids = async (query: string) => (await list(query)).users.map((user: { user_id: string }) => user.user_id)
  assert.deepEqual(await ids('user_email=LIST'), ['a', 'b', 'c'])
  assert.deepEqual(await ids('user_ids=a,c'), ['a', 'c'])
  assert.deepEqual(await ids('team=t'), ['b', 'default_user_id'])
  assert.deepEqual(await ids('role=proxy_admin'), ['default_user_id'])
  assert.deepEqual(await ids('role=org_admin'), [])
  const second = await list('page=2&page_size=3')
  assert.deepEqual(
    [second.total, second.page, second.page_size, second.total_pages, second.users.length],
    [4, 2, 3, 2, 1],
  )
  assert.equal((await list('user_ids=a')).users[0].key_count, 1)
})

test('many users are updated each on its own, and everybody may ask which roles there are', async (context) => {
  const app = await startGateway(context)
  const { key } = await done(app.post('/user/new', { user_id: 'a' }))
  const answer = await done(
    app.post('/user/bulk_update', {
      users: [
        { user_id: 'a', max_budget: 3 },
        { user_id: 'z', max_budget: 3 },
      ],
    }),
  )
  assert.deepEqual([answer.total_requested, answer.successful_updates, answer.failed_updates], [2, 1, 1])
  assert.equal((await infoOf(app, 'a')).max_budget, 3)
  await done(app.post('/user/bulk_update', { all_users: true, user_updates: { max_budget: 4 } }))
  assert.equal((await infoOf(app, 'a')).max_budget, 4)
  assert.ok('internal_user' in (await done(app.get('/user/available_roles', key))))
})
