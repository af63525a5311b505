import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noPostgres, startPostgres } from '../../test/databases.ts'
import { type Answer, startGateway } from '../../test/gateway.ts'
import { playProvider } from '../../test/played/provider.ts'
import type { JsonObject } from '../lib/json.ts'

const answerAfterMs = 1_500

/** What settings, tags and end users limit is limited on all replicas together. */
test('two replicas on PostgreSQL let through what one would', { skip: noPostgres() }, async (context) => {
  const server = await startPostgres()
  assert.ok(server)
  context.after(() => server.stop())
  const provider = await playProvider({ behaviours: { slow: `headersDelay=${answerAfterMs}` } })
  context.after(() => provider.close())
  const priced = { input_cost_per_token: 0.001, output_cost_per_token: 0.001 }
  const config = {
    model_list: [
      { model_name: 'slow', litellm_params: { model: 'openai/slow', api_key: 'k', api_base: `${provider.url}/v1` } },
      { model_name: 'fast', litellm_params: { model: 'openai/fast', api_key: 'k', mock_response: 'hi', ...priced } },
    ],
    general_settings: { global_max_parallel_requests: 30, max_parallel_requests: 3 },
    litellm_settings: { max_end_user_budget_id: 'usual' },
    router_settings: { num_retries: 0 },
  }
  const options = { config, databaseUrl: server.url }
  const replicas = [await startGateway(context, options), await startGateway(context, options)]
  const [one] = replicas
  assert.ok(one)
  const post = async (path: string, body: JsonObject): Promise<Answer['body']> => {
    const answer = await one.post(path, body)
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  /** Statuses of so many calls at once, sent to the replicas in turn, and how often each came. */
  async function counted(
    calls: number,
    fields: JsonObject,
    keys: readonly string[],
    first = 0,
  ): Promise<Record<number, number>> {
    const messages = [{ role: 'user', content: 'hi' }]
    const answers = await Promise.all(
      Array.from({ length: calls }, (_, index) =>
        replicas[(first + index) % replicas.length]?.post(
          '/v1/chat/completions',
          { messages, ...fields },
          keys[index % keys.length],
        ),
      ),
    )
    const counts: Record<number, number> = {}
    for (const answer of answers) counts[answer?.status ?? 0] = (counts[answer?.status ?? 0] ?? 0) + 1
    return counts
  }

  const keys = await Promise.all(
    Array.from({ length: 12 }, async () => (await post('/key/generate', {})).key as string),
  )
  assert.deepEqual(await counted(16, { model: 'slow' }, keys.slice(0, 1)), { 200: 3, 429: 13 })
  assert.deepEqual(await counted(60, { model: 'slow' }, keys), { 200: 30, 429: 30 })

  const cost = Number(
    (
      await one.post('/v1/chat/completions', { model: 'fast', messages: [{ role: 'user', content: 'hi' }] })
    ).headers.get('x-litellm-response-cost'),
  )
  assert.ok(cost > 0)
  await post('/tag/new', { name: 'shared', max_budget: cost * 4.5, budget_duration: '30d' })
  await post('/budget/new', { budget_id: 'usual', max_budget: cost * 2.5 })
  // One by one, so that the parallel limit is not what refuses.
  const served = async (fields: JsonObject): Promise<number> => {
    let count = 0
    for (let round = 0; round < 12; round += 1) count += (await counted(1, fields, keys, round))[200] ?? 0
    return count
  }
  assert.equal(await served({ model: 'fast', tags: ['shared'] }), 5)
  assert.equal(await served({ model: 'fast', user: 'ann' }), 3)
  const together = await counted(24, { model: 'fast', user: 'bob' }, keys)
  assert.ok((together[200] ?? 0) <= 3, JSON.stringify(together))
})
