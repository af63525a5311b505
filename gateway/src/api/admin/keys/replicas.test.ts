import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../../../test/gateway.ts'
import { scratchDirectory } from '../../../../test/scratch.ts'

/** Two replicas over one store: what one answered is true on the other at that moment. */
async function pair(context: TestContext): Promise<readonly [Gateway, Gateway]> {
  const dataDirectory = scratchDirectory()
  return [await startGateway(context, { dataDirectory }), await startGateway(context, { dataDirectory })]
}

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

test('a key that one replica made calls on the other at once', async (context) => {
  const [one, other] = await pair(context)
  for (let count = 0; count < 10; count += 1) {
    const { key } = await done(one.post('/key/generate', { models: ['alpha'] }))
    assert.equal((await other.chat('alpha', key)).status, 200)
  }
})

test('a key is refused on the other replica as soon as its revocation was answered', async (context) => {
  const [one, other] = await pair(context)
  await done(one.post('/team/new', { team_id: 't' }))
  await done(one.post('/user/new', { user_id: 'u', auto_create_key: false }))
  const group = (await one.post('/v1/access_group', { access_group_name: 'g', access_model_names: ['beta'] })).body
    .access_group_id
  const revocations: readonly [string, (key: string) => Promise<Answer>][] = [
    ['delete', (key) => one.post('/key/delete', { keys: [key] })],
    ['block', (key) => one.post('/key/block', { key })],
    ['update blocked', (key) => one.post('/key/update', { key, blocked: true })],
    ['regenerate', (key) => one.post('/key/regenerate', { key })],
    ['member delete', () => one.post('/team/member_delete', { team_id: 't', user_id: 'u' })],
    ['user delete', () => one.post('/user/delete', { user_ids: ['u'] })],
    ['team block', () => one.post('/team/block', { team_id: 't' })],
    ['team delete', () => one.post('/team/delete', { team_ids: ['t'] })],
  ]
  for (const [name, revoke] of revocations) {
    if (name === 'member delete')
      await done(one.post('/team/member_add', { team_id: 't', member: { role: 'user', user_id: 'u' } }))
    const owner = name === 'user delete' || name === 'member delete' ? { user_id: 'u' } : {}
    const body = { ...owner, ...(name === 'user delete' ? {} : { team_id: 't' }), access_group_ids: [group] }
    const { key } = await done(one.post('/key/generate', body))
    assert.equal((await other.chat('alpha', key)).status, 200, name)
    const from = performance.now()
    await done(revoke(key))
    const took = performance.now() - from
    const refused = await other.chat('alpha', key)
    assert.equal(refused.status, 401, `${name}: ${refused.text}`)
    assert.ok(took < 5_000, `${name} took ${took} ms`)
    if (name === 'team block') await done(one.post('/team/unblock', { team_id: 't' }))
  }
})

test('replicas that want one alias at once agree who gets it', async (context) => {
  const [one, other] = await pair(context)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? one : other).post('/key/generate', { key_alias: 'the one' }),
    ),
  )
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal((await other.get('/key/list')).body.total_count, 1)
})
