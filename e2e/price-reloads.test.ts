import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, type JsonObject } from '../gateway/src/lib/json.ts'
import { chat, send } from './cluster.ts'
import { configText, playedModel } from './config-file.ts'
import { describeFailures, startLoad } from './load.ts'
import { median } from './memory.ts'
import { generatedMap, MapPublisher } from './price-maps.ts'
import { type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { runMs, soaking } from './soak.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

/** The figures, asserted in the long run; a busy machine may miss them without anything being wrong. */
const goals = { loadMs: 150, loopMs: 20 }
const reloadEveryMs = 1_000
/** In a short run. */
const fewest = 4
/** Node's gauge of the event loop counts the interval of its own timer, too. */
const gaugeIntervalMs = 10

/** A price map of one's own for the figures: LiteLLM's, as it was published on some day. */
const realMap = process.env.MIDFLIGHT_PRICE_MAP

const stage = playedStage()
let publisher: MapPublisher
let mapUrl: string

before(async () => {
  publisher = new MapPublisher()
  mapUrl = await publisher.start()
})

after(() => publisher.stop())

/** Each version has its own price of the model that is called, and moves every other price a little. */
function versionOf(models: JsonObject, version: number): string {
  const factor = 1 + version / 1_000
  const moved = Object.entries(models).map(([name, entry]) => {
    if (!isObject(entry)) return [name, entry]
    const price = entry.input_cost_per_token
    return [name, typeof price === 'number' ? { ...entry, input_cost_per_token: price * factor } : entry]
  })
  const own = {
    litellm_provider: 'openai',
    mode: 'chat',
    input_cost_per_token: version / 1e6,
    output_cost_per_token: 0,
  }
  return JSON.stringify({ ...Object.fromEntries(moved), priced: own })
}

async function reloadUnderLoad(models: JsonObject) {
  const { config, provider } = stage
  await writeFile(config, configText({ model_list: [playedModel('priced', `${provider.url}/v1`)] }))
  publisher.text = versionOf(models, 1)
  const gateway = await startGateway({ config, environment: { LITELLM_MODEL_COST_MAP_URL: mapUrl } })
  try {
    await waitFor('the named map', async () => (await costOf(gateway)) !== undefined)
    const first = await costOf(gateway)
    const load = startLoad({
      url: gateway.url,
      key: masterKey,
      clients: 50,
      pauseMs: 100,
      targets: [
        { model: 'priced', kind: 'chat', stream: true },
        { model: 'priced', kind: 'chat', stream: false },
        { model: 'priced', kind: 'messages', stream: true },
        { model: 'priced', kind: 'messages', stream: false },
      ],
    })
    const walls: number[] = []
    const delays: number[] = []
    const quiet: number[] = []
    const end = performance.now() + runMs(0)
    for (let version = 2; version < 2 + fewest || performance.now() < end; version += 1) {
      publisher.text = versionOf(models, version)
      const startedAt = performance.now() + 300
      await sleep(300)
      // Reading resets the interval that the event-loop figures are taken over.
      quiet.push(loopDelayMs(await gateway.metrics()))
      const sentAt = performance.now()
      const answer = await gateway.fetch('/reload/model_cost_map', { method: 'POST' })
      walls.push(performance.now() - sentAt)
      const body = (await answer.json()) as { changes: { movedCount?: number } }
      assert.equal(answer.status, 200, JSON.stringify(body))
      await sleep(100)
      delays.push(loopDelayMs(await gateway.metrics()))
      const cost = Number(await costOf(gateway))
      assert.ok(Math.abs(cost - Number(first) * version) < 1e-9, `version ${version} costs ${cost}`)
      await sleep(Math.max(0, reloadEveryMs - (performance.now() - startedAt)))
    }
    return {
      report: await load.stop(),
      walls,
      delays,
      quiet,
      count: Number((await send(gateway, '/model/cost_map/source')).body.model_count),
    }
  } finally {
    await gateway.stop()
  }
}

/** @param what the map is called in the figures */
async function show(models: JsonObject, what: string, tell: (line: string) => void): Promise<void> {
  const { count, delays, quiet, report, walls } = await reloadUnderLoad(models)
  const figures = (numbers: readonly number[]): string =>
    `median ${median(numbers).toFixed(0)} ms, worst ${Math.max(...numbers).toFixed(0)} ms`
  tell(
    `${what}, ${count} models: ${walls.length} reloads under ${report.calls} calls (${report.streams} streams), ${report.failures.length} failed; ` +
      `fetch to in force: ${figures(walls)}; event-loop delay p99 around a reload: ${figures(delays)}, between reloads: ${figures(quiet)}`,
  )
  assert.equal(report.failures.length, 0, describeFailures(report))
  if (!soaking) return
  assert.ok(median(walls) <= goals.loadMs, `a reload takes ${figures(walls)}`)
  assert.ok(median(delays) <= goals.loopMs, `event-loop delay p99 ${figures(delays)}`)
}

it('a reload every second under load fails no call, and the next call has the new price', async (context) => {
  await show(generatedMap(3_000), 'a generated map', (line) => context.diagnostic(line))
})

it('so it does with a map as LiteLLM publishes it', async (context) => {
  if (realMap === undefined) return context.skip('MIDFLIGHT_PRICE_MAP names no file of a published map')
  const { sample_spec: _, ...models } = JSON.parse(await readFile(realMap, 'utf8')) as JsonObject
  await show(models, 'a published map', (line) => context.diagnostic(line))
})

async function costOf(gateway: GatewayProcess): Promise<number | undefined> {
  const shown = (await chat(gateway, 'priced')).headers.get('x-litellm-response-cost')
  return shown === null ? undefined : Number(shown)
}

function loopDelayMs(metrics: ReadonlyMap<string, number>): number {
  const lag = metrics.get('nodejs_eventloop_lag_p99_seconds')
  assert.ok(lag !== undefined, 'the gateway shows its event-loop delay')
  return Math.max(0, lag * 1000 - gaugeIntervalMs)
}
