import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, type Gateway, modelsThatAnswer, startGateway } from '../../../../test/gateway.ts'

/** `key_generation_settings` and `default_team_disabled`: who may make keys, and what he must say of them. */

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

interface People {
  readonly app: Gateway
  /** Personal keys: of a member of the team `t`, of its admin, of somebody else. */
  readonly member: string
  readonly admin: string
  readonly other: string
}

async function people(context: TestContext, settings: string): Promise<People> {
  const app = await startGateway(context, { config: `${modelsThatAnswer}\n${settings}` })
  const keyOf = async (id: string) => (await done(app.post('/user/new', { user_id: id }))).key
  const [member, admin, other] = [await keyOf('member'), await keyOf('admin'), await keyOf('other')]
  const roster = [
    { role: 'user', user_id: 'member' },
    { role: 'admin', user_id: 'admin' },
  ]
  const team = { team_id: 't', members_with_roles: roster, team_member_permissions: ['/key/generate'] }
  await done(app.post('/team/new', team))
  return { app, member, admin, other }
}

function refused(answer: Answer, message: RegExp): void {
  assert.equal(answer.status, 400, answer.text)
  const { type, param, code } = answer.body.error
  assert.deepEqual([type, param, code], ['internal_server_error', 'None', '400'])
  assert.match(answer.body.error.message, message)
}

test('personal keys are made by the roles that are listed', async (context) => {
  const { app, member } = await people(
    context,
    'litellm_settings: { key_generation_settings: { personal_key_generation: { allowed_user_roles: [proxy_admin] } } }',
  )
  refused(
    await app.post('/key/generate', {}, member),
    /^Personal key creation has been restricted by admin\. Allowed roles=\['proxy_admin'\]\. Your role=internal_user$/,
  )
  await done(app.post('/key/generate', { user_id: 'member' }))
  await done(app.post('/key/generate', { team_id: 't' }, member))
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
})

test('keys of a team are made by the roles in it that are listed, and by proxy admins', async (context) => {
  const { app, member, admin, other } = await people(
    context,
    'litellm_settings: { key_generation_settings: { team_key_generation: { allowed_team_member_roles: [admin] } } }',
  )
  refused(
    await app.post('/key/generate', { team_id: 't' }, member),
    /^Team member role user not in allowed_team_member_roles=\['admin'\]$/,
  )
  await done(app.post('/key/generate', { team_id: 't' }, admin))
  await done(app.post('/key/generate', { team_id: 't' }))
  await done(app.post('/key/generate', {}, member))
  assert.ok((await app.post('/key/generate', { team_id: 't' }, other)).status >= 400)
})

test('what must be said of a new key is missed', async (context) => {
  const { app, member } = await people(
    context,
    `litellm_settings:
  default_key_generate_params: { tags: [usual] }
  key_generation_settings:
    personal_key_generation: { required_params: [key_alias] }
    team_key_generation: { required_params: [tags, metadata] }
`,
  )
  refused(await app.post('/key/generate', {}, member), /^Required param key_alias not in data$/)
  refused(await app.post('/key/generate', {}), /^Required param key_alias not in data$/)
  await done(app.post('/key/generate', { key_alias: 'mine' }, member))
  refused(await app.post('/key/generate', { team_id: 't', metadata: {} }, member), /^Required param tags not in data$/)
  await done(app.post('/key/generate', { team_id: 't', metadata: {}, tags: ['x'] }, member))
  await done(app.post('/key/generate', { team_id: 't' }))
})

test('with default_team_disabled only proxy admins make keys of no team', async (context) => {
  const { app, member } = await people(context, 'general_settings: { default_team_disabled: true }')
  refused(await app.post('/key/generate', {}, member), /^Personal key creation has been restricted by admin\./)
  await done(app.post('/key/generate', { team_id: 't' }, member))
  await done(app.post('/key/generate', { user_id: 'member' }))
  assert.deepEqual((await app.get('/config/status')).body.problems, [])
})

test('a change of the rules holds for the next key, and rules that cannot be read are refused', async (context) => {
  const { app, member } = await people(context, '')
  const change = (settings: unknown) =>
    app.post('/config/update', { litellm_settings: { key_generation_settings: settings } })
  await done(change({ personal_key_generation: { allowed_user_roles: [] } }))
  assert.equal((await app.post('/key/generate', {}, member)).status, 400)
  await done(change(null))
  await done(app.post('/key/generate', {}, member))
  assert.equal((await change({ personal_key_generation: { allowed_user_roles: 'proxy_admin' } })).status, 400)
})
