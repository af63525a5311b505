import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { actor, onEveryStore } from '../../test/opened-store.ts'
import { createReplica, type Replica, type ReplicaOptions, until } from '../../test/replica.ts'
import { noPrices } from '../core/cost/price-book.ts'
import { GatewayError } from '../core/errors.ts'
import type { Clock } from '../lib/clock.ts'
import type { JsonObject } from '../lib/json.ts'
import { createContents } from '../stores/contents.ts'
import { defaultGuards } from './compare.ts'
import { defaultLimits, fetchMap } from './fetch.ts'
import { PriceMaps } from './maps.ts'
import { fromSpec, recordKind, recordName } from './record.ts'
import { PriceSchedule } from './schedule.ts'
import { PriceUpdates } from './updates.ts'

const hour = 3_600_000
const how = { actor }

/** A server of maps that counts who asks, and can fail. */
class MapServer {
  fetches = 0
  status = 200
  models = 2_000
  version = 1
  readonly #server = createServer((request, response) => {
    this.fetches += 1
    const etag = `"v${this.version}"`
    if (this.status === 200 && request.headers['if-none-match'] === etag) {
      response.writeHead(304)
      response.end()
      return
    }
    response.writeHead(this.status, { etag })
    response.end(JSON.stringify(mapOf(this.models, this.version)))
  })

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/map.json`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

function mapOf(models: number, version: number): JsonObject {
  const entry = {
    litellm_provider: 'openai',
    input_cost_per_token: version / 1e6,
    output_cost_per_token: version / 1e6,
  }
  return Object.fromEntries(Array.from({ length: models }, (_, index) => [`model-${index}`, entry]))
}

/** Wall time is set by the test; the rest of the process runs on. */
class PlayedClock implements Clock {
  at = Date.parse('2026-11-21T00:00:00Z')
  now(): number {
    return performance.now()
  }
  wall(): number {
    return this.at
  }
}

interface Priced {
  readonly replica: Replica
  readonly updates: PriceUpdates
  readonly schedule: PriceSchedule
  hash(): string
  price(): number | undefined
}

const noSleep = { sleep: async () => undefined, random: () => 0 }

function priced(
  context: TestContext,
  where: ReplicaOptions,
  url: string,
  clock: Clock,
  isNamed = false,
  forcedLocal = false,
): Priced {
  let maps: PriceMaps | undefined
  const replica = createReplica(context, {
    ...where,
    prices(opened) {
      maps = new PriceMaps(createContents(opened.database))
      return maps
    },
  })
  const updates = new PriceUpdates({
    changes: replica.changes,
    maps: maps ?? assert.fail(),
    origin: { url, isNamed, forcedLocal, guards: defaultGuards },
    current() {
      const snapshot = replica.slot.current
      return {
        book: snapshot?.prices ?? noPrices,
        record: fromSpec(snapshot?.declared.get(recordKind, recordName)?.spec),
      }
    },
    fetch: (from, known) => fetchMap(from, known, { ...defaultLimits, attempts: 1 }, noSleep),
    clock,
    report: () => undefined,
  })
  const schedule = new PriceSchedule({ updates, clock, report: () => undefined, random: () => 0 })
  return {
    replica,
    updates,
    schedule,
    hash: () => replica.slot.current?.prices.hash ?? '',
    price: () => Number(replica.slot.current?.prices.find('model-0')?.card(undefined, 0).input ?? 0n) / 1e24,
  }
}

let server: MapServer
let url: string

before(async () => {
  server = new MapServer()
  url = await server.start()
})

after(() => server.stop())

onEveryStore('price maps of three replicas,', (kind) => {
  async function place(): Promise<ReplicaOptions> {
    server.fetches = 0
    server.status = 200
    server.models = 2_000
    server.version = 1
    return kind.place()
  }

  async function three(context: TestContext, clock: Clock): Promise<readonly [Priced, Priced, Priced, ReplicaOptions]> {
    const where = await place()
    const replicas = [1, 2, 3].map(() => priced(context, where, url, clock)) as [Priced, Priced, Priced]
    for (const { replica } of replicas) await replica.start()
    return [...replicas, where]
  }

  const all = (replicas: readonly Priced[], isSo: (one: Priced) => boolean, what: string) =>
    until(() => replicas.every(isSo), 10_000, what)

  test('one reload by hand is one fetch, and reaches all', async (context) => {
    const [a, b, c] = await three(context, new PlayedClock())
    const bundled = a.hash()
    const { models, change, record } = await a.updates.reload(how)
    assert.deepEqual([models, change?.addedCount, change?.added.length], [2000, 2000, 100])
    assert.ok((change?.removedCount ?? 0) > 1000)
    assert.notEqual(a.hash(), bundled)
    await all([b, c], (one) => one.hash() === a.hash(), 'the map on all replicas')
    assert.deepEqual(
      [a, b, c].map((one) => one.price()),
      [1e-6, 1e-6, 1e-6],
    )
    assert.equal(server.fetches, 1)
    assert.match(record.sourceRevision ?? '', /^[0-9a-f]{40}$/)
  })

  test('a map that is the same is the same object, and the next fetch asks only whether it changed', async (context) => {
    const [a] = await three(context, new PlayedClock())
    await a.updates.reload(how)
    const book = a.replica.slot.current?.prices
    const { change, models } = await a.updates.reload(how)
    assert.deepEqual([change, models], [undefined, 2000])
    assert.equal(a.replica.slot.current?.prices, book)
  })

  test('a due time has one run over all replicas, and a reload by hand does not end the schedule', async (context) => {
    const clock = new PlayedClock()
    const replicas = await three(context, clock)
    const [a, b, c] = replicas
    await a.updates.schedule(how, 6)
    await all([b, c], (one) => one.updates.current.record.intervalHours === 6, 'the schedule on all replicas')
    const check = () => Promise.all([a, b, c].map((one) => one.schedule.check()))
    clock.at += 6 * hour - 1
    await check()
    assert.equal(server.fetches, 0)
    clock.at += 1
    await check()
    assert.equal(server.fetches, 1)
    await all([a, b, c], (one) => one.price() === 1e-6, 'the map of the schedule')
    await check()
    assert.equal(server.fetches, 1)

    server.version = 2
    clock.at += hour
    await b.updates.reload(how)
    await all([a, b, c], (one) => one.price() === 2e-6, 'the map by hand')
    assert.equal(c.updates.current.record.intervalHours, 6)
    clock.at += 6 * hour - 1
    await check()
    assert.equal(server.fetches, 2)
    server.version = 3
    clock.at += 1
    await check()
    assert.equal(server.fetches, 3)
    await all([a, b, c], (one) => one.price() === 3e-6, 'the map of the second run')

    await c.updates.schedule(how, undefined)
    await all([a, b], (one) => one.updates.nextRunAt === undefined, 'the end of the schedule')
    clock.at += 100 * hour
    await check()
    assert.equal(server.fetches, 3)
  })

  test('map and schedule survive a restart of all', async (context) => {
    const clock = new PlayedClock()
    const [a, b, c, where] = await three(context, clock)
    await a.updates.reload(how)
    await a.updates.schedule(how, 2)
    const hash = a.hash()
    for (const { replica } of [a, b, c]) await replica.stop()
    const later = priced(context, where, url, clock)
    await later.replica.start()
    await until(() => later.hash() === hash, 10_000, 'the map after the restart')
    assert.equal(later.updates.nextRunAt, clock.at + 2 * hour)
    clock.at += 2 * hour
    server.version = 5
    await later.schedule.check()
    assert.equal(later.price(), 5e-6)
  })

  test('a run that fails keeps the prices and the schedule, says why, and is repeated after a while', async (context) => {
    const clock = new PlayedClock()
    const [a, b] = await three(context, clock)
    await a.updates.reload(how)
    await a.updates.schedule(how, 1)
    const hash = a.hash()
    server.status = 500
    clock.at += hour
    await a.schedule.check()
    assert.equal(server.fetches, 2)
    assert.equal(a.hash(), hash)
    assert.match(a.updates.current.record.lastFailure ?? '', /its server answered 500/)
    await all([b], (one) => one.updates.current.record.lastFailure !== undefined, 'the failure on another replica')
    await Promise.all([a.schedule.check(), b.schedule.check()])
    assert.equal(server.fetches, 2)
    server.status = 200
    server.version = 4
    clock.at += 5 * 60_000 + 1
    await b.schedule.check()
    assert.equal(b.price(), 4e-6)
    assert.equal(b.updates.current.record.lastFailure, undefined)
  })

  test('a replica that died at its run holds the others up for minutes, not for ever', async (context) => {
    const clock = new PlayedClock()
    const [a, b] = await three(context, clock)
    await a.updates.schedule(how, 1)
    clock.at += hour
    await a.updates.edit(how, (record) => ({ ...record, claimedUntil: clock.at + 180_000 }))
    await all([b], (one) => one.updates.current.record.claimedUntil !== undefined, 'the claim on another replica')
    await b.schedule.check()
    assert.equal(server.fetches, 0)
    clock.at += 180_001
    await b.schedule.check()
    assert.equal(server.fetches, 1)
    assert.equal(b.price(), 1e-6)
  })

  test('a bad map is refused with its reason, a dry run changes nothing, and force takes a map that has shrunk', async (context) => {
    const [a] = await three(context, new PlayedClock())
    await a.updates.reload(how)
    const before = a.hash()
    server.version = 2
    const dry = await a.updates.reload({ ...how, dryRun: true })
    assert.deepEqual([dry.change?.movedCount, a.hash()], [4000, before])
    assert.deepEqual(dry.change?.moved[0], {
      model: 'model-0',
      field: 'input_cost_per_token',
      before: 1e-6,
      after: 2e-6,
    })
    server.models = 60
    await assert.rejects(a.updates.reload(how), (error: unknown) => {
      assert.ok(error instanceof GatewayError)
      assert.equal(error.status, 502)
      assert.equal(
        error.detail,
        'Failed to reload model cost map: it has shrunk from 2000 to 60 models, below 0.5 of what it was. Current pricing data was kept.',
      )
      return true
    })
    assert.equal(a.hash(), before)
    assert.equal((await a.updates.reload({ ...how, force: true })).models, 60)
    assert.notEqual(a.hash(), before)
  })

  test('a URL that the operator names is looked at once when the replicas start', async (context) => {
    const clock = new PlayedClock()
    const where = await place()
    const replicas = [1, 2].map(() => priced(context, where, url, clock, true))
    for (const { replica } of replicas) await replica.start()
    for (const { schedule } of replicas) schedule.start()
    await all(replicas, (one) => one.price() === 1e-6, 'the named map')
    for (const { schedule } of replicas) await schedule.stop()
    for (const { schedule } of replicas) await schedule.check()
    assert.equal(server.fetches, 1)
  })

  test('where only the bundled map is allowed nothing is fetched', async (context) => {
    const one = priced(context, await place(), url, new PlayedClock(), true, true)
    await one.replica.start()
    const bundled = one.hash()
    await one.schedule.check()
    const { models } = await one.updates.reload(how)
    assert.ok(models > 1000)
    assert.deepEqual([one.hash(), server.fetches], [bundled, 0])
  })
})
