import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Gateway, startGateway } from '../../test/gateway.ts'
import { scratchDirectory } from '../../test/scratch.ts'
import type { JsonObject } from '../lib/json.ts'

/** A call costs some cents. */
const priced: JsonObject = {
  model_list: [
    {
      model_name: 'alpha',
      litellm_params: {
        model: 'openai/alpha',
        api_key: 'none',
        mock_response: 'hello',
        input_cost_per_token: 0.001,
        output_cost_per_token: 0.001,
      },
    },
  ],
}

const messages = [{ role: 'user', content: 'hi' }]

function tagged(app: Gateway, fields: JsonObject, headers: Record<string, string> = {}, key?: string): Promise<Answer> {
  return app.post('/v1/chat/completions', { model: 'alpha', messages, ...fields }, key, headers)
}

async function done(answering: Promise<Answer>): Promise<Answer['body']> {
  const answer = await answering
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

test('the budget of a tag refuses calls that carry it, from wherever it comes, and no others', async (context) => {
  const app = await startGateway(context, { config: priced })
  await done(app.post('/tag/new', { name: 'a', max_budget: 0.000_001, budget_duration: '1d' }))
  await done(app.post('/team/new', { team_id: 't', tags: ['a'] }))
  const ofKey = (await done(app.post('/key/generate', { tags: ['a'] }))).key
  const ofTeam = (await done(app.post('/key/generate', { team_id: 't' }))).key
  await done(tagged(app, { metadata: { tags: ['b', 'a'] } }))
  const ways: readonly Promise<Answer>[] = [
    tagged(app, { metadata: { tags: ['b', 'a'] } }),
    tagged(app, { litellm_metadata: { tags: ['a'] } }),
    tagged(app, { tags: ['a'], metadata: { tags: ['b'] } }),
    tagged(app, {}, { 'x-litellm-tags': 'b, a' }),
    tagged(app, {}, {}, ofKey),
    tagged(app, {}, {}, ofTeam),
    tagged(app, { tags: Array.from({ length: 60 }, (_, index) => `junk-${index}`) }, {}, ofKey),
  ]
  for (const [index, refused] of (await Promise.all(ways)).entries()) {
    assert.equal(refused.status, 422, `${index}: ${refused.text}`)
    assert.equal(refused.body.error.type, 'budget_exceeded')
    assert.match(
      refused.body.error.message,
      /^Budget has been exceeded! Tag=a Current cost: 0\.\d+, Max budget: 1e-06$/,
    )
  }
  await done(tagged(app, { tags: ['b'] }))
  await done(tagged(app, {}))
})

test('a budget record that a tag refers to bounds it, follows its changes, and goes with the tag', async (context) => {
  const app = await startGateway(context, { config: priced })
  await done(app.post('/budget/new', { budget_id: 'b', max_budget: 0.000_001 }))
  await done(app.post('/tag/new', { name: 'a', budget_id: 'b' }))
  const call = async () => (await tagged(app, { tags: ['a'] })).status
  assert.deepEqual([await call(), await call()], [200, 422])
  await done(app.post('/budget/update', { budget_id: 'b', max_budget: 100 }))
  assert.equal(await call(), 200)
  await done(app.post('/tag/update', { name: 'a', max_budget: 0 }))
  assert.equal(await call(), 422)
  await done(app.post('/tag/delete', { name: 'a' }))
  assert.equal(await call(), 200)
})

test('a tag’s limits on requests, tokens and parallel calls hold too', async (context) => {
  const app = await startGateway(context, { config: priced })
  await done(app.post('/tag/new', { name: 'a', rpm_limit: 1 }))
  const answers = [await tagged(app, { tags: ['a'] }), await tagged(app, { tags: ['a'] })]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 429],
  )
  assert.match(
    answers[1]?.body.error.message,
    /^Rate limit exceeded for tag: a\. Limit type: requests\. Current limit: 1/,
  )
})

test('what is left of several tags is told once, of the first, and the plain headers tell of the tightest', async (context) => {
  const app = await startGateway(context, { config: priced })
  await done(app.post('/tag/new', { name: 'wide', rpm_limit: 9 }))
  await done(app.post('/tag/new', { name: 'tight', rpm_limit: 3 }))
  const { headers } = await tagged(app, { tags: ['wide', 'tight'] })
  const told = (name: string) => [headers.get(`x-ratelimit-${name}-requests`)]
  assert.deepEqual([...told('tag-limit'), ...told('tag-remaining')], ['9', '8'])
  assert.deepEqual([...told('limit'), ...told('remaining')], ['3', '2'])
})

test('a budget of the row counts before that of tag_budget_config, which holds for all other tags', async (context) => {
  const tag_budget_config = { a: { max_budget: 0, budget_duration: '1d' }, b: { max_budget: 0 } }
  const app = await startGateway(context, { config: { ...priced, litellm_settings: { tag_budget_config } } })
  const call = async (name: string) => (await tagged(app, { tags: [name] })).status
  assert.deepEqual([await call('a'), await call('b')], [422, 422])
  await done(app.post('/tag/new', { name: 'a', max_budget: 100 }))
  assert.deepEqual([await call('a'), await call('b')], [200, 422])
  await done(app.post('/tag/update', { name: 'a', max_budget: null }))
  assert.equal(await call('a'), 422)
})

test('a tag’s soft budget is logged and refuses nothing', async (context) => {
  const app = await startGateway(context, { config: priced })
  await done(app.post('/tag/new', { name: 'a', soft_budget: 0.000_001 }))
  for (let round = 0; round < 20 && !app.logged().includes('tag:a'); round += 1) {
    await done(tagged(app, { tags: ['a'] }))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.match(app.logged(), /"event":"limits\.budget\.soft","holder":"tag:a"/)
})

test('replicas share a tag’s budget, and a tag that one of them makes holds on the other', async (context) => {
  const dataDirectory = scratchDirectory()
  const one = await startGateway(context, { config: priced, dataDirectory })
  const other = await startGateway(context, { config: priced, dataDirectory })
  assert.equal((await tagged(other, { tags: ['a'] })).status, 200)
  await done(one.post('/tag/new', { name: 'a', max_budget: 0 }))
  assert.equal((await tagged(other, { tags: ['a'] })).status, 422)
  assert.equal((await tagged(one, { tags: ['a'] })).status, 422)
})

test('tags that are no names are left alone', async (context) => {
  const app = await startGateway(context, { config: priced })
  await done(app.post('/tag/new', { name: 'a', max_budget: 0 }))
  const odd = { tags: [1, null, '', 'x\0y', '\ud83d', 'é'.repeat(10_000)], metadata: { tags: 'a' } }
  assert.equal((await tagged(app, odd)).status, 200)
  assert.equal((await tagged(app, { tags: {} }, { 'x-litellm-tags': ' , ' })).status, 200)
})
