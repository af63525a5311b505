import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import pg from 'pg'
import { startPostgres, startRedis } from '../../../test/databases.ts'
import { demand, refused, taken } from '../../../test/limits/demand.ts'
import type { BudgetState, Demand, Limiter, Reservation } from '../../core/limit.ts'
import { systemClock } from '../../lib/clock.ts'
import { limitsAndSpend } from '../../stores/migrations/000002-limits-and-spend.ts'
import { LimitFigures } from './figures.ts'
import { MemoryLimiter } from './memory.ts'
import type { Place } from './place.ts'
import { PostgresPlace } from './postgres.ts'
import { RedisPlace } from './redis.ts'
import { SharedLimiter } from './shared.ts'

/** What the store knows of budgets, for counters that are not there. */
const stored = new Map<string, BudgetState>()
const seed = (demands: readonly Demand[]) =>
  demands.map(({ counter }) => stored.get(counter) ?? { counter, amount: 0, resetsAt: undefined })

interface Kind {
  readonly name: string
  /** @returns `undefined` when it is not installed here */
  start(): Promise<Running | undefined>
}

interface Running {
  /** Another replica at the same place; for memory, the same. */
  open(clock?: typeof systemClock): Promise<Limiter>
  stop(): Promise<void>
}

const ttlMs = 600

async function overPlace(place: Place, clock = systemClock): Promise<SharedLimiter> {
  const limiter = new SharedLimiter({
    place,
    clock,
    figures: new LimitFigures(),
    seed,
    fallback: 'memory',
    // The test machine is busy; what a slow place does is tested apart.
    timeoutMs: 5_000,
    ttlMs,
    probeEveryMs: 100,
    onHealth: () => undefined,
  })
  await limiter.start()
  while (!limiter.health.up) await sleep(20)
  return limiter
}

const kinds: readonly Kind[] = [
  {
    name: 'memory',
    async start() {
      const limiter = new MemoryLimiter({ now: () => Date.now(), seed })
      return { open: async () => limiter, stop: () => limiter.stop() }
    },
  },
  {
    name: 'redis',
    async start() {
      const server = await startRedis()
      if (server === undefined) return undefined
      const opened: SharedLimiter[] = []
      return {
        async open(clock) {
          const limiter = await overPlace(new RedisPlace({ url: server.url }), clock)
          opened.push(limiter)
          return limiter
        },
        async stop() {
          await Promise.all(opened.map((limiter) => limiter.stop()))
          await server.stop()
        },
      }
    },
  },
  {
    name: 'postgres',
    async start() {
      const server = await startPostgres()
      if (server === undefined) return undefined
      const opened: { limiter: SharedLimiter; pool: pg.Pool }[] = []
      const schema = new pg.Client(server.url)
      await schema.connect()
      await limitsAndSpend.step({
        dialect: 'postgres',
        query: async (text) => (await schema.query(text)).rows,
        notify: async () => undefined,
      })
      await schema.end()
      return {
        async open(clock) {
          const pool = new pg.Pool({ connectionString: server.url, max: 3 })
          pool.on('error', () => undefined)
          const place = new PostgresPlace({
            query: async (text, parameters) => (await pool.query(text, [...(parameters ?? [])])).rows,
          })
          const limiter = await overPlace(place, clock)
          opened.push({ limiter, pool })
          return limiter
        },
        async stop() {
          await Promise.all(opened.map(({ limiter }) => limiter.stop()))
          await Promise.all(opened.map(({ pool }) => pool.end()))
          await server.stop()
        },
      }
    },
  },
]

for (const kind of kinds) {
  describe(`limits in ${kind.name}`, () => {
    let running: Running
    let replicas: readonly [Limiter, Limiter, Limiter]
    let limiter: Limiter
    before(async () => {
      const started = await kind.start()
      assert.ok(started, `${kind.name} is not installed`)
      running = started
      replicas = [await running.open(), await running.open(), await running.open()]
      limiter = replicas[0]
    })
    after(() => running.stop())

    it('requests reach their limit and never pass it', async () => {
      const key = randomUUID()
      const remaining: (number | undefined)[] = []
      for (let call = 0; call < 3; call += 1) {
        remaining.push(taken(await limiter.reserve([demand(key, 'requests', 3)])).remaining[0])
      }
      assert.deepEqual(remaining, [2, 1, 0])
      const taking = await limiter.reserve([demand(key, 'requests', 3)])
      assert.ok('refusal' in taking)
      assert.equal(taking.refusal.current, 3)
      const inMs = taking.refusal.resetsAt - limiter.now()
      assert.ok(inMs > 50_000 && inMs <= 60_000, `${inMs}`)
    })

    it('a limit of 0 refuses, whatever is counted', async () => {
      for (const measure of ['requests', 'tokens', 'parallel', 'budget'] as const) {
        assert.ok(refused(await limiter.reserve([demand(randomUUID(), measure, 0, 1)])), measure)
      }
      assert.ok(refused(await limiter.reserve([demand(randomUUID(), 'budget', 0, 0)])))
    })

    it('all demands are taken or none', async () => {
      const key = randomUUID()
      const both = [demand(key, 'requests', 10), demand(key, 'parallel', 1), demand(key, 'budget', 100, 10)]
      const first = taken(await limiter.reserve(both))
      const taking = await limiter.reserve(both)
      assert.ok('refusal' in taking && taking.refusal.demand.measure === 'parallel')
      assert.equal(taken(await limiter.reserve([demand(key, 'requests', 10)])).remaining[0], 8)
      assert.equal(taken(await limiter.reserve([demand(key, 'budget', 100, 0)])).remaining[0], 90)
      first.settle([1, 1, 10])
    })

    it('parallel calls come back when they are settled, once', async () => {
      const key = randomUUID()
      const one = [demand(key, 'parallel', 2)]
      const first = taken(await limiter.reserve(one))
      taken(await limiter.reserve(one))
      assert.ok(refused(await limiter.reserve(one)))
      first.settle([1])
      first.settle([1])
      await limiter.flush()
      taken(await limiter.reserve(one))
      assert.ok(refused(await limiter.reserve(one)))
    })

    it('tokens and budget are settled to what was used', async () => {
      const key = randomUUID()
      const demands = [demand(key, 'tokens', 1_000, 400), demand(key, 'budget', 5_000, 3_000)]
      const reservation = taken(await limiter.reserve(demands))
      assert.deepEqual(reservation.remaining, [600, 2_000])
      reservation.settle([150, 700])
      await limiter.flush()
      assert.deepEqual(
        taken(await limiter.reserve([demand(key, 'tokens', 1_000, 0), demand(key, 'budget', 5_000, 0)])).remaining,
        [850, 4_300],
      )
    })

    it('the last call may pass tokens and budget by its own amount, the next is refused', async () => {
      const key = randomUUID()
      taken(await limiter.reserve([demand(key, 'budget', 100, 99)])).settle([99])
      await limiter.flush()
      taken(await limiter.reserve([demand(key, 'budget', 100, 500)])).settle([500])
      await limiter.flush()
      const taking = await limiter.reserve([demand(key, 'budget', 100, 1)])
      assert.ok('refusal' in taking)
      assert.equal(taking.refusal.current, 599)
      assert.equal(taking.refusal.held, 0)
    })

    it('a window that is over counts no more, and late settlements leave the next one alone', async () => {
      const key = randomUUID()
      const window = { type: 'rolling', ms: 300 } as const
      const reservation = taken(await limiter.reserve([demand(key, 'tokens', 100, 100, window)]))
      assert.ok(refused(await limiter.reserve([demand(key, 'tokens', 100, 1, window)])))
      await sleep(350)
      assert.equal(taken(await limiter.reserve([demand(key, 'tokens', 100, 30, window)])).remaining[0], 70)
      reservation.settle([0])
      await limiter.flush()
      assert.ok((taken(await limiter.reserve([demand(key, 'tokens', 100, 0, window)])).remaining[0] ?? 0) <= 70)
    })

    it('a budget starts again at the end of its window, and calls under way count in the new one', async () => {
      const key = randomUUID()
      const end = limiter.now() + 400
      const spent = demand(key, 'budget', 100, 100, { type: 'calendar', ends: [end - 1_000, end, end + 60_000] })
      taken(await limiter.reserve([spent])).settle([100])
      await limiter.flush()
      assert.ok(refused(await limiter.reserve([spent])))
      await sleep(end - limiter.now() + 20)
      const underWay = taken(await limiter.reserve([{ ...spent, amount: 40 }]))
      assert.deepEqual(underWay.remaining, [60])
      assert.deepEqual(underWay.resetsAt, [end + 60_000])
      underWay.settle([10])
      await limiter.flush()
      assert.equal(taken(await limiter.reserve([{ ...spent, amount: 0 }])).remaining[0], 90)
    })

    it('another duration keeps what was spent until its own end', async () => {
      const key = randomUUID()
      const now = limiter.now()
      const at = (ends: [number, number, number]) => demand(key, 'budget', 100, 0, { type: 'calendar', ends })
      taken(await limiter.reserve([{ ...at([now - 1, now + 60_000, now + 120_000]), amount: 70 }])).settle([70])
      await limiter.flush()
      const longer = taken(await limiter.reserve([at([now - 1, now + 900_000, now + 1_800_000])]))
      assert.deepEqual([longer.remaining[0], longer.resetsAt[0]], [30, now + 900_000])
      const none = taken(await limiter.reserve([demand(key, 'budget', 100, 0)]))
      assert.deepEqual([none.remaining[0], none.resetsAt[0]], [30, 0])
    })

    it('a budget counter that is not there starts from what the store says, once', async () => {
      const key = randomUUID()
      const { counter } = demand(key, 'budget', 100)
      stored.set(counter, { counter, amount: 60, resetsAt: undefined })
      const takings = await Promise.all(
        Array.from({ length: 12 }, (_, index) => replicas[index % 3]?.reserve([demand(key, 'budget', 100, 10)])),
      )
      assert.equal(takings.filter((taking) => taking !== undefined && 'reservation' in taking).length, 4)
      const over = randomUUID()
      const name = demand(over, 'budget', 100).counter
      stored.set(name, { counter: name, amount: 60, resetsAt: limiter.now() - 1 })
      assert.equal(taken(await limiter.reserve([demand(over, 'budget', 100, 0)])).remaining[0], 100)
    })

    it('a budget that is set counts from there, and what calls hold stays held', async () => {
      const key = randomUUID()
      const held = taken(await limiter.reserve([demand(key, 'budget', 100, 30)]))
      await limiter.setBudget(demand(key, 'budget', 100).counter, 50)
      assert.equal(taken(await limiter.reserve([demand(key, 'budget', 100, 0)])).remaining[0], 20)
      held.settle([5])
      await limiter.flush()
      assert.equal(taken(await limiter.reserve([demand(key, 'budget', 100, 0)])).remaining[0], 45)
    })

    it('a counter that knows less than was spent is lifted, one that knows more is left alone', async () => {
      const key = randomUUID()
      const { counter } = demand(key, 'budget', 100)
      taken(await limiter.reserve([demand(key, 'budget', 100, 20)]))
      await limiter.raise([{ counter, amount: 15, resetsAt: undefined }])
      assert.equal(taken(await limiter.reserve([demand(key, 'budget', 100, 0)])).remaining[0], 80)
      await limiter.raise([{ counter, amount: 70, resetsAt: undefined }])
      assert.equal(taken(await limiter.reserve([demand(key, 'budget', 100, 0)])).remaining[0], 30)
      await limiter.raise([{ counter: `${counter}-unknown`, amount: 70, resetsAt: undefined }])
    })

    it('amounts up to millions of dollars are exact', async () => {
      const key = randomUUID()
      const most = 9_000_000_000_000_000
      const reservation = taken(await limiter.reserve([demand(key, 'budget', most, 8_999_999_999_999_997)]))
      reservation.settle([8_999_999_999_999_998])
      await limiter.flush()
      assert.equal(taken(await limiter.reserve([demand(key, 'budget', most, 0)])).remaining[0], 2)
    })

    it('holders with any text as id have counters of their own', async () => {
      const odd = [
        'ключ',
        'a b\n',
        "x'; DROP TABLE spend;--",
        '"\\',
        '🦊',
        '%_',
        '{x}',
        '\0',
        '\ud800',
        'x'.repeat(100_000),
      ].map((text) => `${text}${randomUUID()}`)
      for (const key of odd)
        taken(await limiter.reserve([demand(key, 'requests', 1), demand(key, 'budget', 10, 3)])).settle([1, 2])
      await limiter.flush()
      for (const key of odd) {
        assert.ok(refused(await limiter.reserve([demand(key, 'requests', 1)])))
        assert.equal(taken(await limiter.reserve([demand(key, 'budget', 10, 0)])).remaining[0], 8)
      }
    })

    it('200 callers at three replicas pass no limit', async () => {
      const key = randomUUID()
      const demands = [
        demand(key, 'requests', 120),
        demand(`${key}-parallel`, 'parallel', 7),
        demand(`${key}-budget`, 'budget', 1_000, 10),
        demand(`${key}-tokens`, 'tokens', 5_000, 50),
      ]
      let admitted = 0
      let underWay = 0
      let most = 0
      const caller = async (replica: Limiter) => {
        for (let attempt = 0; attempt < 12; attempt += 1) {
          const taking = await replica.reserve(demands)
          if ('refusal' in taking) {
            await sleep(2)
            continue
          }
          admitted += 1
          underWay += 1
          most = Math.max(most, underWay)
          await sleep(Math.random() * 4)
          underWay -= 1
          taking.reservation.settle([1, 1, 10, 50])
          return
        }
      }
      await Promise.all(Array.from({ length: 200 }, (_, index) => caller(replicas[index % 3] ?? limiter)))
      await Promise.all(replicas.map((replica) => replica.flush()))
      assert.ok(most <= 7, `${most} calls at once`)
      assert.ok(admitted <= 100, `${admitted} calls on a budget for 100`)
      const free = [demand(`${key}-parallel`, 'parallel', 7, 0), demand(`${key}-budget`, 'budget', 1_001, 0)]
      assert.deepEqual(taken(await limiter.reserve(free)).remaining, [7, 1_001 - admitted * 10])
    })

    it('a budget for exactly 100 calls lets 100 of 500 through', async () => {
      const key = randomUUID()
      const takings = await Promise.all(
        Array.from({ length: 500 }, (_, index) =>
          (replicas[index % 3] ?? limiter).reserve([demand(key, 'budget', 1_000, 10)]),
        ),
      )
      assert.equal(takings.filter((taking) => 'reservation' in taking).length, 100)
    })

    it('what is taken and what is settled add up, in any order', async () => {
      const step = fc.record({
        replica: fc.integer({ min: 0, max: 2 }),
        amount: fc.integer({ min: 0, max: 50 }),
        used: fc.integer({ min: 0, max: 80 }),
        settleNow: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const key = randomUUID()
          const limit = 1_000_000
          let held = 0
          let settled = 0
          let tokens = 0
          let open = 0
          const pending: { reservation: Reservation; amount: number; used: number }[] = []
          const settle = ({ reservation, amount, used }: (typeof pending)[number]) => {
            reservation.settle([1, used, 1, used])
            held -= amount
            settled += used
            tokens += used - amount
            open -= 1
          }
          for (const { replica, amount, used, settleNow } of steps) {
            const at = replicas[replica] ?? limiter
            const reservation = taken(
              await at.reserve([
                demand(key, 'requests', limit),
                demand(key, 'tokens', limit, amount),
                demand(key, 'parallel', limit),
                demand(key, 'budget', limit, amount),
              ]),
            )
            held += amount
            tokens += amount
            open += 1
            if (settleNow) settle({ reservation, amount, used })
            else pending.push({ reservation, amount, used })
          }
          for (const one of pending.splice(0, pending.length / 2)) settle(one)
          await Promise.all(replicas.map((replica) => replica.flush()))
          const { remaining } = taken(
            await limiter.reserve([
              demand(key, 'requests', limit, 0),
              demand(key, 'tokens', limit, 0),
              demand(key, 'parallel', limit, 0),
              demand(key, 'budget', limit, 0),
            ]),
          )
          assert.deepEqual(remaining, [limit - steps.length, limit - tokens, limit - open, limit - settled - held])
          for (const one of pending) settle(one)
        }),
        { numRuns: 25 },
      )
    })
  })
}

describe('limits that processes share', () => {
  for (const kind of kinds.filter(({ name }) => name !== 'memory')) {
    it(`in ${kind.name}: what a dead process held is given back, what a living one holds is not`, async () => {
      const running = await kind.start()
      assert.ok(running)
      try {
        const [living, dying] = [await running.open(), await running.open()]
        const key = randomUUID()
        const demands = [demand(key, 'parallel', 2), demand(key, 'budget', 100, 30)]
        const kept = taken(await living.reserve(demands))
        taken(await dying.reserve(demands))
        assert.ok(refused(await living.reserve(demands)))
        await dying.stop()
        await sleep(ttlMs + 150)
        const again = taken(await living.reserve(demands))
        assert.deepEqual(again.remaining, [0, 40])
        kept.settle([1, 1])
        again.settle([1, 1])
        await living.flush()
        assert.deepEqual(
          taken(await living.reserve([demand(key, 'parallel', 2, 0), demand(key, 'budget', 100, 0)])).remaining,
          [2, 98],
        )
      } finally {
        await running.stop()
      }
    })

    it(`in ${kind.name}: a replica whose clock is two hours off counts in the same windows`, async () => {
      const running = await kind.start()
      assert.ok(running)
      try {
        const right = await running.open()
        for (const skewMs of [7_200_000, -7_200_000]) {
          const skewed = await running.open({ now: () => performance.now(), wall: () => Date.now() + skewMs })
          assert.ok(Math.abs(skewed.now() - Date.now()) < 1_000)
          const key = randomUUID()
          const end = Date.now() + 60_000
          const budget = demand(key, 'budget', 100, 60, { type: 'calendar', ends: [end - 120_000, end, end + 60_000] })
          taken(await right.reserve([budget, demand(key, 'requests', 2)])).settle([60, 1])
          await right.flush()
          const second = taken(await skewed.reserve([budget, demand(key, 'requests', 2)]))
          assert.deepEqual(second.remaining, [0, 0])
          assert.equal(second.resetsAt[0], end)
          assert.ok(refused(await skewed.reserve([demand(key, 'requests', 2)])))
          assert.ok(refused(await right.reserve([budget])))
        }
      } finally {
        await running.stop()
      }
    })
  }
})

describe('the memory of counters', () => {
  it('budgets at rest make room for others, and start again from the store', async () => {
    const asked: string[] = []
    const limiter = new MemoryLimiter({
      now: () => Date.now(),
      roomyCounters: 100,
      seed(demands) {
        asked.push(...demands.map(({ counter }) => counter))
        return demands.map(({ counter }) => ({ counter, amount: 7, resetsAt: undefined }))
      },
    })
    const held = taken(await limiter.reserve([demand('held', 'budget', 100, 3)]))
    for (let index = 0; index < 1_000; index += 1) {
      const reservation = taken(await limiter.reserve([demand(`key-${index}`, 'budget', 100, 3)]))
      reservation.settle([1])
    }
    assert.ok(limiter.size <= 101, `${limiter.size} counters`)
    assert.deepEqual(taken(await limiter.reserve([demand('key-0', 'budget', 100, 3)])).remaining, [90])
    assert.equal(asked.filter((counter) => counter === demand('key-0', 'budget', 100, 3).counter).length, 2)
    // What a call holds is still counted: 7 of the store, 3 held, 3 more.
    assert.deepEqual(taken(await limiter.reserve([demand('held', 'budget', 100, 3)])).remaining, [87])
    held.settle([3])
    await limiter.stop()
  })

  it('a minute that runs is never forgotten', async () => {
    const limiter = new MemoryLimiter({ now: () => Date.now(), roomyCounters: 10, seed })
    const requests = demand('counted', 'requests', 1, 1)
    taken(await limiter.reserve([requests]))
    for (let index = 0; index < 200; index += 1) {
      taken(await limiter.reserve([demand(`key-${index}`, 'parallel', 1, 1)])).settle([1])
    }
    assert.ok(limiter.size <= 12, `${limiter.size} counters`)
    assert.ok(refused(await limiter.reserve([requests])))
    await limiter.stop()
  })
})
