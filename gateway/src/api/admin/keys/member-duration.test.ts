import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../../../test/gateway.ts'

/** `team_member_key_duration`: how long the keys of a team's members last at most. */

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

/** Whole days until then; `undefined`: never. */
function daysUntil(expires: string | null): number | undefined {
  return expires === null ? undefined : Math.round((Date.parse(expires) - Date.now()) / 86_400_000)
}

async function withTeam(context: Parameters<typeof startGateway>[0]): Promise<Gateway> {
  const app = await startGateway(context)
  const members = [{ role: 'user', user_id: 'ann' }]
  const team = { team_id: 't', team_member_key_duration: '30d', members_with_roles: members }
  const made = await app.post('/team/new', { ...team, team_member_permissions: ['/key/generate', '/key/update'] })
  assert.equal(made.status, 200, made.text)
  assert.equal(made.headers.get('x-midflight-warnings'), null)
  return app
}

test('keys of members last so long where nothing is said, and shorter where it is', async (context) => {
  const app = await withTeam(context)
  const cases: readonly (readonly [object, number | undefined])[] = [
    [{ team_id: 't', user_id: 'ann' }, 30],
    [{ team_id: 't', user_id: 'ann', duration: null }, 30],
    [{ team_id: 't', user_id: 'ann', duration: '5d' }, 5],
    [{ team_id: 't', user_id: 'ann', duration: '90d' }, 30],
    [{ team_id: 't', user_id: 'ann', duration: '-1' }, 30],
    [{ team_id: 't' }, undefined],
    [{ user_id: 'ann' }, undefined],
  ]
  for (const [body, days] of cases) {
    const made = await done(app.post('/key/generate', body))
    assert.equal(daysUntil(made.expires), days, JSON.stringify(body))
  }
  const service = await done(app.post('/key/service-account/generate', { team_id: 't' }))
  assert.equal(service.expires, null)
  await done(app.post('/team/update', { team_id: 't', team_member_key_duration: null }))
  assert.equal((await done(app.post('/key/generate', { team_id: 't', user_id: 'ann' }))).expires, null)
})

test('nobody but proxy admins makes a key of a member last longer afterwards', async (context) => {
  const app = await withTeam(context)
  const ann = (await done(app.post('/key/generate', { user_id: 'ann' }))).key
  const { key } = await done(app.post('/key/generate', { team_id: 't', user_id: 'ann', duration: '5d' }, ann))
  const lasts = async () => daysUntil((await done(app.get(`/key/info?key=${key}`))).info.expires)
  for (const duration of ['90d', '-1', null]) {
    await done(app.post('/key/update', { key, duration }, ann))
    assert.equal(await lasts(), 30, String(duration))
  }
  await done(app.post('/key/update', { key, duration: '2d' }, ann))
  assert.equal(await lasts(), 2)
  await done(app.post('/key/update', { key, key_alias: 'x' }, ann))
  assert.equal(await lasts(), 2)
  await done(app.post('/key/update', { key, duration: '90d' }))
  assert.equal(await lasts(), 90)
  const again = await done(app.post('/key/regenerate', { key, duration: '90d' }, ann))
  assert.equal(daysUntil(again.expires), 30)
})
