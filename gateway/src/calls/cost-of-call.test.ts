import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Gateway, startGateway } from '../../test/gateway.ts'

/** A provider that answers whatever the test wants. */
let provider: Server
let base: string
let respond: (response: ServerResponse) => void = () => undefined

before(async () => {
  provider = createServer((request, response) => {
    request.resume()
    request.on('end', () => respond(response))
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`
})

after(() => {
  provider.closeAllConnections()
  provider.close()
})

const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 }

function whole(more: object = {}, headers: Record<string, string> = {}): (response: ServerResponse) => void {
  const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }]
  const body = { id: 'x', object: 'chat.completion', created: 1, model: 'gpt-5-mini', choices, usage, ...more }
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

const deployments = (): string => `
model_list:
  - model_name: mapped
    litellm_params: { model: openai/gpt-5-mini, api_base: ${base}, api_key: k }
  - model_name: unmapped
    litellm_params: { model: openai/nobody-knows-it, api_base: ${base}, api_key: k }
  - model_name: based
    litellm_params: { model: openai/nobody-knows-it, api_base: ${base}, api_key: k }
    model_info: { base_model: gpt-5-mini }
  - model_name: own
    litellm_params: { model: openai/gpt-5-mini, api_base: ${base}, api_key: k, input_cost_per_token: 0.001, output_cost_per_token: "2e-3" }
  - model_name: unset
    litellm_params: { model: openai/gpt-5-mini, api_base: ${base}, api_key: k, input_cost_per_token: null, output_cost_per_token: null }
  - model_name: free
    litellm_params: { model: openai/gpt-5-mini, api_base: ${base}, api_key: k, input_cost_per_token: 0, output_cost_per_token: 0 }
  - model_name: tiered
    litellm_params: { model: openai/x, api_base: ${base}, api_key: k, input_cost_per_token: 0.001, output_cost_per_token: 0, input_cost_per_token_flex: 0.0005, input_cost_per_token_priority: 0.002 }
  - model_name: timed
    litellm_params: { model: openai/nobody-knows-it, api_base: ${base}, api_key: k, input_cost_per_second: 1 }
`

async function costOf(app: Gateway, model: string, more: object = {}): Promise<string | null> {
  const answer = await app.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hi' }], ...more })
  assert.equal(answer.status, 200, answer.text)
  return answer.headers.get('x-litellm-response-cost')
}

test('the price of a call is its deployment’s own, its base model’s, or the map’s', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  respond = whole()
  // 1000 · 0.25e-6 + 100 · 2e-6 by the map that comes with the gateway.
  assert.equal(await costOf(app, 'mapped'), '0.00045')
  assert.equal(await costOf(app, 'based'), '0.00045')
  assert.equal(await costOf(app, 'own'), '1.2')
  assert.equal(await costOf(app, 'unset'), '0.00045', 'null leaves it to the map')
  assert.equal(await costOf(app, 'free'), '0')
  assert.equal(await costOf(app, 'unmapped'), '0.00045', 'the model that answered is known')
  respond = whole({ model: 'nobody-knows-this-either' })
  assert.equal(await costOf(app, 'unmapped'), null, 'unknown is not 0')
  assert.equal(await costOf(app, 'mapped'), '0.00045')
  assert.ok(Number(await costOf(app, 'timed')) > 0)
  respond = whole({ usage: undefined })
  assert.equal(await costOf(app, 'mapped'), null)
})

test('the tier is the one that the provider says it served, else the one that was asked for', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  for (const [asked, served, cost] of [
    [undefined, undefined, '1'],
    ['flex', undefined, '0.5'],
    ['flex', 'flex', '0.5'],
    ['priority', 'default', '1'],
    ['auto', 'priority', '2'],
    ['auto', undefined, '1'],
  ] as const) {
    respond = whole(served === undefined ? {} : { service_tier: served })
    const more = asked === undefined ? {} : { service_tier: asked }
    assert.equal(await costOf(app, 'tiered', more), cost, `${asked} ${served}`)
  }
})

test('the model that answered is the one that is paid for, unless the operator says otherwise', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  // 1000 · 1.25e-6 + 100 · 10e-6 by the map that comes with the gateway.
  respond = whole({ model: 'gpt-5-2025-08-07' })
  assert.equal(await costOf(app, 'mapped'), '0.00225')
  assert.equal(await costOf(app, 'unmapped'), '0.00225')
  assert.equal(await costOf(app, 'based'), '0.00045')
  assert.equal(await costOf(app, 'own'), '1.2')
  for (const model of ['', 7, null, 'x'.repeat(10_000), 'gpt\u0000', { name: 'gpt-5' }]) {
    respond = whole({ model })
    assert.equal(await costOf(app, 'mapped'), '0.00045', JSON.stringify(model).slice(0, 40))
  }
})

test('a stream is costed by the model and the tier that its chunks name', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  const chunk = (more: object) =>
    `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'gpt-5', service_tier: 'flex', ...more })}\n\n`
  respond = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(chunk({ choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }] }))
    response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }))
    response.end(`${chunk({ choices: [], usage })}data: [DONE]\n\n`)
  }
  for (const [path, body, spent] of [
    ['/v1/chat/completions', { model: 'mapped' }, 0.00225],
    ['/v1/messages', { model: 'mapped', max_tokens: 10 }, 0.00225],
    ['/v1/chat/completions', { model: 'tiered', service_tier: 'priority' }, 0.5],
    ['/v1/messages', { model: 'tiered', max_tokens: 10 }, 0.5],
  ] as const) {
    const messages = [{ role: 'user', content: 'Hi' }]
    const answer = await app.post(path, { ...body, messages, stream: true })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(
      (await rowOf(app, answer.headers.get('x-litellm-call-id') ?? '')).spend,
      spent,
      `${path} ${body.model}`,
    )
  }
})

test('an upstream gateway tells what it billed', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  respond = whole({}, { 'x-litellm-response-cost': '0.0625' })
  assert.equal(await costOf(app, 'mapped'), '0.0625')
  assert.equal(await costOf(app, 'unmapped'), '0.0625')
  respond = whole({}, { 'x-litellm-response-cost': 'None' })
  assert.equal(await costOf(app, 'mapped'), '0.00045')
})

const events = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => {
    const choices = [{ index: 0, delta: { content: `word${index} ` }, finish_reason: null }]
    return `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'gpt-5-mini', choices })}\n\n`
  })

async function rowOf(app: Gateway, callId: string) {
  for (let tries = 0; tries < 100; tries += 1) {
    const { body } = await app.get(`/spend/logs/v2?request_id=${callId}`)
    const rows = body?.data ?? []
    if (rows.length > 0) return rows[0]
    await sleep(50)
  }
  return assert.fail('no row came')
}

async function lastRow(app: Gateway) {
  for (let tries = 0; tries < 100; tries += 1) {
    const { body } = await app.get('/spend/logs/v2?page_size=10')
    const rows = body?.data ?? []
    if (rows.length > 0) return rows[0]
    await sleep(50)
  }
  return assert.fail('no row came')
}

test('a stream that the provider cuts is costed for what had passed, and said to be estimated', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  respond = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of events(40)) response.write(event)
    setTimeout(() => response.destroy(), 100)
  }
  const messages = [{ role: 'user', content: 'Tell me a story of forty words.' }]
  const answer = await app.post('/v1/chat/completions', { model: 'own', stream: true, messages })
  assert.match(answer.text, /"error"/)
  const row = await lastRow(app)
  assert.ok(row.completion_tokens > 20 && row.completion_tokens < 140, JSON.stringify(row))
  assert.ok(row.prompt_tokens > 5 && row.prompt_tokens < 40)
  const expected = row.prompt_tokens * 0.001 + row.completion_tokens * 0.002
  assert.ok(Math.abs(row.spend - expected) < 1e-9)
})

test('a stream that its caller leaves is costed for what had passed', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  respond = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of events(30)) response.write(event)
  }
  const leaving = new AbortController()
  const answer = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { authorization: 'Bearer sk-master-of-the-test', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'own', stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
  })
  await answer.body?.getReader().read()
  leaving.abort()
  const row = await lastRow(app)
  assert.ok(row.completion_tokens > 10, JSON.stringify(row))
  assert.ok(row.spend > 0)
})

test('what calls would cost, or did, can be asked', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  const estimate = await app.post('/cost/estimate', { model: 'mapped', input_tokens: 1000, output_tokens: 100 })
  assert.equal(estimate.body.cost_per_request, 0.00045)
  assert.equal(estimate.body.price_map_key, 'gpt-5-mini')
  assert.equal((await app.post('/cost/estimate', { model: 'nobody', input_tokens: 1 })).status, 404)
  assert.equal((await app.post('/cost/estimate', { input_tokens: 1 })).status, 422)
  assert.equal((await app.post('/cost/estimate', { model: 'mapped', input_tokens: -1 })).status, 422)
  const spent = await app.post('/spend/calculate', { completion_response: { model: 'gpt-5-mini', usage } })
  assert.deepEqual(spent.body, { cost: 0.00045 })
  const prompt = await app.post('/spend/calculate', { model: 'own', messages: [{ role: 'user', content: 'Hi' }] })
  assert.ok(prompt.body.cost > 0 && prompt.body.estimated)
  assert.equal((await app.post('/spend/calculate', {})).status, 400)
  assert.equal((await app.post('/spend/calculate', { completion_response: { model: 'mapped' } })).status, 400)
})

test('tokens of a prompt are estimated, and the answer says so', async (context) => {
  const app = await startGateway(context, { config: deployments() })
  const count = async (body: object) => (await app.post('/utils/token_counter', { model: 'mapped', ...body })).body
  assert.deepEqual(await count({ prompt: 'Hello there' }), {
    total_tokens: 3,
    request_model: 'mapped',
    model_used: 'gpt-5-mini',
    tokenizer_type: 'estimate',
    original_response: null,
    error: false,
  })
  assert.ok((await count({ prompt: 'a'.repeat(2_000_000) })).total_tokens > 50_000)
  assert.equal((await app.post('/utils/token_counter', { model: 'mapped' })).status, 400)
  assert.ok(
    (
      await count({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Hi' },
              { type: 'image_url', image_url: { url: 'x' } },
            ],
          },
        ],
      })
    ).total_tokens > 1000,
  )
})
