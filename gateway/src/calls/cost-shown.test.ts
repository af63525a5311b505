import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { type Gateway, startGateway } from '../../test/gateway.ts'

/** What a call came to, as callers and operators are shown it. */
let provider: Server
let base: string
let answer: object = {}
let status = 200

before(async () => {
  provider = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      const choices = [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }]
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, choices, ...answer }))
    })
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`
})

after(() => {
  provider.closeAllConnections()
  provider.close()
})

const usage = { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 }

const config = (settings = '{}'): string => `
litellm_settings: ${settings}
model_list:
  - model_name: priced
    litellm_params: { model: openai/priced, api_base: ${base}, api_key: k, input_cost_per_token: 0.002, output_cost_per_token: 0.002 }
  - model_name: free
    litellm_params: { model: openai/free, api_base: ${base}, api_key: k, input_cost_per_token: 0, output_cost_per_token: 0 }
  - model_name: half
    litellm_params: { model: openai/half, api_base: ${base}, api_key: k, input_cost_per_token: 0.002 }
  - model_name: unmapped
    litellm_params: { model: openai/nobody-knows-it, api_base: ${base}, api_key: k }
`

async function shownCost(app: Gateway, model: string): Promise<Record<string, string>> {
  const { headers, status } = await app.chat(model)
  assert.equal(status, 200)
  const costs = [...headers].filter(([name]) => name.startsWith('x-litellm-response-cost'))
  return Object.fromEntries(costs.map(([name, value]) => [name.slice('x-litellm-response-cost'.length), value]))
}

test('discount and margin are shown beside the cost, each where it is', async (context) => {
  answer = { usage }
  for (const [settings, shown] of [
    ['{}', { '': '0.06' }],
    ['{ cost_discount_config: { openai: 0.05 } }', { '': '0.057', '-original': '0.06', '-discount-amount': '0.003' }],
    [
      '{ cost_margin_config: { global: 0.1 } }',
      { '': '0.066', '-original': '0.06', '-margin-amount': '0.006', '-margin-percent': '0.1' },
    ],
    [
      '{ cost_margin_config: { global: { fixed_amount: 0.001 } } }',
      { '': '0.061', '-original': '0.06', '-margin-amount': '0.001' },
    ],
    [
      '{ cost_discount_config: { openai: 0.5 }, cost_margin_config: { openai: 1 } }',
      {
        '': '0.06',
        '-original': '0.06',
        '-discount-amount': '0.03',
        '-margin-amount': '0.03',
        '-margin-percent': '1',
      },
    ],
  ] as const) {
    assert.deepEqual(
      await shownCost(await startGateway(context, { config: config(settings) }), 'priced'),
      shown,
      settings,
    )
  }
})

test('answers that cost nothing are counted by why', async (context) => {
  const app = await startGateway(context, { config: config() })
  const count = async (model: string): Promise<string[]> => {
    const { text } = await app.get('/metrics')
    const lines = text.matchAll(/midflight_zero_cost_requests_total\{model_group="(\w+)".*reason="(\w+)"\} (\d+)/g)
    return [...lines].flatMap(([, group, reason, times]) => (group === model ? [`${reason} ${times}`] : []))
  }
  answer = { usage }
  for (const model of ['priced', 'free', 'half', 'unmapped', 'unmapped']) await app.chat(model)
  assert.deepEqual(await count('priced'), [])
  assert.deepEqual(await count('free'), ['free 1'])
  assert.deepEqual(await count('half'), ['price_missing 1'])
  assert.deepEqual(await count('unmapped'), ['model_unmapped 2'])
  answer = {}
  await app.chat('priced')
  assert.deepEqual(await count('priced'), ['usage_unknown 1'])
})

test('a call that was refused, here or by the provider, is no call whose cost is not known', async (context) => {
  context.after(() => {
    status = 200
  })
  const app = await startGateway(context, { config: config() })
  answer = { usage }
  await app.post('/key/generate', { key: 'sk-spent-0123456789', max_budget: 0 })
  assert.equal((await app.chat('priced', 'sk-spent-0123456789')).status, 422)
  assert.equal((await app.chat('no-such-model')).status, 400)
  assert.equal((await app.chat('unmapped')).status, 200)
  status = 400
  assert.equal((await app.chat('priced')).status, 400)
  const rows = await waitFor(4, async () => (await app.get('/spend/logs')).body)
  const shown = rows.map(({ metadata }) => [metadata.requested_model, metadata.status_code, metadata.cost_known])
  assert.deepEqual(shown.sort(), [
    ['no-such-model', 400, true],
    ['priced', 400, true],
    ['priced', 422, true],
    ['unmapped', 200, false],
  ])
})

interface LogRow {
  readonly metadata: { readonly requested_model: string; readonly status_code: number; readonly cost_known: boolean }
}

/** The ledger is brought to the store every half second. */
async function waitFor(count: number, ask: () => Promise<readonly LogRow[]>): Promise<readonly LogRow[]> {
  for (let round = 0; round < 100; round += 1) {
    const rows = await ask()
    if (rows.length >= count) return rows
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return assert.fail(`there are no ${count} rows`)
}
