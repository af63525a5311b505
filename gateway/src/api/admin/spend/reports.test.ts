import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Gateway, startGateway } from '../../../../test/gateway.ts'

const config = `
model_list:
  - model_name: alpha
    litellm_params: { model: openai/alpha, api_key: none, mock_response: hello, input_cost_per_token: 0.001, output_cost_per_token: 0.002 }
  - model_name: beta
    litellm_params: { model: openai/beta, api_key: none, mock_response: hello, input_cost_per_token: 0.002, output_cost_per_token: 0.004 }
  - model_name: broken
    litellm_params: { model: openai/broken, api_key: none, mock_response: "litellm.InternalServerError" }
router_settings: { num_retries: 0 }
`

const today = new Date().toISOString().slice(0, 10)
const dates = `start_date=${today}&end_date=${today}`

/** Two teams with a key each, one key of nobody; two calls of the first, one of each other. */
async function spent(app: Gateway) {
  const team = async (alias: string) => (await app.post('/team/new', { team_alias: alias })).body.team_id as string
  const teams = [await team('Prod Team'), await team('größer')]
  const key = async (body: object) => (await app.post('/key/generate', body)).body as { key: string; token: string }
  const first = await key({ team_id: teams[0], key_alias: 'first', user_id: 'ann' })
  const second = await key({ team_id: teams[1], metadata: { tags: ['blue'] } })
  const alone = await key({ metadata: { tags: ['red', 'blue'] } })
  await app.chat('alpha', first.key)
  await app.chat('beta', first.key)
  await app.chat('alpha', second.key)
  await app.chat('alpha', alone.key)
  return { teams, first, second, alone }
}

test('the report is by day and team, by their names, with the spend of each key and model', async (context) => {
  const app = await startGateway(context, { config })
  const { first, teams } = await spent(app)
  const { body } = await app.get(`/global/spend/report?${dates}`)
  assert.equal(body.length, 1)
  assert.equal(body[0].group_by_day, `${today}T00:00:00+00:00`)
  const prod = body[0].teams.find((team: { team_name: string }) => team.team_name === 'Prod Team')
  assert.deepEqual([prod.team_id, prod.total_spend], [teams[0], 0.042])
  assert.deepEqual(
    prod.metadata.toSorted((a: { model: string }, b: { model: string }) => a.model.localeCompare(b.model)),
    [
      { model: 'alpha', spend: 0.014, total_tokens: 12, api_key: first.token },
      { model: 'beta', spend: 0.028, total_tokens: 12, api_key: first.token },
    ],
  )
  const { body: one } = await app.get(`/global/spend/report?${dates}&team_id=${teams[1]}`)
  assert.deepEqual(
    one[0].teams.map((team: { team_name: string }) => team.team_name),
    ['größer'],
  )
  assert.deepEqual((await app.get(`/global/spend/report?${dates}&group_by=customer`)).body, [])
  assert.equal((await app.get(`/global/spend/report?${dates}&group_by=planet`)).status, 422)
})

test('the report of keys, or of a user’s, tells models', async (context) => {
  const app = await startGateway(context, { config })
  const { first } = await spent(app)
  const { body } = await app.get(`/global/spend/report?${dates}&group_by=api_key`)
  assert.equal(body.length, 3)
  const expected = {
    api_key: first.token,
    total_cost: 0.042,
    total_input_tokens: 20,
    total_output_tokens: 4,
    model_details: [
      { model: 'alpha', total_cost: 0.014, total_input_tokens: 10, total_output_tokens: 2 },
      { model: 'beta', total_cost: 0.028, total_input_tokens: 10, total_output_tokens: 2 },
    ],
  }
  assert.deepEqual(body[0], expected)
  assert.deepEqual((await app.get(`/global/spend/report?${dates}&api_key=${first.key}`)).body, [expected])
  assert.deepEqual((await app.get(`/global/spend/report?${dates}&internal_user_id=ann`)).body, [expected])
  const { body: keys } = await app.get('/global/spend/keys?limit=1')
  assert.deepEqual(keys, [{ api_key: first.token, key_alias: 'first', total_spend: 0.042 }])
  const { body: days } = await app.get(`/global/spend/logs?api_key=${first.key}`)
  assert.deepEqual(days, [{ date: today, spend: 0.042 }])
})

test('teams are shown by name, tags can be picked and listed', async (context) => {
  const app = await startGateway(context, { config })
  const { teams } = await spent(app)
  const { body } = await app.get('/global/spend/teams')
  assert.deepEqual(body.daily_spend, [{ date: today, 'Prod Team': 0.042, größer: 0.014 }])
  assert.deepEqual(body.teams.toSorted(), ['Prod Team', 'größer'])
  assert.deepEqual(body.total_spend_per_team[0], { team_id: teams[0], team_alias: 'Prod Team', total_spend: 0.042 })
  assert.deepEqual((await app.get('/global/spend/all_tag_names')).body, { tag_names: ['blue', 'red'] })
  const { body: tags } = await app.get('/global/spend/tags?tags=red')
  assert.deepEqual(tags.spend_per_tag, [{ name: 'red', spend: 0.014, log_count: 1 }])
  assert.equal((await app.get('/global/spend/tags?tags=all-tags')).body.spend_per_tag.length, 2)
  const [day] = (await app.get('/global/activity')).body.daily_data
  assert.match(day.date, /^[A-Z][a-z]{2} \d\d$/)
})

test('keys and users are listed by what they spent, to everybody what is theirs', async (context) => {
  const app = await startGateway(context, { config })
  const { body: ann } = await app.post('/user/new', { user_id: 'ann', user_role: 'internal_user' })
  await app.post('/user/new', { user_id: 'bob', auto_create_key: false })
  await app.chat('alpha', ann.key)
  const { body: nobody } = await app.post('/key/generate', {})
  await app.chat('beta', nobody.key)
  const spentOf = (rows: readonly { spend: number }[]) => rows.map(({ spend }) => spend)
  const { body: keys } = await app.get('/spend/keys')
  assert.deepEqual(spentOf(keys).slice(0, 2), [0.028, 0.014])
  assert.equal(keys[0].token, nobody.token)
  assert.equal(JSON.stringify(keys).includes(nobody.key), false)
  const { body: users } = await app.get('/spend/users')
  assert.deepEqual([users[0].user_id, users[0].spend], ['ann', 0.014])
  assert.deepEqual(
    (await app.get('/spend/users?user_id=bob')).body.map((user: { user_id: string }) => user.user_id),
    ['bob'],
  )
  assert.deepEqual(
    (await app.get('/spend/keys', ann.key)).body.map((row: { user_id: string }) => row.user_id),
    ['ann'],
  )
  assert.equal((await app.get('/spend/users?user_id=bob', ann.key)).status, 403)
})

test('a reset by the master key lets keys and teams start again from 0 and leaves the ledger', async (context) => {
  const app = await startGateway(context, { config })
  const { first, teams } = await spent(app)
  const { body: admin } = await app.post('/user/new', { user_id: 'boss', user_role: 'proxy_admin' })
  const refused = await app.post('/global/spend/reset', {}, admin.key)
  assert.equal(refused.status, 401)
  assert.match(refused.body.error.message, /only for MASTER KEY/)
  const reset = await app.post('/global/spend/reset')
  assert.deepEqual(
    [reset.status, reset.body],
    [200, { message: 'Spend for all API Keys and Teams reset successfully', status: 'success' }],
  )
  const { body: keys } = await app.get('/spend/keys')
  for (const { spend } of keys) assert.equal(spend, 0)
  assert.equal((await app.get(`/team/info?team_id=${teams[0]}`)).body.team_info.spend, 0)
  assert.equal((await app.get('/global/spend')).body.spend, 0.07)
  await app.chat('alpha', first.key)
  assert.equal((await app.get(`/key/info?key=${first.key}`)).body.info.spend, 0.014)
})

test('rows are found by alias, status and error, and sorted by what LiteLLM sorts by', async (context) => {
  const app = await startGateway(context, { config })
  const { first } = await spent(app)
  await app.chat('broken', first.key)
  await app.chat('nothing-of-that-name', first.key)
  const rowsOf = async (query: string) => (await app.get(`/spend/logs/v2?${query}`)).body.data
  assert.equal((await rowsOf('key_alias=first')).length, 4)
  const [failed, ...none] = await rowsOf('error_code=500')
  assert.deepEqual(none, [])
  const { error_class: failure, error_code: status } = failed.metadata.error_information
  assert.deepEqual([status, failure], ['500', 'upstream_error'])
  assert.equal((await rowsOf('error_code=model_not_found')).length, 1)
  assert.equal((await rowsOf("error_code=500' OR 1=1 --")).length, 0)
  assert.equal((await rowsOf('min_spend=0.02&max_spend=0.03')).length, 1)
  assert.equal((await rowsOf('status_filter=success')).length, 4)
  const models = (await rowsOf('status_filter=success&sort_by=model&sort_order=desc')).map(
    (row: { model: string }) => row.model,
  )
  assert.deepEqual(models, ['beta', 'alpha', 'alpha', 'alpha'])
  const ended = (await rowsOf('sort_by=endTime&sort_order=asc')).map((row: { endTime: string }) => row.endTime)
  assert.deepEqual(ended, ended.toSorted())
  const [row] = (await app.get(`/spend/logs?request_id=${failed.request_id}`)).body
  assert.equal(row.request_id, failed.request_id)
  assert.deepEqual((await app.get('/spend/logs?request_id=nobody')).body, [])
  const { body: rows } = await app.get(`/spend/logs?${dates}&summarize=false`)
  assert.equal(rows.length, 6)
  const [sum] = (await app.get(`/spend/logs?${dates}`)).body
  assert.deepEqual([sum.startTime, sum.spend, sum.models.alpha], [today, 0.07, 0.042])
})

test('activity names keys and teams, and tells each part by key', async (context) => {
  const app = await startGateway(context, { config })
  const { first, second, teams } = await spent(app)
  const { body } = await app.get(`/team/daily/activity?${dates}`)
  const [day] = body.results
  const key = { key_alias: 'first', team_id: teams[0] }
  assert.deepEqual(day.breakdown.api_keys[first.token].metadata, key)
  assert.deepEqual(day.breakdown.api_keys[second.token].metadata, { key_alias: null, team_id: teams[1] })
  assert.deepEqual(day.breakdown.entities[teams[0] ?? ''].metadata, { team_alias: 'Prod Team' })
  const { api_key_breakdown: keys, metrics } = day.breakdown.models.alpha
  assert.deepEqual([metrics.spend, keys[first.token].metrics.spend, keys[first.token].metadata], [0.028, 0.014, key])
  const { body: whole } = await app.get(`/user/daily/activity/aggregated?${dates}&user_id=ann`)
  assert.deepEqual(
    [whole.results.length, whole.metadata.total_spend, whole.metadata.total_pages, whole.metadata.has_more],
    [1, 0.042, 1, false],
  )
})
