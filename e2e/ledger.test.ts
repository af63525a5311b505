import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PostgresServer, startPostgres } from '../gateway/test/databases.ts'
import { mountSmallDisk, noSmallDisk } from '../gateway/test/small-disk.ts'
import { playedModel } from './config-file.ts'
import { post } from './exchange.ts'
import { freePort, type GatewayProcess, masterKey, startGateway } from './processes.ts'
import { soaking } from './soak.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

const stage = playedStage((url) => ({
  model_list: [
    playedModel('short', `${url}/v1`, { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }),
    playedModel('brisk', `${url}/v1`, { model: 'openai/brisk+token-delay=2' }),
  ],
  router_settings: { num_retries: 0, disable_cooldowns: true },
}))

/** Clients that name their calls, and remember which of them they saw complete. */
function startClients(url: string, count: number, key: string = masterKey) {
  const complete = new Set<string>()
  let stopping = false
  let unanswered = 0
  async function client(number: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let round = 0; !stopping; round += 1) {
      const id = `${number}-${round}-${Math.random().toString(36).slice(2)}`
      const stream = (number + round) % 2 === 0
      const body = {
        model: stream ? 'brisk' : 'short',
        stream,
        messages: [{ role: 'user', content: `<<${id}>> count to 3` }],
      }
      try {
        const headers = { authorization: `Bearer ${key}`, 'x-litellm-call-id': id }
        const reply = await post({ url: `${url}/v1/chat/completions`, agent, headers, body: JSON.stringify(body) })
        const whole = stream ? reply.body.trimEnd().endsWith('data: [DONE]') : reply.complete
        if (reply.status === 200 && whole) complete.add(id)
        else unanswered += 1
      } catch {
        unanswered += 1
        await sleep(20)
      }
    }
    agent.destroy()
  }
  const running = Array.from({ length: count }, (_, number) => client(number))
  return {
    complete,
    get unanswered() {
      return unanswered
    },
    async stop() {
      stopping = true
      await Promise.all(running)
    },
  }
}

/** How often each call is in the ledger. */
async function ledgerCounts(gateway: GatewayProcess): Promise<Map<string, number>> {
  const answer = await gateway.fetch('/spend/logs/export?format=jsonl')
  assert.equal(answer.status, 200)
  const counts = new Map<string, number>()
  for (const line of (await answer.text()).split('\n')) {
    if (line === '') continue
    const { metadata }: { metadata: { litellm_call_id: string } } = JSON.parse(line)
    const id = metadata.litellm_call_id
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}

/** Every call that a client saw complete is there once, and no call is there twice. */
async function assertExact(gateway: GatewayProcess, complete: ReadonlySet<string>): Promise<void> {
  const found = await waitFor(
    'the last rows',
    async () => {
      const counts = await ledgerCounts(gateway)
      return [...complete].every((id) => counts.has(id)) && counts
    },
    { withinMs: 60_000, everyMs: 500 },
  ).catch(() => ledgerCounts(gateway))
  const lost = [...complete].filter((id) => !found.has(id))
  const double = [...found].filter(([, count]) => count > 1)
  assert.deepEqual({ lost, double }, { lost: [], double: [] })
  const activity = await gateway.json<{ sum_api_requests: number }>('/global/activity')
  assert.equal(
    activity.sum_api_requests,
    [...found.values()].reduce((sum, count) => sum + count, 0),
  )
}

describe('the ledger', () => {
  it('has exactly one row for every call that a client saw complete, however often the gateway is killed', async (t) => {
    const dataDir = stage.scratch.file('killed')
    await mkdir(dataDir)
    const port = await freePort()
    let gateway = await startGateway({ config: stage.config, port, dataDir })
    const clients = startClients(gateway.url, 12)
    const kills = soaking ? 100 : 4
    for (let kill = 0; kill < kills; kill += 1) {
      await sleep(200 + Math.random() * 400)
      gateway.signal('SIGKILL')
      await gateway.exited
      gateway = await startGateway({ config: stage.config, port, dataDir })
    }
    await sleep(300)
    await clients.stop()
    t.diagnostic(`${kills} kills, ${clients.complete.size} calls complete, ${clients.unanswered} not`)
    assert.ok(clients.complete.size > kills * 5)
    await assertExact(gateway, clients.complete)
    await gateway.stop()
  })

  it('and what a key has spent is the sum of its rows, to the last call before a kill', async (t) => {
    const dataDir = stage.scratch.file('spent')
    await mkdir(dataDir)
    const port = await freePort()
    let gateway = await startGateway({ config: stage.config, port, dataDir })
    const { key, token } = await gateway.json<{ key: string; token: string }>('/key/generate', {
      method: 'POST',
      body: JSON.stringify({ max_budget: 1_000, budget_duration: '30d' }),
    })
    const clients = startClients(gateway.url, 8, key)
    for (let kill = 0; kill < (soaking ? 50 : 3); kill += 1) {
      await sleep(300 + Math.random() * 400)
      gateway.signal('SIGKILL')
      await gateway.exited
      gateway = await startGateway({ config: stage.config, port, dataDir })
    }
    await sleep(300)
    await clients.stop()
    await assertExact(gateway, clients.complete)
    const answer = await gateway.fetch('/spend/logs/export?format=jsonl')
    const rows = (await answer.text()).split('\n').filter((line) => line !== '')
    const costs = rows.map((line): { spend: number | null } => JSON.parse(line)).map(({ spend }) => spend ?? 0)
    const sum = costs.reduce((total, cost) => total + Math.round(cost * 1e9), 0)
    const { info } = await gateway.json<{ info: { spend: number } }>(`/key/info?key=${token}`)
    t.diagnostic(`${rows.length} calls of $${sum / 1e9}`)
    assert.ok(sum > 0)
    assert.equal(Math.round(info.spend * 1e9), sum)
    await gateway.stop()
  })

  it('loses nothing at a stop that is asked for', async () => {
    const dataDir = stage.scratch.file('stopped')
    await mkdir(dataDir)
    const environment = { MIDFLIGHT_DRAIN_NOTICE_SECONDS: '0' }
    const gateway = await startGateway({ config: stage.config, dataDir, environment })
    const clients = startClients(gateway.url, 8)
    await sleep(500)
    await clients.stop()
    const exit = await gateway.stop()
    assert.equal(exit.code, 0)
    const next = await startGateway({ config: stage.config, dataDir })
    await assertExact(next, clients.complete)
    await next.stop()
  })
})

describe('the ledger with its store away', () => {
  let postgres: PostgresServer | undefined
  before(async () => {
    postgres = await startPostgres()
  })
  after(() => postgres?.stop())

  it('keeps rows on disk while PostgreSQL does not answer, serves every call, and brings each row once', async (t) => {
    if (postgres === undefined) return t.skip('PostgreSQL is not installed')
    const gateway = await startGateway({ config: stage.config, environment: { DATABASE_URL: postgres.url } })
    const clients = startClients(gateway.url, 8)
    await sleep(500)
    postgres.pause()
    await sleep(soaking ? 60_000 : 4_000)
    const beforeResume = clients.complete.size
    postgres.resume()
    await sleep(500)
    await clients.stop()
    t.diagnostic(`${beforeResume} calls until PostgreSQL was back, ${clients.unanswered} not answered`)
    assert.equal(clients.unanswered, 0)
    await assertExact(gateway, clients.complete)
    await gateway.stop()
  })
})

describe('the ledger on a full disk', { skip: noSmallDisk() }, () => {
  it('serves from memory, tells the operator, and has every row when there is room again', async () => {
    const dataDir = stage.scratch.file('full')
    const disk = join(dataDir, 'ledger')
    await mkdir(disk, { recursive: true })
    const unmount = mountSmallDisk(disk, 128)
    const gateway = await startGateway({ config: stage.config, dataDir })
    const clients = startClients(gateway.url, 4)
    try {
      await sleep(300)
      await writeFile(join(disk, 'filler'), Buffer.alloc(256_000)).catch(() => undefined)
      const told = () => `${gateway.stdout()}${gateway.stderr()}`.includes('ledger.disk.failed')
      await waitFor('word of the full disk', told, { withinMs: 15_000 })
      const { ledger } = await gateway.json<{ ledger: { state: string; disk: string } }>('/config/status')
      assert.equal(ledger.state, 'degraded')
      assert.match(ledger.disk, /ENOSPC/)
      await sleep(1_000)
      await rm(join(disk, 'filler'))
      await sleep(1_000)
      await clients.stop()
      assert.equal(clients.unanswered, 0)
      await assertExact(gateway, clients.complete)
    } finally {
      await clients.stop()
      await gateway.stop()
      unmount?.()
    }
  })
})
