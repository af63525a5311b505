import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, it } from 'node:test'
import { promisify } from 'node:util'
import { chat, send, startCluster } from './cluster.ts'
import { configText, playedModel } from './config-file.ts'
import { freePort, type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { pythonMissing } from './python.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

/** The commands of the auto-sync guide, as they stand there; only the address and the key are filled in. */
const guide = {
  reload: `curl -s -X POST "https://your-proxy-url/reload/model_cost_map" \\
-H "Authorization: Bearer YOUR_ADMIN_TOKEN" \\
-H "Content-Type: application/json"`,
  schedule: `curl -s -X POST "https://your-proxy-url/schedule/model_cost_map_reload?hours=6" \\
-H "Authorization: Bearer YOUR_ADMIN_TOKEN" \\
-H "Content-Type: application/json"`,
  python: `python3 - <<'PY'
import requests

def sync_models(proxy_url, admin_token):
    response = requests.post(
        f"{proxy_url}/reload/model_cost_map",
        headers={"Authorization": f"Bearer {admin_token}"}
    )
    return response.json()

# Usage
result = sync_models("https://your-proxy-url", "your-admin-token")
print(result['message'])
PY`,
}

const run = promisify(execFile)

async function shell(command: string, url: string): Promise<string> {
  const filled = command
    .replaceAll('https://your-proxy-url', url)
    .replaceAll('YOUR_ADMIN_TOKEN', masterKey)
    .replaceAll('your-admin-token', masterKey)
  return (await run('bash', ['-c', filled])).stdout
}

/** A published map, which the test writes. */
let published: string
let status = 200
let fetches = 0
let publisher: Server
let mapUrl: string
const stage = playedStage()
let gateway: GatewayProcess | undefined

function mapText(price: number, more: Readonly<Record<string, object>> = {}): string {
  const entry = { litellm_provider: 'openai', mode: 'chat', input_cost_per_token: price, output_cost_per_token: price }
  const models = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`gpt-known-${index}`, entry]))
  return JSON.stringify({ sample_spec: { mode: 'one of …' }, ...models, ...more })
}

before(async () => {
  publisher = createServer((_request, response) => {
    fetches += 1
    response.writeHead(status, { 'content-type': 'text/plain' })
    response.end(published)
  })
  await new Promise<void>((resolve) => publisher.listen(0, '127.0.0.1', resolve))
  mapUrl = `http://127.0.0.1:${(publisher.address() as AddressInfo).port}/model_prices_and_context_window.json`
})

afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
})

after(async () => {
  publisher.closeAllConnections()
  publisher.close()
})

/** A gateway with a wildcard, a plain model and one that has prices of its own. */
async function start(options: { readonly dataDir?: string; readonly port?: number; readonly named?: boolean } = {}) {
  const { named = true, ...rest } = options
  const { config, provider } = stage
  const base = `${provider.url}/v1`
  const own = playedModel('own', base)
  await writeFile(
    config,
    configText({
      model_list: [
        { model_name: 'openai/*', litellm_params: { model: 'openai/*', api_base: base, api_key: 'sk-played' } },
        { ...own, litellm_params: { ...own.litellm_params, input_cost_per_token: 0.5, output_cost_per_token: 0 } },
      ],
    }),
  )
  const environment = named ? { LITELLM_MODEL_COST_MAP_URL: mapUrl } : { LITELLM_LOCAL_MODEL_COST_MAP: 'True' }
  gateway = await startGateway({ config, environment, ...rest })
  return gateway
}

const costOf = async (one: GatewayProcess, model: string): Promise<number> => {
  const answer = await chat(one, model)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const shown = answer.headers.get('x-litellm-response-cost')
  return shown === null ? Number.NaN : Number(shown)
}

const countOf = async (one: GatewayProcess) => Number((await send(one, '/model/cost_map/source')).body.model_count)

it("the guide's Python example works as it stands", { skip: (await pythonMissing()) ?? false }, async () => {
  status = 200
  published = mapText(0.001)
  const one = await start()
  assert.equal((await shell(guide.python, one.url)).trim(), 'Price data reloaded successfully! 1000 models updated.')
})

it("the guide's commands work as they stand", async () => {
  status = 200
  published = mapText(0.001)
  const one = await start()
  const reloaded = JSON.parse(await shell(guide.reload, one.url))
  assert.equal(reloaded.message, 'Price data reloaded successfully! 1000 models updated.')
  assert.deepEqual([reloaded.status, reloaded.models_count], ['success', 1000])
  assert.ok(Date.parse(reloaded.timestamp) > 0)
  const scheduled = JSON.parse(await shell(guide.schedule, one.url))
  assert.equal(scheduled.message, 'Model cost map reload scheduled for every 6 hours')
  assert.deepEqual([scheduled.status, scheduled.interval_hours], ['success', 6])
  const shown = await send(one, '/schedule/model_cost_map_reload/status')
  assert.deepEqual([shown.body.scheduled, shown.body.interval_hours], [true, 6])
  const { last_run: last, next_run: next } = shown.body
  assert.equal(Date.parse(String(next)) - Date.parse(String(last)), 6 * 3_600_000)
  await shell(guide.reload, one.url)
  assert.equal((await send(one, '/schedule/model_cost_map_reload/status')).body.scheduled, true)
  const cancelled = await one.json<Record<string, unknown>>('/schedule/model_cost_map_reload', { method: 'DELETE' })
  assert.equal(cancelled.message, 'Model cost map reload schedule cancelled')
  const after = await send(one, '/schedule/model_cost_map_reload/status')
  assert.deepEqual([after.body.scheduled, after.body.interval_hours, after.body.next_run], [false, null, null])
})

it('a model that only the new map knows is called, priced and listed, and own prices stay', async () => {
  status = 200
  published = mapText(0.001)
  const one = await start()
  await waitFor('the named map', async () => (await countOf(one)) === 1000)
  assert.ok(Number.isNaN(await costOf(one, 'openai/gpt-day-0')))
  const ownBefore = await costOf(one, 'own')
  published = mapText(0.001, {
    'gpt-day-0': { litellm_provider: 'openai', mode: 'chat', input_cost_per_token: 0.25, output_cost_per_token: 0 },
  })
  await shell(guide.reload, one.url)
  const dayZero = await costOf(one, 'openai/gpt-day-0')
  assert.equal(dayZero * 2, ownBefore)
  assert.equal(await costOf(one, 'own'), ownBefore)
  const { data } = await one.json<{ data: { id: string }[] }>('/v1/models')
  const names = data.map(({ id }) => id)
  assert.ok(names.includes('openai/gpt-day-0') && names.includes('own') && !names.includes('openai/*'))
  const map = (await (await fetch(`${one.url}/public/litellm_model_cost_map`)).json()) as object
  assert.ok('gpt-day-0' in map && !('sample_spec' in map))
})

it('a bad map is answered with 502 and its reason, and nothing changes', async () => {
  status = 200
  published = mapText(0.001)
  const one = await start()
  await waitFor('the named map', async () => (await countOf(one)) === 1000)
  const before = await costOf(one, 'openai/gpt-known-7')
  for (const [text, code, reason] of [
    ['<html>', 200, 'it is not JSON but looks like a web page'],
    [mapText(0.001).slice(0, 900), 200, 'it is not JSON'],
    ['{}', 200, 'it has 0 models'],
    [mapText(0.9), 200, 'would grow from 0.001 to 0.9 dollars'],
    [mapText(0.001), 404, 'its server answered 404'],
  ] as const) {
    published = text
    status = code
    const answer = await one.fetch('/reload/model_cost_map', { method: 'POST' })
    const { detail } = (await answer.json()) as { detail: string }
    assert.equal(answer.status, 502)
    assert.ok(detail.startsWith('Failed to reload model cost map: ') && detail.includes(reason), detail)
    assert.ok(detail.endsWith('. Current pricing data was kept.'), detail)
    assert.equal(await costOf(one, 'openai/gpt-known-7'), before)
  }
})

it('map and schedule survive a restart, also while the map cannot be fetched', async () => {
  status = 200
  published = mapText(0.001)
  const dataDir = stage.scratch.file('data')
  await mkdir(dataDir)
  const port = await freePort()
  const one = await start({ dataDir, port })
  await waitFor('the named map', async () => (await countOf(one)) === 1000)
  await shell(guide.schedule, one.url)
  const before = await costOf(one, 'openai/gpt-known-7')
  await one.stop()
  status = 503
  const later = await start({ dataDir, port })
  assert.equal(await costOf(later, 'openai/gpt-known-7'), before)
  assert.equal((await send(later, '/schedule/model_cost_map_reload/status')).body.interval_hours, 6)
  assert.equal((await send(later, '/model/cost_map/source')).body.source, 'remote')
})

it('the map that comes with the gateway serves where nothing may be fetched', async () => {
  const one = await start({ named: false })
  fetches = 0
  const { body } = await send(one, '/model/cost_map/source')
  assert.deepEqual([body.source, body.is_env_forced, body.fallback_reason], ['local', true, null])
  assert.ok(Number(body.model_count) > 1000)
  const answer = await one.fetch('/reload/model_cost_map', { method: 'POST' })
  assert.deepEqual([answer.status, fetches], [200, 0])
  assert.ok((await costOf(one, 'openai/gpt-4o-mini')) > 0)
})

it('hours that are none are refused, and so is whoever is no administrator', async () => {
  const one = await start({ named: false })
  const schedule = (query: string) => one.fetch(`/schedule/model_cost_map_reload${query}`, { method: 'POST' })
  for (const hours of ['0', '-1']) {
    const answer = await schedule(`?hours=${hours}`)
    assert.deepEqual([answer.status, await answer.json()], [400, { detail: 'Hours must be greater than 0' }])
  }
  assert.equal((await schedule('?hours=1000000000')).status, 400)
  for (const query of ['', '?hours=x', '?hours=1.5']) assert.equal((await schedule(query)).status, 422, query)
  const made = await send(one, '/key/generate', { models: [] })
  const denied = await fetch(`${one.url}/reload/model_cost_map`, {
    method: 'POST',
    headers: { authorization: `Bearer ${made.body.key}` },
  })
  assert.equal(denied.status, 403)
  const { detail } = (await denied.json()) as { detail: string }
  assert.match(detail, /^Access denied\. Admin role required\. Current role: \w+$/)
  assert.equal((await fetch(`${one.url}/reload/model_cost_map`, { method: 'POST' })).status, 401)
})

it('discount and margin show in the header and in an estimate', async () => {
  const one = await start({ named: false })
  const patch = (path: string, body: object) => one.fetch(path, { method: 'PATCH', body: JSON.stringify(body) })
  const plain = await costOf(one, 'own')
  assert.equal((await patch('/config/cost_discount_config', { openai: 0.05 })).status, 200)
  const margin = await patch('/config/cost_margin_config', { openai: { percentage: 0.1, fixed_amount: 0.001 } })
  assert.equal(margin.status, 200)
  assert.equal((await costOf(one, 'own')).toFixed(6), (plain * 0.95 * 1.1 + 0.001).toFixed(6))
  const estimate = await send(one, '/cost/estimate', { model: 'own', input_tokens: 100, output_tokens: 5 })
  assert.equal(estimate.body.cost_per_request, 52.251)
  for (const bad of [{ opnai: 0.1 }, { openai: 1.1 }, { global: 0.1 }, { openai: -0.1 }, { openai: '5 %' }]) {
    assert.equal((await patch('/config/cost_discount_config', bad)).status, 400, JSON.stringify(bad))
  }
  assert.deepEqual((await send(one, '/config/cost_discount_config')).body.values, { openai: 0.05 })
})

it('one reload reaches three replicas, and they are on the same map', async (context) => {
  status = 200
  published = mapText(0.001)
  const cluster = await startCluster({ models: ['m'], environment: { LITELLM_MODEL_COST_MAP_URL: mapUrl } })
  if (cluster === undefined) return context.skip('PostgreSQL is not installed')
  try {
    const hashes = async () =>
      new Set(
        await Promise.all(cluster.replicas.map(async (one) => (await send(one, '/model/cost_map/source')).body.hash)),
      )
    await waitFor(
      'the named map on all',
      async () => (await countOf(cluster.replica(0))) === 1000 && (await hashes()).size === 1,
    )
    fetches = 0
    for (let round = 1; round <= 5; round += 1) {
      published = mapText(0.001 + round / 10_000)
      const answer = await cluster.replica(round).fetch('/reload/model_cost_map?wait=all', { method: 'POST' })
      assert.equal(answer.status, 200)
      const { hash } = (await answer.json()) as { hash: string }
      assert.deepEqual([...(await hashes())], [hash])
    }
    assert.equal(fetches, 5)
  } finally {
    await cluster.stop()
  }
})
