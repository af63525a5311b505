import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountedPools, PlayedInputs } from '../../../test/control-plane.ts'
import { noPrices, PriceBook } from '../../core/cost/price-book.ts'
import type { PriceLoader } from '../../core/cost/price-loader.ts'
import { problemToLine } from '../../core/problem.ts'
import type { Layer, Resource } from '../../core/resource.ts'
import type { JsonObject } from '../../lib/json.ts'
import { dataOf } from '../../prices/pack.ts'
import { prepare } from '../prepare.ts'
import { type Outcome, type Prepared, snapshotOf } from '../prepared.ts'
import { UsagePool } from '../usage-pool.ts'
import { priceMapName } from './price-map.ts'

const first = 'a'.repeat(64)
const second = 'b'.repeat(64)

function layerOf(spec: JsonObject | undefined): Layer {
  const text = JSON.stringify(spec ?? null)
  const resource: Resource = {
    kind: 'price-map',
    name: priceMapName,
    spec: spec ?? {},
    hash: text,
    origin: 'database',
    path: '',
    originOf: () => 'database',
  }
  return {
    source: 'database',
    version: text,
    resources: spec === undefined ? [] : [resource],
    problems: [],
    acceptance: 'rows',
  }
}

/** A loader that has one model per map, whose name is the map's. */
class PlayedPrices implements PriceLoader {
  loads = 0
  readonly away = new Set<string>()

  async bundled(): Promise<PriceBook> {
    return bookOf('bundled')
  }

  async load(hash: string): Promise<PriceBook> {
    this.loads += 1
    if (this.away.has(hash)) throw new Error('the store does not have it')
    return bookOf(hash.slice(0, 1))
  }
}

function bookOf(name: string): PriceBook {
  return new PriceBook(dataOf(new Map([[name, { input_cost_per_token: 1e-6 }]])))
}

async function run(spec: JsonObject | undefined, prices: PlayedPrices, previous?: Prepared): Promise<Outcome> {
  const { openPool } = new CountedPools()
  const pool = new UsagePool((_key, error) => assert.fail(String(error)))
  return prepare([layerOf(spec)], previous, { inputs: new PlayedInputs(), pool, openPool, prices })
}

function accepted(outcome: Outcome): Prepared {
  assert.ok(outcome.accepted)
  return outcome.prepared
}

const namesIn = (prepared: Prepared): readonly string[] => snapshotOf(prepared, 1, 1).prices.names

test('without a word the map that comes with the gateway serves', async () => {
  assert.deepEqual(namesIn(accepted(await run(undefined, new PlayedPrices()))), ['bundled'])
  assert.deepEqual(namesIn(accepted(await run({ interval_hours: 6 }, new PlayedPrices()))), ['bundled'])
})

test('a stored map serves by its hash, and a change of the schedule alone loads nothing', async () => {
  const prices = new PlayedPrices()
  const before = accepted(await run({ content: first }, prices))
  assert.deepEqual([namesIn(before), prices.loads], [['a'], 1])
  const same = accepted(await run({ content: first }, prices, before))
  assert.equal(same.entries['price-map'].get(priceMapName), before.entries['price-map'].get(priceMapName))
  assert.equal(prices.loads, 1)
  assert.deepEqual(namesIn(accepted(await run({ content: second }, prices, before))), ['b'])
})

test('a map that cannot be had leaves the prices that serve, and the bundled ones where none did', async () => {
  const prices = new PlayedPrices()
  prices.away.add(second)
  const before = accepted(await run({ content: first }, prices))
  const after = accepted(await run({ content: second }, prices, before))
  assert.deepEqual(namesIn(after), ['a'])
  assert.deepEqual(after.tolerated.map(problemToLine), [
    'database error content: the price map bbbbbbbbbbbb cannot be had: the store does not have it (the prices before it go on serving; reload the price map)',
  ])
  assert.deepEqual(
    after.tolerated.map(({ code }) => code),
    ['price_map_unavailable'],
  )
  assert.deepEqual(namesIn(accepted(await run({ content: second }, prices))), ['bundled'])
})

test('a spec that is none is refused by its path, and everything else goes on', async () => {
  const outcome = accepted(await run({ content: 'latest', interval_hours: -1 }, new PlayedPrices()))
  assert.deepEqual(namesIn(outcome), ['bundled'])
  assert.deepEqual(outcome.tolerated.map(({ path }) => path).sort(), ['content', 'interval_hours'])
})

test('where nothing is costed every price is unknown', async () => {
  const { openPool } = new CountedPools()
  const pool = new UsagePool(() => undefined)
  const outcome = await prepare([layerOf(undefined)], undefined, { inputs: new PlayedInputs(), pool, openPool })
  assert.equal(snapshotOf(accepted(outcome), 1, 1).prices.names.length, noPrices.names.length)
})
