import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { after, before, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DatabaseServer, type PostgresServer, startPostgres, startRedis } from '../gateway/test/databases.ts'
import { SlowWire } from '../gateway/test/slow-wire.ts'
import { playedModel } from './config-file.ts'
import { post } from './exchange.ts'
import { type GatewayProcess, startGateway } from './processes.ts'
import { runMs, soaking } from './soak.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

/** Issue #3, show 5: databases that stop or slow down under a load of known keys. */

const clients = 8
const keys = 20
/** What a slow Redis takes for a command. */
const slowMs = 5_000
const phaseMs = runMs(2, 1 / 7)

interface Figures {
  readonly calls: number
  readonly failed: readonly string[]
  readonly p50: number
  readonly p99: number
}

/** Calls of known keys, without a pause between them longer than a few milliseconds, for one phase. */
async function load(gateway: GatewayProcess, tokens: readonly string[], forMs: number): Promise<Figures> {
  const until = performance.now() + forMs
  const latencies: number[] = []
  const failed: string[] = []
  async function client(number: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const body = JSON.stringify({ model: 'brisk', messages: [{ role: 'user', content: 'count to 3' }] })
    for (let round = number; performance.now() < until; round += 1) {
      const startedAt = performance.now()
      const headers = { authorization: `Bearer ${tokens[round % tokens.length]}` }
      try {
        const reply = await post({ url: `${gateway.url}/v1/chat/completions`, agent, headers, body })
        if (reply.status !== 200) failed.push(`${reply.status} ${reply.body.slice(0, 200)}`)
      } catch (error) {
        failed.push(String(error))
      }
      latencies.push(performance.now() - startedAt)
      await sleep(10)
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  latencies.sort((one, other) => one - other)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return { calls: latencies.length, failed, p50: at(0.5), p99: at(0.99) }
}

describe('databases that go away under load', () => {
  const stage = playedStage((url) => ({
    model_list: [
      playedModel('brisk', `${url}/v1`, { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }),
    ],
  }))
  let postgres: PostgresServer
  let redis: DatabaseServer
  let wire: SlowWire
  let gateway: GatewayProcess
  let tokens: readonly string[]
  let normal: Figures

  before(async () => {
    const [database, cache] = [await startPostgres(), await startRedis()]
    assert.ok(database && cache, 'PostgreSQL and Redis are not installed')
    postgres = database
    redis = cache
    wire = new SlowWire(redis.port, 'requests')
    const environment = { DATABASE_URL: postgres.url, REDIS_URL: `redis://${await wire.open()}/0` }
    gateway = await startGateway({ config: stage.config, environment })
    tokens = await Promise.all(
      Array.from({ length: keys }, async () => {
        const limits = { rpm_limit: 1_000_000, tpm_limit: 1e9, max_parallel_requests: 1_000, max_budget: 1_000 }
        const made = await gateway.json<{ key: string }>('/key/generate', {
          method: 'POST',
          body: JSON.stringify(limits),
        })
        return made.key
      }),
    )
    // Every key is known, and every page of code was run.
    await load(gateway, tokens, 1_000)
    normal = await load(gateway, tokens, phaseMs)
  })
  after(async () => {
    await gateway.stop()
    await wire.close()
    await Promise.all([redis.stop(), postgres.stop()])
  })

  function assertServed(context: TestContext, what: string, figures: Figures): void {
    const shown = ({ calls, p50, p99 }: Figures) => `${calls} calls, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
    context.diagnostic(`${what}: ${shown(figures)}; normal: ${shown(normal)}`)
    assert.deepEqual(figures.failed, [])
    if (soaking) assert.ok(figures.p99 <= 3 * normal.p99, `${figures.p99} ms, normal ${normal.p99} ms`)
  }

  async function placeIs(state: 'up' | 'degraded'): Promise<void> {
    await waitFor(`limits to be ${state}`, async () => {
      const { limits } = await gateway.json<{ limits: { state: string } }>('/config/status')
      return limits.state === state
    })
  }

  it('without trouble every call is answered', (context) => assertServed(context, 'normal', normal))

  it('Redis stopped: no call fails, and it is used again when it is back', async (context) => {
    const running = load(gateway, tokens, phaseMs)
    await sleep(phaseMs / 10)
    await redis.kill()
    await placeIs('degraded')
    assertServed(context, 'Redis stopped', await running)
    await redis.start()
    await placeIs('up')
    assertServed(context, 'Redis back', await load(gateway, tokens, phaseMs / 2))
  })

  it('Redis takes five seconds for a command: no call waits for it', async (context) => {
    const running = load(gateway, tokens, phaseMs)
    await sleep(phaseMs / 10)
    wire.delayMs = slowMs
    await placeIs('degraded')
    assertServed(context, 'Redis slow', await running)
    wire.delayMs = 0
    await placeIs('up')
    assertServed(context, 'Redis quick again', await load(gateway, tokens, phaseMs / 2))
  })

  it('PostgreSQL stopped: known keys go on, and what they spent is summed up when it is back', async (context) => {
    const running = load(gateway, tokens, phaseMs)
    await sleep(phaseMs / 10)
    await postgres.kill()
    assertServed(context, 'PostgreSQL stopped', await running)
    await postgres.start()
    const total = await waitFor(
      'sums of all calls',
      async () => {
        const spends = await Promise.all(
          tokens.map(async (key) => (await gateway.json<{ info: { spend: number } }>(`/key/info?key=${key}`)).info),
        ).catch(() => [])
        const rows = await gateway.fetch('/spend/logs/export?format=jsonl').then((answer) => answer.text())
        const costs = rows.split('\n').filter((line) => line !== '')
        const sum = costs.reduce((all, line) => all + nano((JSON.parse(line) as { spend: number }).spend), 0)
        const spent = spends.reduce((all, { spend }) => all + nano(spend), 0)
        return spent > 0 && spent === sum && spent
      },
      { withinMs: 30_000, everyMs: 500 },
    )
    context.diagnostic(`all keys spent $${total / 1e9}, as their rows say`)
  })
})

function nano(dollars: number): number {
  return Math.round(dollars * 1e9)
}
