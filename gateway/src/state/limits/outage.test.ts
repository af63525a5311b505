import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedis } from '../../../test/databases.ts'
import { demand, refused, taken } from '../../../test/limits/demand.ts'
import { SlowWire } from '../../../test/slow-wire.ts'
import type { Demand } from '../../core/limit.ts'
import { systemClock } from '../../lib/clock.ts'
import type { PlaceHealth } from './breaker.ts'
import { LimitFigures } from './figures.ts'
import { RedisPlace } from './redis.ts'
import { type Fallback, SharedLimiter } from './shared.ts'

interface Setup {
  readonly limiter: SharedLimiter
  readonly figures: LimitFigures
  readonly changes: PlaceHealth[]
}

async function open(context: TestContext, url: string, fallback: Fallback = 'memory', spent = 0): Promise<Setup> {
  const figures = new LimitFigures()
  const changes: PlaceHealth[] = []
  let limiter: SharedLimiter | undefined
  const place = new RedisPlace({
    url,
    onConnection: (up, reason) => (up ? limiter?.connectionBack() : limiter?.connectionLost(reason ?? '')),
  })
  limiter = new SharedLimiter({
    place,
    clock: systemClock,
    figures,
    seed: (demands: readonly Demand[]) =>
      demands.map(({ counter }) => ({ counter, amount: spent, resetsAt: undefined })),
    fallback,
    timeoutMs: 100,
    ttlMs: 60_000,
    probeEveryMs: 100,
    onHealth: (health) => void changes.push(health),
  })
  await limiter.start()
  await until(() => limiter.health.up)
  context.after(() => limiter.stop())
  return { limiter, figures, changes }
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1) await sleep(50)
  assert.ok(holds())
}

async function redisOf(context: TestContext) {
  const server = await startRedis()
  assert.ok(server, 'Redis is not installed')
  context.after(() => server.stop())
  return server
}

describe('limits whose place is away', () => {
  it('count in this process, at once and to the same limits, and go back by themselves', async (context) => {
    const server = await redisOf(context)
    const { limiter, changes, figures } = await open(context, server.url)
    const key = randomUUID()
    const inside = taken(await limiter.reserve([demand(key, 'parallel', 2), demand(key, 'budget', 100, 40)]))
    await server.kill()
    await until(() => !limiter.health.up)
    const startedAt = performance.now()
    const local = [demand(`${key}-local`, 'requests', 3)]
    for (let call = 0; call < 3; call += 1) taken(await limiter.reserve(local))
    assert.ok(refused(await limiter.reserve(local)))
    assert.ok(performance.now() - startedAt < 50)
    assert.equal(figures.fallbacks, 4)
    // What the place last said of the budget is remembered: 40 are held.
    assert.deepEqual(taken(await limiter.reserve([demand(key, 'budget', 100, 0)])).remaining, [60])
    inside.settle([1, 25])
    await server.start()
    await until(() => limiter.health.up)
    await limiter.flush()
    assert.ok(changes.some(({ up }) => !up) && changes.at(-1)?.up === true)
    // The append-only file brought the counters back: the slot is free, and what was spent comes from the store.
    const again = [demand(key, 'parallel', 2), demand(key, 'budget', 100, 0)]
    assert.deepEqual(taken(await limiter.reserve(again)).remaining, [1, 100])
    await limiter.raise([{ counter: demand(key, 'budget', 100).counter, amount: 25, resetsAt: undefined }])
    assert.deepEqual(taken(await limiter.reserve([demand(key, 'budget', 100, 0)])).remaining, [75])
  })

  it('or slow: a call waits 100 ms at most, and after three failures not at all', async (context) => {
    const server = await redisOf(context)
    const wire = new SlowWire(server.port, 'answers')
    const { limiter, figures } = await open(context, `redis://${await wire.open()}`)
    context.after(() => wire.close())
    const key = randomUUID()
    taken(await limiter.reserve([demand(key, 'requests', 1_000)]))
    wire.delayMs = 5_000
    const asked = figures.failures
    for (let call = 0; call < 3; call += 1) {
      const startedAt = performance.now()
      taken(await limiter.reserve([demand(key, 'requests', 1_000)]))
      const waitedMs = performance.now() - startedAt
      // 100 ms, and what a busy machine adds.
      assert.ok(waitedMs < 1_000, `${waitedMs} ms`)
    }
    assert.equal(figures.failures - asked, 3)
    for (let call = 3; call < 20; call += 1) {
      const taking = limiter.reserve([demand(key, 'requests', 1_000)])
      assert.ok(!(taking instanceof Promise), 'it is answered without a wait')
      taken(taking)
    }
    assert.ok(!limiter.health.up)
    wire.delayMs = 0
    await until(() => limiter.health.up)
  })

  it('a reservation whose answer came too late is given back', async (context) => {
    const server = await redisOf(context)
    const wire = new SlowWire(server.port, 'answers')
    const { limiter } = await open(context, `redis://${await wire.open()}`)
    context.after(() => wire.close())
    const key = randomUUID()
    const one = [demand(key, 'parallel', 1)]
    taken(await limiter.reserve(one)).settle([1])
    await limiter.flush()
    wire.delayMs = 300
    const late = taken(await limiter.reserve(one))
    wire.delayMs = 0
    late.settle([1])
    await sleep(500)
    await until(() => limiter.health.up)
    await limiter.flush()
    assert.deepEqual(taken(await limiter.reserve(one)).remaining, [0])
  })

  it('may let everything through, or nothing, where that is chosen', async (context) => {
    const server = await redisOf(context)
    const opened = await open(context, server.url, 'open')
    const closed = await open(context, server.url, 'closed')
    await server.kill()
    await until(() => !opened.limiter.health.up && !closed.limiter.health.up)
    const nothing = [demand(randomUUID(), 'requests', 0)]
    taken(await opened.limiter.reserve(nothing)).settle([1])
    assert.ok(refused(await closed.limiter.reserve([demand(randomUUID(), 'requests', 10)])))
  })

  it('counters that the place lost are made anew from the store, once', async (context) => {
    const server = await redisOf(context)
    const { limiter } = await open(context, server.url, 'memory', 70)
    const other = await open(context, server.url, 'memory', 70)
    const key = randomUUID()
    const budget = demand(key, 'budget', 100, 10)
    taken(await limiter.reserve([budget])).settle([10])
    await limiter.flush()
    const redis = new Redis(server.url)
    await redis.flushall()
    redis.disconnect()
    const takings = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? limiter : other.limiter).reserve([budget])),
    )
    assert.equal(takings.filter((taking) => 'reservation' in taking).length, 3)
  })

  it('a budget that is set while the place is away is set there when it is back', async (context) => {
    const server = await redisOf(context)
    const { limiter } = await open(context, server.url)
    const key = randomUUID()
    const budget = demand(key, 'budget', 100, 90)
    taken(await limiter.reserve([budget])).settle([90])
    await limiter.flush()
    await server.kill()
    await until(() => !limiter.health.up)
    await limiter.setBudget(budget.counter, 0)
    await server.start()
    await until(() => limiter.health.up)
    await limiter.flush()
    assert.deepEqual(taken(await limiter.reserve([{ ...budget, amount: 0 }])).remaining, [100])
  })
})
