import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../../../test/gateway.ts'

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

async function refused(answering: Promise<Answer>, status: number, message: string | RegExp): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, status, answer.text)
  const said = answer.body.error?.message ?? JSON.stringify(answer.body.detail)
  if (typeof message === 'string') assert.equal(said, message)
  else assert.match(said, message)
  return answer.body
}

const infoOf = async (app: Gateway, id: string) => done(app.get(`/team/info?team_id=${encodeURIComponent(id)}`))
const rosterOf = async (app: Gateway, id: string) => (await infoOf(app, id)).team_info.members_with_roles

test('a team is made with its members, its maker and its limits', async (context) => {
  const app = await startGateway(context)
  const made = await done(
    app.post('/team/new', {
      team_alias: 'Grüße 🛫',
      team_id: 'a/b c%41',
      members_with_roles: [
        { role: 'admin', user_id: 'boss' },
        { role: 'user', user_email: 'New@x.org' },
      ],
      models: ['alpha'],
      max_budget: 10,
      soft_budget: 5,
      budget_duration: '30d',
      tpm_limit: 1000,
      model_rpm_limit: { alpha: 3 },
      tags: ['t'],
      model_aliases: { gpt: 'alpha' },
      metadata: { cost_center: 7 },
      team_member_budget: 2,
      team_member_rpm_limit: 9,
    }),
  )
  assert.deepEqual([made.team_id, made.team_alias, made.spend, made.blocked], ['a/b c%41', 'Grüße 🛫', 0, false])
  assert.deepEqual(
    made.members_with_roles.map((member: { role: string; user_email: string | null }) => [
      member.role,
      member.user_email,
    ]),
    [
      ['admin', null],
      ['user', 'New@x.org'],
      ['admin', null],
    ],
  )
  assert.ok(made.admins.includes('default_user_id'))
  assert.equal(new Date(made.budget_reset_at).getUTCDate(), 1)
  assert.deepEqual(made.litellm_model_table, { model_aliases: { gpt: 'alpha' } })
  const { team_info: info, team_memberships: memberships } = await infoOf(app, 'a/b c%41')
  const { team_member_budget_id: budgetId, ...metadata } = info.metadata
  assert.deepEqual(metadata, { cost_center: 7, model_rpm_limit: { alpha: 3 }, tags: ['t'] })
  assert.equal(info.team_member_budget_table.max_budget, 2)
  assert.equal(info.team_member_budget_table.rpm_limit, 9)
  assert.ok(memberships.every((member: { budget_id: string }) => member.budget_id === budgetId))
  const { key } = await done(app.post('/key/generate', { team_id: 'a/b c%41', user_id: 'boss' }))
  assert.equal((await app.chat('alpha', key)).status, 200)
  assert.equal((await app.chat('gpt', key)).status, 200)
  assert.equal((await app.chat('beta', key)).status, 403)
})

test('a team that cannot be is refused with the reason, and no user of it is made', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 'taken' }))
  await done(
    app.post('/organization/new', {
      organization_id: 'o',
      organization_alias: 'o',
      max_budget: 5,
      tpm_limit: 10,
      models: ['alpha'],
    }),
  )
  const bad: readonly [object, number, string | RegExp][] = [
    [{ team_id: 'taken' }, 400, "{'error': 'Team id = taken already exists. Please use a different team id.'}"],
    [{ max_budget: -1 }, 400, /max_budget cannot be negative/],
    [{ max_budget: 5, soft_budget: 5 }, 400, /soft_budget \(5\) must be strictly lower than max_budget \(5\)/],
    [{ organization_id: 'nowhere' }, 404, /Organization not found/],
    [{ organization_id: 'o', max_budget: 6 }, 400, /exceeds the organization's max_budget \(5\)/],
    [{ organization_id: 'o', tpm_limit: 11 }, 400, /tpm_limit/],
    [{ organization_id: 'o', models: ['beta'] }, 400, /beta is not among/],
    [{ team_member_permissions: ['/everything'] }, 400, /Invalid team_member_permissions/],
    [{ access_group_ids: ['none'] }, 404, /Access group not found/],
    [{ budget_duration: 'never' }, 400, /budget_duration/],
    [
      {
        members_with_roles: [
          { role: 'user', user_id: 'x' },
          { role: 'user', user_id: 'x' },
        ],
      },
      400,
      /already in team/,
    ],
    [{ members_with_roles: [{ role: 'user' }] }, 422, /user_id or user_email/],
    [{ members_with_roles: [{ role: 'king', user_id: 'x' }] }, 422, /members_with_roles/],
  ]
  for (const [body, status, message] of bad) await refused(app.post('/team/new', body), status, message)
  assert.equal((await app.get('/user/info?user_id=x')).status, 404)
  assert.equal((await done(app.get('/team/list'))).length, 1)
  await done(app.post('/team/new', { organization_id: 'o', max_budget: 5, models: ['alpha'] }))
})

test('an update keeps what was not sent; null clears; members stay', async (context) => {
  const app = await startGateway(context)
  await done(
    app.post('/team/new', {
      team_id: 't',
      max_budget: 5,
      rpm_limit: 3,
      models: ['alpha'],
      metadata: { a: 1 },
      team_member_budget: 1,
    }),
  )
  await done(app.post('/team/member_add', { team_id: 't', member: { role: 'user', user_id: 'ann' } }))
  const update = async (body: object) => (await done(app.post('/team/update', { team_id: 't', ...body }))).data
  const renamed = await update({ team_alias: 'new' })
  assert.deepEqual([renamed.max_budget, renamed.models, renamed.members_with_roles.length], [5, ['alpha'], 2])
  assert.equal((await update({ max_budget: null })).max_budget, null)
  assert.deepEqual((await update({ models: [] })).models, [])
  assert.equal((await update({ rpm_limit: 0 })).rpm_limit, 0)
  const replaced = await update({ metadata: { b: 2 } })
  const shared = replaced.metadata.team_member_budget_id
  assert.deepEqual(replaced.metadata, { b: 2, team_member_budget_id: shared })
  await update({ team_member_budget: 4 })
  assert.equal((await infoOf(app, 't')).team_info.team_member_budget_table.max_budget, 4)
  assert.equal((await infoOf(app, 't')).team_info.metadata.team_member_budget_id, shared)
  await refused(app.post('/team/update', { team_id: 'x' }), 404, "{'error': 'Team not found, passed team_id=x'}")
  await refused(app.post('/team/update', { team_id: 't', max_budget: 1, soft_budget: 2 }), 400, /soft_budget/)
  assert.equal((await app.post('/team/update', {})).status, 422)
  assert.equal((await update({ spend: 2 })).spend, 2)
})

test('members join by id or address, once, and unknown ones become users', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't' }))
  await done(app.post('/user/new', { user_id: 'ann', user_email: 'ann@x.org', auto_create_key: false }))
  const added = await done(
    app.post('/team/member_add', {
      team_id: 't',
      member: [
        { role: 'user', user_email: 'ANN@x.org' },
        { role: 'admin', user_id: 'bob' },
        { role: 'user', user_email: 'new@x.org' },
      ],
      max_budget_in_team: 1.5,
    }),
  )
  const ids = added.updated_users.map((user: { user_id: string }) => user.user_id)
  assert.deepEqual(ids.slice(0, 2), ['ann', 'bob'])
  assert.deepEqual(added.updated_users[0].teams, ['t'])
  assert.deepEqual(
    added.updated_team_memberships.map(
      (one: { litellm_budget_table: { max_budget: number } }) => one.litellm_budget_table.max_budget,
    ),
    [1.5, 1.5, 1.5],
  )
  assert.deepEqual(await rosterOf(app, 't'), [
    { role: 'admin', user_id: 'default_user_id', user_email: null },
    { role: 'user', user_id: 'ann', user_email: 'ANN@x.org' },
    { role: 'admin', user_id: 'bob', user_email: null },
    { role: 'user', user_id: ids[2], user_email: 'new@x.org' },
  ])
  assert.equal((await app.get(`/user/info?user_id=${ids[2]}`)).body.user_info.user_email, 'new@x.org')
  const again = await refused(
    app.post('/team/member_add', {
      team_id: 't',
      member: [
        { role: 'user', user_id: 'zoe' },
        { role: 'user', user_id: 'ann' },
      ],
    }),
    400,
    'User already in team. Member: user_id=ann',
  )
  assert.deepEqual([again.error.type, again.error.param], ['team_member_already_in_team', 'member'])
  assert.equal((await app.get('/user/info?user_id=zoe')).status, 404, 'half of a refused change was made')
  await refused(
    app.post('/team/member_add', { team_id: 'x', member: { role: 'user', user_id: 'a' } }),
    404,
    /Team not found/,
  )
  const racing = await Promise.all(
    Array.from({ length: 20 }, () =>
      app.post('/team/member_add', { team_id: 't', member: { role: 'user', user_id: 'race' } }),
    ),
  )
  assert.equal(racing.filter(({ status }) => status === 200).length, 1)
  assert.equal((await rosterOf(app, 't')).length, 5)
})

test("a member's limits and role are changed, and a member who leaves loses the keys of the team", async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't', team_member_budget: 3 }))
  await done(app.post('/team/member_add', { team_id: 't', member: { role: 'user', user_id: 'ann' } }))
  const { key } = await done(app.post('/key/generate', { team_id: 't', user_id: 'ann' }))
  const personal = (await done(app.post('/key/generate', { user_id: 'ann' }))).key
  const updated = await done(
    app.post('/team/member_update', {
      team_id: 't',
      user_id: 'ann',
      max_budget_in_team: 7,
      rpm_limit: 5,
      role: 'admin',
    }),
  )
  assert.deepEqual(updated, {
    team_id: 't',
    user_id: 'ann',
    user_email: null,
    max_budget_in_team: 7,
    tpm_limit: null,
    rpm_limit: 5,
  })
  const membership = async () =>
    (await infoOf(app, 't')).team_memberships.find((one: { user_id: string }) => one.user_id === 'ann')
  assert.deepEqual(
    [(await membership()).litellm_budget_table.max_budget, (await membership()).litellm_budget_table.rpm_limit],
    [7, 5],
  )
  assert.equal((await rosterOf(app, 't'))[1].role, 'admin')
  await done(app.post('/team/member_update', { team_id: 't', user_id: 'ann', max_budget_in_team: null }))
  assert.deepEqual(
    [(await membership()).litellm_budget_table.max_budget, (await membership()).litellm_budget_table.rpm_limit],
    [null, 5],
  )
  const { team_member_budget_table: shared } = (await infoOf(app, 't')).team_info
  assert.equal(shared.max_budget, 3, "one member's budget changed everybody's")
  await refused(app.post('/team/member_update', { team_id: 't', user_id: 'bob' }), 400, /not found in team/)

  assert.equal((await app.chat('alpha', key)).status, 200)
  const left = await done(app.post('/team/member_delete', { team_id: 't', user_id: 'ann' }))
  assert.equal(left.members_with_roles.length, 1)
  assert.equal((await app.chat('alpha', key)).status, 401)
  assert.equal((await app.chat('alpha', personal)).status, 200)
  assert.equal((await app.get(`/key/info?key=${key}`)).body.info.status, 'deleted')
  for (const named of [{ user_id: 'ann' }, { user_id: 'nobody' }, { user_email: 'no@x.org' }]) {
    await refused(app.post('/team/member_delete', { team_id: 't', ...named }), 400, /User not found in team/)
  }
  await refused(app.post('/team/member_delete', { team_id: 't' }), 400, /needs to be passed in/)
})

test('many members are added each on its own', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't' }))
  const members = [
    { role: 'user', user_id: 'a' },
    { role: 'user', user_email: 'b@x.org' },
    { role: 'user', user_id: 'a' },
  ]
  const answer = await done(app.post('/team/bulk_member_add', { team_id: 't', members, max_budget_in_team: 1 }))
  assert.deepEqual(
    [answer.team_id, answer.total_requested, answer.successful_additions, answer.failed_additions],
    ['t', 3, 2, 1],
  )
  assert.deepEqual(
    answer.results.map((one: { success: boolean }) => one.success),
    [true, true, false],
  )
  await done(app.post('/user/new', { user_id: 'c', auto_create_key: false }))
  const all = await done(app.post('/team/bulk_member_add', { team_id: 't', all_users: true }))
  assert.deepEqual([all.successful_additions, all.failed_additions], [1, 3])
  const { key } = await done(app.post('/key/generate', { user_id: 'c' }))
  await refused(
    app.post('/team/bulk_member_add', { team_id: 't', all_users: true }, key),
    403,
    /restricted to PROXY_ADMIN/,
  )
})

test('a deleted team takes its keys and memberships along, all teams or none', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't', members_with_roles: [{ role: 'user', user_id: 'ann' }] }))
  await done(app.post('/team/new', { team_id: 'u' }))
  const { key } = await done(app.post('/key/generate', { team_id: 't' }))
  await refused(app.post('/team/delete', { team_ids: ['t', 'nope'] }), 404, /Team not found, passed team_id=nope/)
  assert.equal((await app.chat('alpha', key)).status, 200)
  assert.deepEqual(await done(app.post('/team/delete', { team_ids: ['t', 't'] })), { deleted_teams: ['t'] })
  assert.equal((await app.chat('alpha', key)).status, 401)
  assert.deepEqual((await app.get('/user/info?user_id=ann')).body.teams, [])
  await refused(app.get('/team/info?team_id=t'), 404, "{'message': 'Team not found, passed team id: t.'}")
  assert.deepEqual(await done(app.post('/team/delete', { team_ids: [] })), { deleted_teams: [] })
  for (const body of [{ team_ids: 'abc' }, { team_ids: [123] }, {}]) {
    assert.equal((await app.post('/team/delete', body)).status, 422)
  }
  const body = await refused(app.get('/team/info'), 422, "{'message': 'Malformed request. No team id passed in.'}")
  assert.deepEqual([body.error.type, body.error.code], ['auth_error', '422'])
})

test('a blocked team calls nothing', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't' }))
  const { key } = await done(app.post('/key/generate', { team_id: 't' }))
  assert.equal((await done(app.post('/team/block', { team_id: 't' }))).blocked, true)
  await refused(app.chat('alpha', key), 401, /Team=t is blocked/)
  assert.equal((await done(app.post('/team/unblock', { team_id: 't' }))).blocked, false)
  assert.equal((await app.chat('alpha', key)).status, 200)
  await refused(app.post('/team/block', { team_id: 'x' }), 404, /Team not found/)
})

test('the list of models of a team grows and shrinks, and does not open when it is emptied', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/team/new', { team_id: 't', models: ['alpha'] }))
  const { key } = await done(app.post('/key/generate', { team_id: 't' }))
  assert.deepEqual((await done(app.post('/team/model/add', { team_id: 't', models: ['beta', 'alpha'] }))).models, [
    'alpha',
    'beta',
  ])
  assert.equal((await app.chat('beta', key)).status, 200)
  const shrunk = await done(app.post('/team/model/delete', { team_id: 't', models: ['beta', 'alpha'] }))
  assert.deepEqual(shrunk.models, ['no-default-models'])
  assert.equal((await app.chat('alpha', key)).status, 403)
})

test('teams are listed for admins and for their members', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/organization/new', { organization_id: 'o', organization_alias: 'o' }))
  await done(app.post('/team/new', { team_id: 'a', team_alias: 'Alpha team', organization_id: 'o' }))
  await done(app.post('/team/new', { team_id: 'b', team_alias: 'beta team' }))
  const { key } = await done(app.post('/user/new', { user_id: 'ann', teams: ['b'] }))
  await done(app.post('/key/generate', { team_id: 'a' }))
  const ids = (teams: { team_id: string }[]) => teams.map((team) => team.team_id)
  const all = await done(app.get('/team/list'))
  assert.deepEqual(ids(all).sort(), ['a', 'b'])
  assert.equal(all.find((team: { team_id: string }) => team.team_id === 'a').keys.length, 1)
  assert.deepEqual(ids(await done(app.get('/team/list?organization_id=o'))), ['a'])
  assert.deepEqual(ids(await done(app.get('/team/list', key))), ['b'])
  await refused(app.get('/team/list?user_id=bob', key), 401, /Only proxy admin/)
  const page = await done(app.get('/v2/team/list?page_size=1&page=2&sort_by=team_alias&sort_order=asc'))
  assert.deepEqual([page.total, page.page, page.page_size, page.total_pages, ids(page.teams)], [2, 2, 1, 2, ['b']])
  assert.deepEqual(ids((await done(app.get('/v2/team/list?team_alias=TEAM&user_id=ann'))).teams), ['b'])
})

test('teams that are made at the same time are all there', async (context) => {
  const app = await startGateway(context)
  await done(app.post('/user/new', { user_id: 'ann', auto_create_key: false }))
  const body = { members_with_roles: [{ role: 'user', user_id: 'ann' }] }
  const made = await Promise.all(Array.from({ length: 10 }, () => done(app.post('/team/new', body))))
  assert.equal(new Set(made.map((team) => team.team_id)).size, 10)
  assert.equal((await app.get('/user/info?user_id=ann')).body.teams.length, 10)
})
