import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { noPostgres } from '../gateway/test/databases.ts'
import { type Cluster, chat, quantile, type Status, send, startCluster } from './cluster.ts'
import { describeFailures, startLoad } from './load.ts'
import type { LoadTarget } from './oracles.ts'
import { masterKey } from './processes.ts'
import { runMs, soaking } from './soak.ts'
import { waitFor } from './wait.ts'

const stable = ['steady-a', 'steady-b']
const targets: readonly LoadTarget[] = stable.flatMap((model) => [
  { model, kind: 'chat' as const, stream: false },
  { model, kind: 'chat' as const, stream: true },
])

/** One cluster for the tests of a suite. @returns the cluster, once the tests run */
function clusterOfSuite(environment: Readonly<Record<string, string>> = {}): () => Cluster {
  let cluster: Cluster | undefined
  before(async () => {
    cluster = await startCluster({ models: stable, environment })
  })
  after(() => cluster?.stop())
  return () => cluster ?? assert.fail('PostgreSQL is not installed')
}

/** One step after another with changes of all sorts; each is proved on another replica than the one that made it. */
class Changes {
  readonly #cluster: Cluster
  readonly #worker: number
  readonly problems: string[] = []
  made = 0
  refused = 0

  constructor(cluster: Cluster, worker: number) {
    this.#cluster = cluster
    this.#worker = worker
  }

  async run(untilMs: number): Promise<void> {
    for (let round = 0; performance.now() < untilMs; round += 1) {
      const steps = [this.#model, this.#key, this.#settings, this.#invalid, this.#team]
      const step = steps[Math.floor(Math.random() * steps.length)] ?? this.#model
      try {
        await step.call(this, `w${this.#worker}-${round}`)
      } catch (error) {
        this.problems.push(String(error))
      }
    }
  }

  async #model(name: string): Promise<void> {
    const { url } = this.#cluster.provider
    const created = await this.#change('/model/new', {
      model_name: name,
      litellm_params: { model: `openai/${name}`, api_base: `${url}/v1`, api_key: 'sk-played' },
      model_info: { id: name },
    })
    // Created on one, used on another at once: that never fails.
    this.#expect(await chat(this.#cluster.replica(), name), 200, `a call of ${name} right after it was created`)
    await this.#change('/model/update', { model_info: { id: name }, litellm_params: { timeout: 30 } })
    this.#expect(await chat(this.#cluster.replica(), name), 200, `a call of ${name} right after it was updated`)
    if (Math.random() < 0.2) return
    await this.#change('/model/delete', { id: name })
    if (created.status !== 200) this.problems.push(`${name}: ${JSON.stringify(created.body)}`)
  }

  async #key(name: string): Promise<void> {
    const { body } = await this.#change('/key/generate', { key_alias: name, models: [] })
    const key = String(body.key)
    this.#expect(
      await chat(this.#cluster.replica(), 'steady-a', key),
      200,
      `a call with ${name} right after it was made`,
    )
    await this.#change('/key/update', { key, models: ['steady-b'] })
    await this.#change('/key/delete', { keys: [key] })
    // Revoked means revoked: on every replica, from the answer on.
    const after = await Promise.all(this.#cluster.replicas.map((replica) => chat(replica, 'steady-b', key)))
    for (const answer of after) this.#expect(answer, 401, `a call with ${name} after it was deleted`)
  }

  async #settings(): Promise<void> {
    await this.#change('/config/update', { router_settings: { timeout: 60 + Math.floor(Math.random() * 60) } })
  }

  async #team(name: string): Promise<void> {
    await this.#change('/team/new', { team_id: name, team_alias: name })
  }

  async #invalid(name: string): Promise<void> {
    const params = { model: 'nobody/knows', api_key: 'x' }
    const answer = await send(this.#cluster.replica(), '/model/new', { model_name: name, litellm_params: params })
    this.#expect(answer, 400, 'an invalid model')
    this.refused += 1
  }

  async #change(path: string, body: unknown): Promise<Awaited<ReturnType<typeof send>>> {
    for (;;) {
      const answer = await send(this.#cluster.replica(), path, body)
      // Three writers got ahead three times; the answer says to try again.
      if (answer.status === 409) continue
      this.#expect(answer, 200, path)
      this.made += 1
      return answer
    }
  }

  #expect(answer: { readonly status: number; readonly body: unknown }, status: number, what: string): void {
    if (answer.status === status) return
    this.problems.push(`${what}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`)
  }
}

async function statusesOf(cluster: Cluster): Promise<readonly Status[]> {
  return Promise.all(cluster.replicas.map((replica) => replica.json<Status>('/config/status')))
}

/** All run the same, and what they run is what the store has. */
async function assertInStep(cluster: Cluster): Promise<void> {
  await waitFor('one revision on all replicas', async () => {
    const statuses = await statusesOf(cluster)
    return new Set(statuses.map((status) => status.applied_revision)).size === 1
  })
  const statuses = await statusesOf(cluster)
  const [first] = statuses
  for (const { state, revision, applied_revision, hash } of statuses) {
    assert.deepEqual(
      { state, revision, applied_revision, hash },
      { state: 'synced', revision: first?.revision, applied_revision: first?.applied_revision, hash: first?.hash },
    )
  }
  const listed = await send(cluster.replica(), '/replicas')
  assert.equal(listed.body.head_revision, first?.applied_revision)
}

async function underChanges(context: TestContext, cluster: Cluster, forMs: number): Promise<void> {
  const load = startLoad({ url: cluster.url, key: masterKey, clients: soaking ? 50 : 10, targets, pauseMs: 60 })
  const workers = Array.from({ length: soaking ? 6 : 3 }, (_, worker) => new Changes(cluster, worker))
  const end = performance.now() + forMs
  await Promise.all(workers.map((worker) => worker.run(end)))
  const report = await load.stop()
  const made = workers.reduce((sum, worker) => sum + worker.made, 0)
  const refused = workers.reduce((sum, worker) => sum + worker.refused, 0)
  const metric = 'midflight_change_propagation_seconds'
  context.diagnostic(
    `${made} changes made, ${refused} refused, ${report.calls} calls, unary p50 ${report.p50.toFixed(0)} ms; ` +
      `commit to applied p50 ≤ ${(await quantile(cluster, metric, 0.5)) * 1000} ms, p99 ≤ ${(await quantile(cluster, metric, 0.99)) * 1000} ms`,
  )
  assert.deepEqual(workers.flatMap((worker) => worker.problems).slice(0, 5), [])
  assert.equal(report.failures.length, 0, describeFailures(report))
  assert.ok(made > 0 && refused > 0)
  await assertInStep(cluster)
}

describe('three replicas on one PostgreSQL', { skip: noPostgres() }, () => {
  const clusterNow = clusterOfSuite()

  it('random changes at random replicas under load: no call fails, and all end in one state', async (context) => {
    const cluster = clusterNow()
    await assertInStep(cluster)
    await underChanges(context, cluster, runMs(8))
    if (!soaking) return
    assert.ok((await quantile(cluster, 'midflight_change_propagation_seconds', 0.99)) <= 0.25)
  })

  it('a key that is revoked while a replica stands still is refused by it when it goes on', async (context) => {
    const cluster = clusterNow()
    const [one, , stopped] = cluster.replicas
    assert.ok(one && stopped)
    for (const path of ['/key/delete', '/key/block']) {
      const { body } = await send(one, '/key/generate', {})
      const key = String(body.key)
      for (const replica of cluster.replicas) assert.equal((await chat(replica, 'steady-a', key)).status, 200)
      stopped.signal('SIGSTOP')
      const startedAt = performance.now()
      // Waits in the connection of the replica that stands still, with a key that it knows.
      const waiting = chat(stopped, 'steady-a', key)
      await sleep(50)
      const revoked = await send(one, path, path === '/key/delete' ? { keys: [key] } : { key })
      const tookMs = performance.now() - startedAt
      assert.equal(revoked.status, 200, JSON.stringify(revoked.body))
      assert.match(revoked.headers.get('x-midflight-replicas') ?? '', /g3=\d+:lease-expired/)
      assert.ok(tookMs < 6_000, `${tookMs} ms`)
      stopped.signal('SIGCONT')
      const statuses = await Promise.all([
        waiting,
        ...cluster.replicas.map((replica) => chat(replica, 'steady-a', key)),
      ])
      assert.deepEqual(
        statuses.map(({ status }) => status),
        [401, 401, 401, 401],
      )
      context.diagnostic(`${path}: answered after ${tookMs.toFixed(0)} ms with one replica standing still`)
    }
    await assertInStep(cluster)
  })

  it('PostgreSQL goes away and comes back: known keys go on, changes are refused with 503, and all find it again', async () => {
    const cluster = clusterNow()
    const { body } = await send(cluster.replica(0), '/key/generate', {})
    const key = String(body.key)
    for (const replica of cluster.replicas) assert.equal((await chat(replica, 'steady-a', key)).status, 200)
    const load = startLoad({ url: cluster.url, key, clients: 6, targets, pauseMs: 60 })
    await sleep(500)
    await cluster.postgres.kill()
    await sleep(runMs(4, 0.5))
    const refused = await send(cluster.replica(0), '/team/new', { team_alias: 'x' })
    assert.equal(refused.status, 503, JSON.stringify(refused.body))
    for (const replica of cluster.replicas) {
      assert.equal((await replica.fetch('/health/readiness')).status, 200)
      assert.equal(
        (await chat(replica, 'steady-a', 'sk-nobody-knows-this-one')).status,
        503,
        'an unknown state is no 401',
      )
    }
    await cluster.postgres.start()
    await waitFor(
      'a change',
      async () => (await send(cluster.replica(1), '/team/new', { team_alias: 'y' })).status === 200,
    )
    const report = await load.stop()
    assert.equal(report.failures.length, 0, describeFailures(report))
    await assertInStep(cluster)
  })
})

describe('three replicas on one PostgreSQL that sends no notification', { skip: noPostgres() }, () => {
  const clusterNow = clusterOfSuite({ MIDFLIGHT_DISABLE_NOTIFY: '1' })

  it('random changes at random replicas: each is applied within 1.5 s, and what is asked for is there at once', async (context) => {
    const cluster = clusterNow()
    await underChanges(context, cluster, runMs(5))
    const slowest = await quantile(cluster, 'midflight_change_propagation_seconds', 1)
    assert.ok(slowest <= (soaking ? 1.5 : 2.5), `${slowest} s`)
  })
})
