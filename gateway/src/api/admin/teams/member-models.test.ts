import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../../../test/gateway.ts'

/** `allowed_models` of a member: what he may call with the team's keys, within what the team may. */

const config = `
model_list:
  - { model_name: alpha, litellm_params: { model: openai/a, api_key: k, mock_response: a }, model_info: { id: a, access_groups: [fast] } }
  - { model_name: beta, litellm_params: { model: openai/b, api_key: k, mock_response: b } }
  - { model_name: gamma, litellm_params: { model: openai/c, api_key: k, mock_response: c } }
`

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

/** The models that a key may call, by calling them; what `/v1/models` lists is the same. */
async function callable(app: Gateway, key: string): Promise<readonly string[]> {
  const names = ['alpha', 'beta', 'gamma']
  const served: string[] = []
  for (const name of names) {
    const { status, body } = await app.chat(name, key)
    if (status === 200) served.push(name)
    else assert.deepEqual([status, body.error.type, body.error.param], [403, 'team_model_access_denied', 'model'])
  }
  const { data } = await done(app.get('/v1/models', key))
  const listed = data.map(({ id }: { id: string }) => id).filter((id: string) => names.includes(id))
  assert.deepEqual(listed.sort(), served)
  return served
}

test('a member may call what his list allows of what the team may, and others are left alone', async (context) => {
  const app = await startGateway(context, { config })
  await done(app.post('/team/new', { team_id: 't', models: ['alpha', 'beta'] }))
  const add = (id: string, fields: object) =>
    app.post('/team/member_add', { team_id: 't', member: { role: 'user', user_id: id }, ...fields })
  const added = await add('ann', { allowed_models: ['fast', 'gamma'] })
  assert.equal(added.status, 200)
  assert.equal(added.headers.get('x-midflight-warnings'), null)
  await done(add('bob', {}))
  const keyOf = async (id?: string) =>
    (await done(app.post('/key/generate', { team_id: 't', ...(id === undefined ? {} : { user_id: id }) }))).key
  const [ann, bob, nobody] = [await keyOf('ann'), await keyOf('bob'), await keyOf()]
  assert.deepEqual(await callable(app, ann), ['alpha'])
  assert.deepEqual(await callable(app, bob), ['alpha', 'beta'])
  assert.deepEqual(await callable(app, nobody), ['alpha', 'beta'])
  const own = (await done(app.post('/key/generate', { user_id: 'ann' }))).key
  assert.deepEqual(await callable(app, own), ['alpha', 'beta', 'gamma'])

  const update = (fields: object) => done(app.post('/team/member_update', { team_id: 't', user_id: 'ann', ...fields }))
  await update({ allowed_models: ['beta'] })
  assert.deepEqual(await callable(app, ann), ['beta'])
  await update({ tpm_limit: 1_000_000 })
  assert.deepEqual(await callable(app, ann), ['beta'])
  await update({ allowed_models: ['no-default-models'] })
  assert.deepEqual(await callable(app, ann), [])
  await update({ allowed_models: [] })
  assert.deepEqual(await callable(app, ann), ['alpha', 'beta'])
  await update({ allowed_models: ['alpha'] })
  await update({ allowed_models: null })
  assert.deepEqual(await callable(app, ann), ['alpha', 'beta'])
})

test('a fallback that the member may not call is refused before anything is asked', async (context) => {
  const app = await startGateway(context, { config })
  await done(app.post('/team/new', { team_id: 't' }))
  await done(
    app.post('/team/member_add', { team_id: 't', member: { role: 'user', user_id: 'ann' }, allowed_models: ['alpha'] }),
  )
  const { key } = await done(app.post('/key/generate', { team_id: 't', user_id: 'ann' }))
  const body = { model: 'alpha', messages: [{ role: 'user', content: 'hi' }], fallbacks: ['beta'] }
  const refused = await app.post('/v1/chat/completions', body, key)
  assert.equal(refused.status, 403)
  assert.match(refused.body.error.message, /'beta'/)
})
