import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../../../test/gateway.ts'

const config = `
model_list:
  - model_name: alpha
    litellm_params: { model: openai/alpha, api_key: none, mock_response: hello, input_cost_per_token: 0.001, output_cost_per_token: 0.002 }
  - model_name: broken
    litellm_params: { model: openai/broken, api_key: none, mock_response: "litellm.InternalServerError" }
router_settings: { num_retries: 0 }
`

const today = new Date().toISOString().slice(0, 10)

test('a call is in the logs with its tokens, its cost and what it was charged to', async (context) => {
  const app = await startGateway(context, { config })
  const { body: key } = await app.post('/key/generate', {
    key_alias: 'first',
    user_id: 'ann',
    metadata: { tags: ['blue'] },
  })
  const answer = await app.chat('alpha', key.key)
  assert.equal(answer.headers.get('x-litellm-response-cost'), '0.014')
  const { body: rows } = await app.get('/spend/logs')
  assert.equal(rows.length, 1)
  const [row] = rows
  assert.deepEqual(
    [row.request_id, row.api_key, row.user, row.model_group, row.status, row.spend, row.total_tokens],
    [answer.body.id, key.token, 'ann', 'alpha', 'success', 0.014, 12],
  )
  const callId = answer.headers.get('x-litellm-call-id')
  assert.equal(row.metadata.litellm_call_id, callId)
  for (const id of [answer.body.id, callId]) {
    const { body: found } = await app.get(`/spend/logs/v2?request_id=${id}`)
    assert.deepEqual([found.total, found.data[0]?.request_id], [1, answer.body.id])
  }
  assert.equal(row.metadata.user_api_key_alias, 'first')
  assert.deepEqual(row.metadata.cost_breakdown, {
    input_cost: 0.01,
    output_cost: 0.004,
    tool_usage_cost: 0,
    total_cost: 0.014,
    by_kind: { 'input.text': 0.01, 'output.text': 0.004 },
  })
  assert.deepEqual(row.messages, {}, 'content is not stored')
  assert.equal(row.requester_ip_address, '127.0.0.1')
  assert.equal(JSON.stringify(rows).includes(key.key), false)
})

test('a refused call and one that failed at the provider are in the logs too, without a cost', async (context) => {
  const app = await startGateway(context, { config })
  await app.chat('broken', 'sk-master-of-the-test')
  await app.chat('nothing-of-that-name', 'sk-master-of-the-test')
  const { body } = await app.get('/spend/logs/v2?status_filter=failure&sort_by=startTime&sort_order=asc')
  assert.equal(body.total, 2)
  assert.deepEqual(
    body.data.map((row: { model: string; model_group: string; custom_llm_provider: string }) => [
      row.model,
      row.model_group,
      row.custom_llm_provider,
    ]),
    [
      ['broken', 'broken', 'openai'],
      ['nothing-of-that-name', '', ''],
    ],
    'whom a call failed at is told; one that was refused before has asked nobody',
  )
  assert.deepEqual(
    body.data.map((row: { metadata: { error: string }; spend: number }) => [row.metadata.error, row.spend]),
    [
      ['upstream_error', 0],
      ['model_not_found', 0],
    ],
  )
})

test('pages, exports and sums agree on what was spent', async (context) => {
  const app = await startGateway(context, { config })
  const { body: team } = await app.post('/team/new', { team_alias: 'a, "quoted" team' })
  const { body: key } = await app.post('/key/generate', { team_id: team.team_id })
  for (let n = 0; n < 5; n += 1) await app.chat('alpha', key.key)
  const { body: page } = await app.get('/spend/logs/v2?page=2&page_size=2')
  assert.deepEqual([page.data.length, page.total, page.total_pages], [2, 5, 3])
  const csv = (
    await fetch(`${app.url}/spend/logs/export`, {
      headers: { authorization: 'Bearer sk-master-of-the-test' },
    })
  ).text()
  assert.equal((await csv).trimEnd().split('\n').length, 6)
  const { body: global } = await app.get('/global/spend')
  assert.equal(global.spend, 0.07)
  const { body: activity } = await app.get(
    `/team/daily/activity?team_ids=${team.team_id}&start_date=${today}&end_date=${today}`,
  )
  assert.equal(activity.results[0].metrics.spend, 0.07)
  assert.equal(activity.results[0].breakdown.entities[team.team_id].metrics.api_requests, 5)
  assert.equal(activity.metadata.total_spend, 0.07)
  const { body: teams } = await app.get('/global/spend/teams')
  assert.deepEqual(teams.total_spend_per_team, [
    { team_id: team.team_id, team_alias: 'a, "quoted" team', total_spend: 0.07 },
  ])
})

test('a page that is beyond all rows is empty, and one so deep that it would fill the memory is refused', async (context) => {
  const app = await startGateway(context, { config })
  const beyond = await app.get('/spend/logs/v2?page=50&page_size=1000')
  assert.deepEqual([beyond.status, beyond.body.data, beyond.body.total], [200, [], 0])
  const deep = await app.get('/spend/logs/v2?page=1000000000&page_size=1000')
  assert.equal(deep.status, 400)
  assert.match(deep.body.error.message, /Pages end at row 50000/)
})

test('a caller sees its own calls only, and no sums of the proxy', async (context) => {
  const app = await startGateway(context, { config })
  const { body: ann } = await app.post('/user/new', { user_id: 'ann', user_role: 'internal_user' })
  const { body: bob } = await app.post('/user/new', { user_id: 'bob', user_role: 'internal_user' })
  await app.chat('alpha', ann.key)
  await app.chat('alpha', bob.key)
  const { body: rows } = await app.get('/spend/logs', ann.key)
  assert.deepEqual(
    rows.map((row: { user: string }) => row.user),
    ['ann'],
  )
  assert.equal((await app.get('/spend/logs?user_id=bob', ann.key)).status, 403)
  assert.equal(
    (await app.get(`/user/daily/activity?start_date=${today}&end_date=${today}&user_id=bob`, ann.key)).status,
    403,
  )
  assert.equal((await app.get('/global/spend', ann.key)).status, 401)
})

test('a date that is none is refused by name', async (context) => {
  const app = await startGateway(context, { config })
  const { status, body } = await app.get('/spend/logs?start_date=yesterday&end_date=2026-11-21')
  assert.equal(status, 400)
  assert.match(body.error.message, /start_date is not a date/)
  assert.match((await app.get('/user/daily/activity')).body.error.message, /start_date and end_date/)
})

test("sums by day are the caller's own, whichever key it names", async (context) => {
  const app = await startGateway(context, { config })
  const keyOf = async (user: string): Promise<{ key: string; token: string }> =>
    (await app.post('/user/new', { user_id: user })).body
  const [ann, bob] = [await keyOf('ann'), await keyOf('bob')]
  await app.chat('alpha', ann.key)
  const sums = (key: string, named: string) =>
    app.get(`/spend/logs?start_date=${today}&end_date=${today}&api_key=${named}`, key)
  assert.deepEqual((await sums(bob.key, ann.token)).body, [])
  assert.equal((await sums(ann.key, ann.token)).body[0].spend, 0.014)
})

test('behind a proxy a call is told with the address that the proxy saw', async (context) => {
  const app = await startGateway(context, {
    config: `${config}general_settings: { use_x_forwarded_for: true }\n`,
  })
  await app.chat('alpha', 'sk-master-of-the-test', { 'x-forwarded-for': '10.9.9.9, 203.0.113.7' })
  const { body: rows } = await app.get('/spend/logs')
  assert.deepEqual(
    rows.map((row: { requester_ip_address: string }) => row.requester_ip_address),
    ['203.0.113.7'],
  )
})
