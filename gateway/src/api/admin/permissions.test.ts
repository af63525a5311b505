import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Answer, type Gateway, masterKey, startGateway } from '../../../test/gateway.ts'

/**
 * The matrix of contract 3.9, one test per route and caller: status codes as LiteLLM's own black-box tests have them, for a team
 * of nobody's and one that belongs to an organization.
 */

const callers = [
  'proxy_admin',
  'team_admin',
  'member',
  'other_team_admin',
  'outsider',
  'org_admin',
  'other_org_admin',
  'viewer',
] as const
type Caller = (typeof callers)[number]

interface Row {
  readonly name: string
  readonly call: (world: World) => Promise<readonly [method: string, path: string, body?: object]>
  /** By caller; `others` for the rest. A viewer reads what is to be read and is told 401 by everything else. */
  readonly expected: Partial<Record<Caller, number>> & { readonly others: number }
  /** Entries of `team_admin_editable_team_fields` that the row needs. */
  readonly permitted?: boolean
}

interface World {
  readonly app: Gateway
  readonly team: string
  readonly keys: Readonly<Record<Caller, string>>
  user(role?: string): Promise<string>
  member(): Promise<string>
  memberKey(): Promise<string>
  serviceKey(): Promise<string>
}

const all = { proxy_admin: 200, team_admin: 200 }
const admins = { ...all, org_admin: 200, others: 403, viewer: 401 } as const

const rows: readonly Row[] = [
  {
    name: 'member_add user',
    expected: admins,
    call: async (w) => [
      'POST',
      '/team/member_add',
      { team_id: w.team, member: { role: 'user', user_id: await w.user() } },
    ],
  },
  {
    name: 'member_add admin',
    expected: admins,
    call: async (w) => [
      'POST',
      '/team/member_add',
      { team_id: w.team, member: { role: 'admin', user_id: await w.user() } },
    ],
  },
  {
    name: 'member_update budget',
    expected: admins,
    call: async (w) => [
      'POST',
      '/team/member_update',
      { team_id: w.team, user_id: await w.member(), max_budget_in_team: 5 },
    ],
  },
  {
    name: 'member_update role',
    expected: admins,
    call: async (w) => ['POST', '/team/member_update', { team_id: w.team, user_id: await w.member(), role: 'admin' }],
  },
  {
    name: 'member_delete',
    expected: admins,
    call: async (w) => ['POST', '/team/member_delete', { team_id: w.team, user_id: await w.member() }],
  },
  {
    name: 'v2 user info',
    expected: { ...all, viewer: 200, others: 404 },
    call: async (w) => ['GET', `/v2/user/info?user_id=${await w.member()}`],
  },
  {
    name: 'permissions_update',
    expected: admins,
    call: async (w) => [
      'POST',
      '/team/permissions_update',
      { team_id: w.team, team_member_permissions: ['/key/info', '/key/health'] },
    ],
  },
  {
    name: 'permissions_list',
    expected: { ...admins, viewer: 200 },
    call: async (w) => ['GET', `/team/permissions_list?team_id=${w.team}`],
  },
  {
    name: 'key generate',
    expected: { ...all, member: 401, others: 400, viewer: 401 },
    call: async (w) => ['POST', '/key/generate', { team_id: w.team }],
  },
  {
    name: 'service account generate',
    expected: { ...all, member: 401, others: 400, viewer: 401 },
    call: async (w) => ['POST', '/key/service-account/generate', { team_id: w.team }],
  },
  {
    name: 'update of a service account',
    expected: { ...all, others: 401 },
    call: async (w) => ['POST', '/key/update', { key: await w.serviceKey(), max_budget: 5 }],
  },
  {
    name: "update of a member's key",
    expected: { proxy_admin: 200, others: 403, viewer: 401 },
    call: async (w) => ['POST', '/key/update', { key: await w.memberKey(), max_budget: 5 }],
  },
  {
    name: "update of a member's budget, permitted",
    permitted: true,
    expected: { ...all, others: 403, viewer: 401 },
    call: async (w) => ['POST', '/key/update', { key: await w.memberKey(), max_budget: 5 }],
  },
  {
    name: 'team key bulk_update',
    expected: { ...all, others: 401 },
    call: async (w) => [
      'POST',
      '/team/key/bulk_update',
      { team_id: w.team, all_keys_in_team: true, update_fields: { max_budget: 50 } },
    ],
  },
  {
    name: 'key delete',
    expected: { ...all, others: 403, viewer: 401 },
    call: async (w) => ['POST', '/key/delete', { keys: [await w.memberKey()] }],
  },
  {
    name: 'key regenerate',
    expected: { ...all, others: 401 },
    call: async (w) => ['POST', '/key/regenerate', { key: await w.memberKey() }],
  },
  {
    name: 'key reset_spend',
    expected: { ...all, others: 403, viewer: 401 },
    call: async (w) => ['POST', `/key/${await w.memberKey()}/reset_spend`, { reset_to: 0 }],
  },
  { name: 'key block', expected: admins, call: async (w) => ['POST', '/key/block', { key: await w.memberKey() }] },
  { name: 'key unblock', expected: admins, call: async (w) => ['POST', '/key/unblock', { key: await w.memberKey() }] },
  {
    name: 'key list of the team',
    expected: { ...all, member: 200, viewer: 200, others: 403 },
    call: async (w) => ['GET', `/key/list?team_id=${w.team}&include_team_keys=true&return_full_object=true`],
  },
  {
    name: 'team info',
    expected: { ...all, member: 200, org_admin: 200, viewer: 200, others: 403 },
    call: async (w) => ['GET', `/team/info?team_id=${w.team}`],
  },
  {
    name: 'team update',
    expected: { proxy_admin: 200, org_admin: 200, others: 403, viewer: 401 },
    call: async (w) => ['POST', '/team/update', { team_id: w.team, max_budget: 500 }],
  },
  {
    name: 'team update, permitted',
    permitted: true,
    expected: admins,
    call: async (w) => ['POST', '/team/update', { team_id: w.team, max_budget: 400 }],
  },
  {
    name: 'team update of another field',
    permitted: true,
    expected: { proxy_admin: 200, org_admin: 200, others: 403, viewer: 401 },
    call: async (w) => ['POST', '/team/update', { team_id: w.team, models: ['alpha'] }],
  },
  {
    name: 'team delete',
    expected: { others: 401 },
    call: async (w) => ['POST', '/team/delete', { team_ids: [w.team] }],
  },
  { name: 'team block', expected: { others: 401 }, call: async (w) => ['POST', '/team/block', { team_id: w.team }] },
  { name: 'team new', expected: { others: 401 }, call: async () => ['POST', '/team/new', {}] },
  { name: 'user new', expected: { others: 401 }, call: async () => ['POST', '/user/new', {}] },
  {
    name: 'user delete',
    expected: { others: 401 },
    call: async (w) => ['POST', '/user/delete', { user_ids: [await w.user()] }],
  },
  {
    name: 'user list',
    expected: { viewer: 200, proxy_admin: 200, others: 401 },
    call: async () => ['GET', '/user/list'],
  },
  {
    name: "another's user info",
    expected: { viewer: 200, proxy_admin: 200, others: 403 },
    call: async (w) => ['GET', `/user/info?user_id=${await w.user()}`],
  },
  {
    name: 'organization new',
    expected: { others: 401 },
    call: async () => ['POST', '/organization/new', { organization_alias: 'x' }],
  },
  {
    name: 'organization info',
    expected: { viewer: 200, proxy_admin: 200, org_admin: 200, others: 403 },
    call: async () => ['GET', '/organization/info?organization_id=org'],
  },
  { name: 'budget new', expected: { others: 401 }, call: async () => ['POST', '/budget/new', {}] },
  {
    name: 'budget list',
    expected: { viewer: 200, proxy_admin: 200, others: 401 },
    call: async () => ['GET', '/budget/list'],
  },
  { name: 'customer new', expected: { others: 401 }, call: async () => ['POST', '/customer/new', { user_id: 'c' }] },
  {
    name: 'access groups',
    expected: { viewer: 200, proxy_admin: 200, others: 401 },
    call: async () => ['GET', '/v1/access_group'],
  },
]

/** What no proxy admin's call may do to the world that the other callers share. */
const destroys = new Set([
  'team delete',
  'team block',
  'team new',
  'user new',
  'user delete',
  'organization new',
  'budget new',
  'customer new',
])

const config = (fields: string) => `
model_list:
  - model_name: alpha
    litellm_params: { model: openai/alpha, api_key: none, mock_response: hello }
general_settings: { team_admin_editable_team_fields: [${fields}] }
`

async function buildWorld(context: { after(close: () => Promise<void>): void }, fields: string): Promise<World> {
  const app = await startGateway(context, { config: config(fields) })
  const ok = async (answering: Promise<Answer>): Promise<Answer['body']> => {
    const answer = await answering
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }
  let count = 0
  const user = async (role = 'internal_user'): Promise<string> => {
    count += 1
    await ok(app.post('/user/new', { user_id: `user-${count}`, user_role: role, auto_create_key: false }))
    return `user-${count}`
  }
  const keyOf = async (body: object): Promise<string> => (await ok(app.post('/key/generate', body))).key
  const join = async (team: string, role: string): Promise<string> => {
    const id = await user()
    await ok(app.post('/team/member_add', { team_id: team, member: { role, user_id: id } }))
    return id
  }
  const joinOrganization = async (organization: string): Promise<string> => {
    const id = await user()
    const member = { role: 'org_admin', user_id: id }
    await ok(app.post('/organization/member_add', { organization_id: organization, member }))
    return id
  }
  for (const id of ['org', 'other-org'])
    await ok(app.post('/organization/new', { organization_id: id, organization_alias: id }))
  const team = (await ok(app.post('/team/new', { team_id: 'team', organization_id: 'org' }))).team_id
  await ok(app.post('/team/new', { team_id: 'other' }))
  return {
    app,
    team,
    user,
    member: () => join(team, 'user'),
    memberKey: async () => keyOf({ team_id: team, user_id: await join(team, 'user') }),
    serviceKey: async () => (await ok(app.post('/key/service-account/generate', { team_id: team }))).key,
    keys: {
      proxy_admin: masterKey,
      team_admin: await keyOf({ user_id: await join(team, 'admin'), team_id: team }),
      member: await keyOf({ user_id: await join(team, 'user'), team_id: team }),
      other_team_admin: await keyOf({ user_id: await join('other', 'admin'), team_id: 'other' }),
      outsider: await keyOf({ user_id: await user() }),
      org_admin: await keyOf({ user_id: await joinOrganization('org') }),
      other_org_admin: await keyOf({ user_id: await joinOrganization('other-org') }),
      viewer: await keyOf({ user_id: await user('proxy_admin_viewer') }),
    },
  }
}

describe('who may touch which row', () => {
  let plain: World
  let permitted: World

  const closing: (() => Promise<void>)[] = []
  // Hooks that are registered in a hook run when it ends, so the list is kept here.
  const context = { after: (close: () => Promise<void>) => void closing.push(close) }
  after(async () => {
    for (const close of closing.reverse()) await close()
  })

  before(async () => {
    plain = await buildWorld(context, '')
    permitted = await buildWorld(context, 'max_budget, member_key_budgets')
  })

  for (const row of rows) {
    test(row.name, async () => {
      const world = row.permitted === true ? permitted : plain
      for (const caller of callers) {
        if (caller === 'proxy_admin' && destroys.has(row.name)) continue
        const [method, path, body] = await row.call(world)
        const answer = await world.app.call(method, path, body, world.keys[caller])
        assert.equal(answer.status, row.expected[caller] ?? row.expected.others, `${caller}: ${answer.text}`)
      }
    })
  }

  test('a refused change leaves everything as it was', async () => {
    const key = await plain.memberKey()
    for (const caller of ['outsider', 'other_team_admin', 'member'] as const) {
      await plain.app.post('/key/update', { key, models: ['beta'], max_budget: 1 }, plain.keys[caller])
      await plain.app.post('/key/delete', { keys: [key] }, plain.keys[caller])
    }
    const { info } = (await plain.app.get(`/key/info?key=${key}`)).body
    assert.deepEqual([info.models, info.max_budget, info.status], [[], null, undefined])
  })

  test('members do with keys of the team what the team permits', async () => {
    const { app, team, keys } = plain
    await app.post('/team/permissions_update', {
      team_id: team,
      team_member_permissions: ['/key/generate', '/key/list', '/key/delete'],
    })
    const made = await app.post('/key/generate', { team_id: team }, keys.member)
    assert.equal(made.status, 200, made.text)
    assert.equal((await app.post('/key/generate', { team_id: team, user_id: 'user-1' }, keys.member)).status, 403)
    assert.equal((await app.post('/key/delete', { keys: [made.body.key] }, keys.member)).status, 200)
    await app.post('/team/permissions_update', { team_id: team, team_member_permissions: [] })
    assert.equal((await app.post('/key/generate', { team_id: team }, keys.member)).status, 401)
    const odd = await app.post('/team/permissions_update', { team_id: team, team_member_permissions: ['/all'] })
    assert.equal(odd.status, 400)
  })

  test('nobody takes a higher role through a key of somebody else', async () => {
    const { app, team, keys } = plain
    const admin = await plain.user('proxy_admin')
    await app.post('/team/member_add', { team_id: team, member: { role: 'user', user_id: admin } })
    const key = (await app.post('/key/generate', { team_id: team, user_id: admin })).body.key
    for (const body of [
      { team_id: team, user_id: admin },
      { user_id: admin },
      { user_id: 'default_user_id', team_id: team },
    ]) {
      assert.equal((await app.post('/key/generate', body, keys.team_admin)).status, 403, JSON.stringify(body))
    }
    assert.equal((await app.post('/key/regenerate', { key }, keys.team_admin)).status, 403)
  })

  test('a key that a team admin is told of a member makes calls and changes nothing in his name', async () => {
    const { app, team, keys } = plain
    const member = await plain.member()
    const made = await app.post(
      '/key/generate',
      { team_id: team, user_id: member, allowed_routes: [] },
      keys.team_admin,
    )
    const own = (await app.post('/key/generate', { team_id: team, user_id: member })).body.key
    const again = await app.post('/key/regenerate', { key: own }, keys.team_admin)
    for (const { body } of [made, again]) {
      assert.equal((await app.chat('alpha', body.key)).status, 200)
      assert.equal((await app.get('/v1/models', body.key)).status, 200)
      for (const path of ['/key/list', '/user/info', `/team/info?team_id=${team}`]) {
        assert.equal((await app.get(path, body.key)).status, 403, path)
      }
      assert.equal((await app.post('/key/generate', {}, body.key)).status, 403)
      const widened = await app.post(
        '/team/key/bulk_update',
        { team_id: team, key_ids: [body.token], update_fields: { allowed_routes: [] } },
        keys.team_admin,
      )
      assert.equal(widened.body.failed_updates.length, 1, widened.text)
    }
  })

  test('a change to all keys of a team is no way around what its admins may not set on one', async () => {
    const { app, team, keys } = plain
    const admin = await plain.user('proxy_admin')
    await app.post('/budget/new', { budget_id: 'large', max_budget: 1e6 })
    const { token } = (await app.post('/key/generate', { team_id: team, guardrails: ['g'] })).body
    const update = (fields: object) =>
      app.post('/team/key/bulk_update', { team_id: team, key_ids: [token], update_fields: fields }, keys.team_admin)
    for (const fields of [
      { user_id: admin },
      { team_id: 'other' },
      { budget_id: 'large' },
      { spend: -5 },
      { permissions: { all: true } },
      { guardrails: [] },
      { metadata: {} },
    ]) {
      const answer = await update(fields)
      assert.equal(answer.status, 200, answer.text)
      assert.equal(answer.body.failed_updates.length, 1, `${JSON.stringify(fields)}: ${answer.text}`)
    }
    assert.equal((await update({ max_budget: 7 })).body.successful_updates.length, 1)
    const { info } = (await app.get(`/key/info?key=${token}`)).body
    assert.deepEqual([info.user_id, info.team_id, info.budget_id, info.max_budget], [null, team, null, 7])
  })

  test('nobody reaches a budget by naming it as the one of his members', async () => {
    const { app, keys } = plain
    await app.post('/budget/new', { budget_id: 'somebody-elses', max_budget: 5 })
    const metadata = { team_member_budget_id: 'somebody-elses', note: 'kept' }
    const made = await app.post('/team/new', { organization_id: 'org', metadata }, keys.org_admin)
    assert.equal(made.status, 200, made.text)
    assert.deepEqual(made.body.metadata, { note: 'kept' })
    const named = { team_id: made.body.team_id }
    await app.post('/team/update', { ...named, metadata }, keys.org_admin)
    await app.post('/team/update', { ...named, team_member_budget: 1e6 }, keys.org_admin)
    const [budget] = (await app.post('/budget/info', { budgets: ['somebody-elses'] })).body
    assert.equal(budget.max_budget, 5)
    const { metadata: after } = (await app.get(`/team/info?team_id=${named.team_id}`)).body.team_info
    const sentBack = await app.post('/team/update', { ...named, metadata: after }, keys.org_admin)
    assert.deepEqual(sentBack.body.data.metadata, after)
  })

  test('a user makes and keeps keys of his own, and lifts no limit that somebody else set', async () => {
    const { app, keys } = plain
    const own = await app.post('/key/generate', { max_budget: 1 }, keys.outsider)
    assert.equal(own.status, 200, own.text)
    const userId = own.body.user_id
    assert.equal((await app.post('/key/update', { key: own.body.key, max_budget: 2 }, keys.outsider)).status, 200)
    const given = (await app.post('/key/generate', { user_id: userId, max_budget: 1, models: ['alpha'] })).body.key
    assert.equal((await app.post('/key/update', { key: given, key_alias: 'mine' }, keys.outsider)).status, 200)
    const forbidden = [
      { max_budget: 100 },
      { max_budget: null },
      { blocked: false },
      { spend: -5 },
      { user_id: 'user-1' },
      { team_id: 'team' },
      { organization_id: 'org' },
      { permissions: { all: true } },
      { rpm_limit: null },
    ]
    for (const body of forbidden) {
      const answer = await app.post('/key/update', { key: given, ...body }, keys.outsider)
      assert.equal(answer.status, 403, `${JSON.stringify(body)}: ${answer.text}`)
    }
    const guarded = (
      await app.post('/key/generate', {
        user_id: userId,
        guardrails: ['g'],
        model_rpm_limit: { alpha: 1 },
        metadata: { note: 'a' },
      })
    ).body
    const { metadata } = guarded
    for (const body of [
      { metadata: {} },
      { guardrails: [] },
      { metadata: { ...metadata, guardrails: [] } },
      { metadata: { ...metadata, model_rpm_limit: { alpha: 9 } } },
    ]) {
      const answer = await app.post('/key/update', { key: guarded.key, ...body }, keys.outsider)
      assert.equal(answer.status, 403, `${JSON.stringify(body)}: ${answer.text}`)
    }
    const noted = await app.post(
      '/key/update',
      { key: guarded.key, metadata: { ...metadata, note: 'b' } },
      keys.outsider,
    )
    assert.equal(noted.status, 200, noted.text)
    const user = { user_id: userId }
    assert.equal((await app.post('/user/update', { ...user, user_alias: 'Me' }, keys.outsider)).status, 200)
    for (const body of [
      { user_role: 'proxy_admin' },
      { max_budget: 1e6 },
      { metadata: {} },
      { user_email: 'new@x.y' },
    ]) {
      assert.equal(
        (await app.post('/user/update', { ...user, ...body }, keys.outsider)).status,
        403,
        JSON.stringify(body),
      )
    }
    assert.equal((await app.post('/key/delete', { keys: [own.body.key] }, keys.outsider)).status, 200)
  })
})
