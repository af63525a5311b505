import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { configText, playedModel } from './config-file.ts'
import { type GatewayProcess, startGateway } from './processes.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

const prices = { input_cost_per_token: 0.001, output_cost_per_token: 0.001 }

const stage = playedStage((url) => ({
  model_list: [
    playedModel('dear', `${url}/v1`, prices),
    playedModel('slow', `${url}/v1`, { model: 'openai/slow+headers-delay=400', ...prices }),
    playedModel('brisk', `${url}/v1`, { model: 'openai/brisk+token-delay=20', ...prices }),
    playedModel('gratis', `${url}/v1`, { input_cost_per_token: 0, output_cost_per_token: 0 }),
    playedModel('broken', `${url}/v1`, { model: 'openai/broken+status=500', ...prices }),
  ],
  router_settings: { num_retries: 0, disable_cooldowns: true },
}))

interface Refused {
  readonly error: { readonly message: string; readonly type: string; readonly code: string }
}

async function keyWith(gateway: GatewayProcess, limits: object): Promise<string> {
  const answer = await gateway.fetch('/key/generate', { method: 'POST', body: JSON.stringify(limits) })
  assert.equal(answer.status, 200, await answer.clone().text())
  const made = (await answer.json()) as { readonly key: string }
  return made.key
}

function chat(gateway: GatewayProcess, key: string, model: string, more: object = {}): Promise<Response> {
  return gateway.fetch('/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'count to 3' }], max_tokens: 20, ...more }),
  })
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer
  await body?.cancel()
  return status
}

async function spendOf(gateway: GatewayProcess, key: string): Promise<number> {
  const { info } = await gateway.json<{ info: { spend: number } }>(`/key/info?key=${key}`)
  return info.spend
}

describe('limits of one gateway', () => {
  let gateway: GatewayProcess
  before(async () => {
    gateway = await startGateway({ config: stage.config, dataDir: stage.scratch.path })
  })
  after(() => gateway.stop())

  it('requests beyond the limit are refused with LiteLLM’s words and headers, before the provider is called', async () => {
    const key = await keyWith(gateway, { rpm_limit: 2, metadata: {} })
    const first = await chat(gateway, key, 'dear')
    assert.equal(first.status, 200)
    assert.equal(first.headers.get('x-ratelimit-api_key-limit-requests'), '2')
    assert.equal(first.headers.get('x-ratelimit-api_key-remaining-requests'), '1')
    assert.equal(first.headers.get('x-ratelimit-limit-requests'), '2')
    assert.equal(first.headers.get('x-ratelimit-remaining-requests'), '1')
    assert.equal(first.headers.get('x-litellm-key-rpm-limit'), '2')
    await first.text()
    assert.equal(await statusOf(chat(gateway, key, 'dear')), 200)
    const refused = await chat(gateway, key, 'dear')
    assert.equal(refused.status, 429)
    const { error } = (await refused.json()) as Refused
    assert.match(
      error.message,
      /^Rate limit exceeded for api_key: [0-9a-f]{64}\. Limit type: requests\. Current limit: 2, Remaining: 0\. Limit resets at: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
    )
    assert.equal(error.type, 'rate_limit_error')
    assert.equal(refused.headers.get('rate_limit_type'), 'requests')
    assert.ok(error.message.endsWith(refused.headers.get('reset_at') ?? '?'))
    const wait = Number(refused.headers.get('retry-after'))
    assert.ok(wait > 30 && wait <= 60, `${wait}`)
  })

  it('tokens are counted as used, and a used-up minute is refused', async () => {
    const key = await keyWith(gateway, { tpm_limit: 60 })
    let admitted = 0
    let tokens = 0
    for (let call = 0; call < 20; call += 1) {
      const answer = await chat(gateway, key, 'dear')
      if (answer.status === 429) break
      const { usage } = (await answer.json()) as { usage: { total_tokens: number } }
      admitted += 1
      tokens += usage.total_tokens
    }
    assert.ok(admitted > 1 && tokens >= 60 && tokens < 120, `${admitted} calls, ${tokens} tokens`)
  })

  it('parallel calls are limited while they run, and a limit of 0 lets none through', async () => {
    const key = await keyWith(gateway, { max_parallel_requests: 2 })
    const statuses = await Promise.all(Array.from({ length: 6 }, () => statusOf(chat(gateway, key, 'slow'))))
    assert.deepEqual(statuses.sort(), [200, 200, 429, 429, 429, 429])
    assert.equal(await statusOf(chat(gateway, key, 'dear')), 200)
    const none = await keyWith(gateway, { max_parallel_requests: 0 })
    assert.equal(await statusOf(chat(gateway, none, 'dear')), 429)
  })

  it('a slot comes back when the provider fails, and when the caller hangs up', async () => {
    const key = await keyWith(gateway, { max_parallel_requests: 1 })
    for (let call = 0; call < 3; call += 1) assert.equal(await statusOf(chat(gateway, key, 'broken')), 500)
    const abort = new AbortController()
    const hung = gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'slow', messages: [{ role: 'user', content: 'hi' }] }),
      signal: abort.signal,
    })
    await sleep(100)
    abort.abort()
    await assert.rejects(hung)
    await waitFor('the slot', async () => (await statusOf(chat(gateway, key, 'dear'))) === 200)
  })

  it('a budget that is spent is refused, a model that costs nothing is not', async () => {
    const key = await keyWith(gateway, { max_budget: 0.05 })
    let refused: Response | undefined
    for (let call = 0; call < 20; call += 1) {
      const answer = await chat(gateway, key, 'dear')
      if (answer.status !== 200) {
        refused = answer
        break
      }
      await answer.text()
    }
    assert.ok(refused)
    assert.equal(refused.status, 422)
    const { error } = (await refused.json()) as Refused
    assert.match(error.message, /^Budget has been exceeded! Current cost: 0\.\d+, Max budget: 0\.05$/)
    assert.equal(error.type, 'budget_exceeded')
    assert.equal(await statusOf(chat(gateway, key, 'gratis')), 200)
    assert.ok((await spendOf(gateway, key)) >= 0.05)
    const none = await keyWith(gateway, { max_budget: 0 })
    assert.equal(await statusOf(chat(gateway, none, 'dear')), 422)
    assert.equal(await statusOf(chat(gateway, none, 'gratis')), 422)
  })

  it('spend is shown, reset, and survives a restart', async () => {
    const key = await keyWith(gateway, { max_budget: 0.03 })
    while ((await statusOf(chat(gateway, key, 'dear'))) === 200);
    const before = await spendOf(gateway, key)
    await gateway.stop()
    gateway = await startGateway({ config: stage.config, dataDir: stage.scratch.path, port: gateway.port })
    assert.equal(await spendOf(gateway, key), before)
    assert.equal(await statusOf(chat(gateway, key, 'dear')), 422)
    const reset = await gateway.fetch(`/key/${key}/reset_spend`, {
      method: 'POST',
      body: JSON.stringify({ reset_to: 0 }),
    })
    assert.equal(reset.status, 200, await reset.text())
    const after = await chat(gateway, key, 'dear')
    assert.equal(after.status, 200)
    await after.text()
  })

  it('a budget starts again when its duration is over', async () => {
    const key = await keyWith(gateway, { max_budget: 0.01, budget_duration: '4s' })
    assert.equal(await statusOf(chat(gateway, key, 'dear')), 200)
    await waitFor('the budget to be spent', async () => (await statusOf(chat(gateway, key, 'dear'))) === 422)
    await waitFor('the next window', async () => (await statusOf(chat(gateway, key, 'dear'))) === 200)
    assert.ok((await spendOf(gateway, key)) < 0.1)
  })

  it('models have limits of their own within a key', async () => {
    const key = await keyWith(gateway, { model_rpm_limit: { dear: 1 }, metadata: {} })
    assert.equal(await statusOf(chat(gateway, key, 'dear')), 200)
    const refused = await chat(gateway, key, 'dear')
    assert.equal(refused.status, 429)
    assert.match(
      ((await refused.json()) as Refused).error.message,
      /^Rate limit exceeded for model_per_key: [0-9a-f]{64}:dear\. /,
    )
    assert.equal(await statusOf(chat(gateway, key, 'gratis')), 200)
  })

  it('a stream that the caller cuts is settled for what came', async () => {
    const key = await keyWith(gateway, { max_parallel_requests: 1, max_budget: 100 })
    const abort = new AbortController()
    const answer = await gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'brisk', stream: true, messages: [{ role: 'user', content: 'count to 50' }] }),
      signal: abort.signal,
    })
    await answer.body?.getReader().read()
    abort.abort()
    await waitFor('the slot', async () => (await statusOf(chat(gateway, key, 'dear'))) === 200)
    assert.ok((await spendOf(gateway, key)) > 0)
  })

  it('a provider whose budget is spent gets no more calls, other providers do', async () => {
    const limited = stage.scratch.file('provider-budget.yaml')
    const base = `${stage.provider.url}/v1`
    const prices = { input_cost_per_token: 0.001, output_cost_per_token: 0.001 }
    await writeFile(
      limited,
      configText({
        model_list: [playedModel('dear', base, prices), playedModel('other', base, { model: 'groq/other', ...prices })],
        router_settings: {
          num_retries: 0,
          provider_budget_config: { openai: { budget_limit: 0.1, time_period: '1d' } },
        },
      }),
    )
    const budgeted = await startGateway({ config: limited })
    try {
      await waitFor('the budget to be spent', async () => (await statusOf(budgetedChat('dear'))) === 429)
      assert.equal(await statusOf(budgetedChat('other')), 200)
      const { providers } = await budgeted.json<{
        providers: Record<string, { budget_limit: number; time_period: string; spend: number; budget_reset_at: string }>
      }>('/provider/budgets')
      const { openai } = providers
      assert.ok(openai !== undefined && openai.spend >= 0.1 && Date.parse(openai.budget_reset_at) > Date.now())
      assert.deepEqual([openai.budget_limit, openai.time_period], [0.1, '1d'])
    } finally {
      await budgeted.stop()
    }
    function budgetedChat(model: string): Promise<Response> {
      return budgeted.fetch('/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'count to 3' }] }),
      })
    }
  })

  it('metrics tell of refusals', async () => {
    const metrics = await gateway.metrics()
    assert.equal(metrics.get('midflight_limits_degraded{place="memory"}'), 0)
    const { limits } = await gateway.json<{ limits: { place: string; state: string } }>('/config/status')
    assert.deepEqual([limits.place, limits.state], ['memory', 'up'])
    assert.ok((metrics.get('midflight_limits_refusals_total{descriptor="model_per_key",measure="requests"}') ?? 0) >= 1)
  })
})
