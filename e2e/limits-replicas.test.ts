import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DatabaseServer, type PostgresServer, startPostgres, startRedis } from '../gateway/test/databases.ts'
import { playedModel } from './config-file.ts'
import { type GatewayProcess, startGateway } from './processes.ts'
import { playedStage } from './stage.ts'
import { waitFor } from './wait.ts'

/** Issue #3, show 4: what three replicas let through together. */

const callers = 200
/** The played provider's answer to "count to 3" for each of the models below, at 0.001 dollars a token. */
const dollarsPerToken = 0.001
const ttlSeconds = 4

const stage = playedStage((url) => {
  const prices = { input_cost_per_token: dollarsPerToken, output_cost_per_token: dollarsPerToken }
  return {
    model_list: [
      playedModel('dear', `${url}/v1`, { model: 'openai/dear+headers-delay=20', ...prices }),
      playedModel('slow', `${url}/v1`, { model: 'openai/slow+headers-delay=60000', ...prices }),
    ],
    router_settings: { num_retries: 0, disable_cooldowns: true },
  }
})

interface Usage {
  readonly total_tokens: number
}

interface Outcome {
  readonly status: number
  readonly tokens: number
}

for (const place of ['postgres', 'redis'] as const) {
  describe(`limits of three replicas in ${place}`, () => {
    let database: PostgresServer
    let redis: DatabaseServer | undefined
    let replicas: readonly GatewayProcess[]
    before(async () => {
      const started = await startPostgres()
      assert.ok(started, 'PostgreSQL is not installed')
      database = started
      if (place === 'redis') {
        redis = await startRedis()
        assert.ok(redis, 'Redis is not installed')
      }
      replicas = await Promise.all([start(), start(), start()])
    })
    after(async () => {
      await Promise.all(replicas.map((replica) => replica.stop()))
      await redis?.stop()
      await database.stop()
    })

    function start(): Promise<GatewayProcess> {
      return startGateway({
        config: stage.config,
        environment: {
          DATABASE_URL: database.url,
          LITELLM_SALT_KEY: 'sk-salt',
          MIDFLIGHT_LIMITS_TTL_SECONDS: String(ttlSeconds),
          // Two cores are shared by all replicas, databases and clients here; what a slow place does is tested apart.
          MIDFLIGHT_LIMITS_TIMEOUT_MS: '5000',
          ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
        },
      })
    }

    function replica(index: number): GatewayProcess {
      const found = replicas[index % replicas.length]
      assert.ok(found)
      return found
    }

    async function keyWith(limits: object): Promise<string> {
      const answer = await replica(0).fetch('/key/generate', { method: 'POST', body: JSON.stringify(limits) })
      assert.equal(answer.status, 200, await answer.clone().text())
      return ((await answer.json()) as { readonly key: string }).key
    }

    async function chat(at: GatewayProcess, key: string, more: object = {}): Promise<Outcome> {
      const answer = await at
        .fetch('/v1/chat/completions', {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body: JSON.stringify({ model: 'dear', messages: [{ role: 'user', content: 'count to 3' }], ...more }),
        })
        .catch((error: unknown) => {
          throw new Error(`no answer; the replica said: ${at.stderr().slice(-2_000)}`, { cause: error })
        })
      const body = (await answer.json()) as { readonly usage?: Usage }
      return { status: answer.status, tokens: body.usage?.total_tokens ?? 0 }
    }

    /** Each tries so many times; a call that is refused waits a little. */
    async function storm(key: string, tries: number, more: object = {}): Promise<Outcome[]> {
      const outcomes: Outcome[] = []
      await Promise.all(
        Array.from({ length: callers }, async (_, caller) => {
          for (let attempt = 0; attempt < tries; attempt += 1) {
            const outcome = await chat(replica(caller), key, more)
            outcomes.push(outcome)
            if (outcome.status === 200) return
            await sleep(30)
          }
        }),
      )
      return outcomes
    }

    async function degraded(): Promise<number> {
      let sum = 0
      for (const one of replicas) {
        sum += (await one.metrics()).get(`midflight_limits_fallbacks_total{place="${place}"}`) ?? 0
      }
      return sum
    }

    it('requests: exactly as many as the limit', async () => {
      const key = await keyWith({ rpm_limit: 60 })
      const outcomes = await storm(key, 1)
      assert.equal(outcomes.filter(({ status }) => status === 200).length, 60)
      assert.equal(outcomes.filter(({ status }) => status === 429).length, callers - 60)
      assert.equal(await degraded(), 0)
    })

    it('parallel requests: never more than the limit at the provider', async () => {
      const key = await keyWith({ max_parallel_requests: 5 })
      const outcomes = await storm(key, 4)
      const served = outcomes.filter(({ status }) => status === 200).length
      assert.ok(served >= 5, `${served}`)
      assert.ok(outcomes.every(({ status }) => status === 200 || status === 429))
      await waitFor('the slots', async () => {
        const five = await Promise.all(Array.from({ length: 5 }, (_, index) => chat(replica(index), key)))
        return five.every(({ status }) => status === 200)
      })
    })

    it('tokens: at most one call beyond the limit', async () => {
      const key = await keyWith({ tpm_limit: 1_000 })
      const outcomes = await storm(key, 6, { max_tokens: 30 })
      const served = outcomes.filter(({ status }) => status === 200)
      const used = served.reduce((sum, { tokens }) => sum + tokens, 0)
      const largest = Math.max(...served.map(({ tokens }) => tokens))
      assert.ok(used <= 1_000 + largest, `${used} tokens, ${largest} the largest call`)
      assert.ok(used > 500, `${used} tokens`)
    })

    it('budget: at most one call beyond it, and every replica shows the same spend', async () => {
      const key = await keyWith({ max_budget: 1 })
      const outcomes = await storm(key, 6, { max_tokens: 30 })
      const served = outcomes.filter(({ status }) => status === 200)
      const spent = served.reduce((sum, { tokens }) => sum + tokens * dollarsPerToken, 0)
      const largest = Math.max(...served.map(({ tokens }) => tokens * dollarsPerToken))
      assert.ok(spent <= 1 + largest + 1e-9, `${spent} dollars, ${largest} the largest call`)
      assert.ok(spent > 0.5, `${spent} dollars`)
      await waitFor('the same spend everywhere', async () => {
        const shown = await Promise.all(
          replicas.map((one) => one.json<{ info: { spend: number } }>(`/key/info?key=${key}`)),
        )
        return shown.every(({ info }) => Math.abs(info.spend - spent) < 1e-9)
      })
    })

    it('the place stopped under load: no call fails, and what was spent is summed up once', async () => {
      const key = await keyWith({ rpm_limit: 1_000_000, max_budget: 1_000_000 })
      const away = redis ?? database
      for (let index = 0; index < 3; index += 1) assert.equal((await chat(replica(index), key)).status, 200)
      const outcomes: Outcome[] = []
      let loading = true
      const clients = Array.from({ length: 9 }, async (_, client) => {
        while (loading) outcomes.push(await chat(replica(client), key))
      })
      await sleep(1_000)
      await away.kill()
      await sleep(3_000)
      const meanwhile = outcomes.length
      await away.start()
      await waitFor('the place to be used again', async () => {
        const states = await Promise.all(replicas.map((one) => one.metrics()))
        return states.every((metrics) => metrics.get(`midflight_limits_degraded{place="${place}"}`) === 0)
      })
      await sleep(1_000)
      loading = false
      await Promise.all(clients)
      assert.ok(meanwhile > 20 && outcomes.length > meanwhile, `${meanwhile} of ${outcomes.length} calls`)
      assert.deepEqual([...new Set(outcomes.map(({ status }) => status))], [200])
      const spent = 3 * 49 * dollarsPerToken + outcomes.reduce((sum, { tokens }) => sum + tokens * dollarsPerToken, 0)
      await waitFor('the sum', async () => {
        const { info } = await replica(0).json<{ info: { spend: number } }>(`/key/info?key=${key}`)
        return Math.abs(info.spend - spent) < 1e-9
      })
    })

    it('kill -9 of a replica leaks nothing past the lease', async () => {
      const key = await keyWith({ max_parallel_requests: 4, max_budget: 100 })
      const dying = replica(2)
      const hanging = Array.from({ length: 4 }, () => chat(dying, key, { model: 'slow' }).catch(() => undefined))
      await waitFor('the calls to hang', async () => {
        return ((await dying.metrics()).get('midflight_inflight_requests') ?? 0) >= hanging.length
      })
      // They were accepted; now they are on their way to the place and the provider.
      await sleep(500)
      assert.equal((await chat(replica(0), key)).status, 429)
      dying.signal('SIGKILL')
      const killedAt = Date.now()
      await Promise.all(hanging)
      assert.equal((await chat(replica(0), key)).status, 429)
      await waitFor('the slots', async () => {
        const four = await Promise.all(Array.from({ length: 4 }, (_, index) => chat(replica(index % 2), key)))
        return four.every(({ status }) => status === 200)
      })
      assert.ok(Date.now() - killedAt < (ttlSeconds + 3) * 1_000)
    })
  })
}
