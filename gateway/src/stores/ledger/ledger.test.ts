import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { createPostgresKind, createSqliteKind, type StorePlace } from '../../../test/opened-store.ts'
import type { DailyQuery, Ledger } from '../../core/ledger.ts'
import { usdToNano } from '../../core/money.ts'
import type { SettledCall } from '../../core/settled-call.ts'
import { createLedger } from './ledger.ts'
import { rowOf } from './row.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 10, 20)

/** The nth of a stream of calls that differ in everything that is filtered or summed by. */
function callNumber(n: number, changes: Partial<SettledCall> = {}): SettledCall {
  const failed = n % 10 === 0
  return {
    id: `row-${String(n).padStart(6, '0')}`,
    callId: `call-${n}`,
    startedAt: start + (n % 3) * dayMs + n,
    endedAt: start + (n % 3) * dayMs + n + (n % 500),
    firstContentMs: n % 2 === 0 ? 20 : undefined,
    holders: {
      key: `key-${n % 4}`,
      keyAlias: `alias ${n % 4}`,
      user: n % 2 === 0 ? 'ann' : 'größer',
      team: n % 3 === 0 ? 'team-a' : '',
      organization: '',
      endUser: n % 5 === 0 ? `customer '; DROP TABLE ledger; --` : '',
    },
    requestedModel: 'gpt',
    modelGroup: `group-${n % 2}`,
    deployment: 'd',
    provider: n % 2 === 0 ? 'openai' : 'anthropic',
    providerModel: `model-${n % 2}`,
    apiBase: 'https://api.example.com',
    callType: 'acompletion',
    stream: n % 2 === 0,
    status: failed ? 500 : 200,
    errorCode: failed ? 'upstream_error' : undefined,
    attempts: 1,
    fallbacks: 0,
    revision: 3,
    priceMap: 'map',
    usage: failed ? undefined : { inputTokens: n, outputTokens: 2 * n, cachedInputTokens: n % 7 },
    estimated: false,
    cost: failed ? undefined : usdToNano(0.000001 * n),
    breakdown: failed ? undefined : { input: n, output: n },
    tags: n % 4 === 0 ? ['blue', 'größer'] : [],
    cacheHit: false,
    clientAddress: '',
    ...changes,
  }
}

const batch = (calls: readonly SettledCall[]): string => `[${calls.map((call) => rowOf(call, [])).join(',')}]`

for (const kind of [createSqliteKind(), createPostgresKind()]) {
  describe(`the ledger on ${kind.name}`, () => {
    const places: StorePlace[] = []
    before(() => kind.start())
    after(() => kind.stop())
    afterEach(async () => {
      for (const place of places.splice(0)) await place.remove()
    })

    async function ledgers(count: number): Promise<Ledger[]> {
      const place = await kind.place()
      places.push(place)
      const opened: Ledger[] = []
      for (let n = 0; n < count; n += 1) {
        const { store, database } = place.open()
        await store.start()
        opened.push(createLedger(database))
      }
      return opened
    }

    const wholeTime: Pick<DailyQuery, 'from' | 'to'> = { from: '2026-11-01', to: '2026-11-30' }

    it('gives a call back as it was kept', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      const calls = [callNumber(1), callNumber(10), callNumber(20)]
      await ledger?.append(batch(calls))
      const found = await ledger?.calls({ limit: 10, ascending: true })
      assert.deepEqual(
        found?.calls.map((call) => call.id).sort(),
        calls.map((call) => call.id),
      )
      assert.deepEqual(
        found?.calls.find((call) => call.id === calls[0]?.id),
        calls[0],
      )
      assert.equal(found?.total, 3)
      assert.equal((await ledger?.calls({ limit: 10, offset: 1_000 }))?.total, 3, 'beyond the last page, too')
    })

    it('keeps a call whatever text its caller wrote, so that no row holds up the next', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      const odd = 'a\0b\ud83d'
      const cutInHalf = `${'x'.repeat(511)}\u{1f600}`
      const { holders } = callNumber(1)
      const calls = [odd, cutInHalf].map((text, n) =>
        callNumber(n + 1, {
          holders: { ...holders, endUser: text },
          requestedModel: text,
          providerModel: text,
          tags: [text],
        }),
      )
      await ledger?.append(batch(calls))
      const found = (await ledger?.calls({ limit: 10, ascending: true }))?.calls ?? []
      assert.deepEqual(
        new Set(found.map(({ requestedModel }) => requestedModel)),
        new Set(['a\ufffdb\ufffd', `${'x'.repeat(511)}\ufffd`]),
      )
      const sums = await ledger?.daily({ scope: 'tag', ...wholeTime, by: ['holder'] })
      assert.equal(sums?.length, 2)
    })

    it('keeps a row once, and sums it once, however often and from wherever it is brought', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [one, two] = await ledgers(2)
      const calls = Array.from({ length: 200 }, (_, n) => callNumber(n))
      const overlapping = [calls.slice(0, 120), calls.slice(60), calls.slice(0, 200), calls.slice(100, 140)]
      await Promise.all(overlapping.map((part, n) => (n % 2 === 0 ? one : two)?.append(batch(part))))
      const [all] = (await one?.daily({ scope: 'all', ...wholeTime, by: [] })) ?? []
      assert.equal(all?.calls, 200)
      assert.equal(
        all?.cost,
        calls.reduce((sum, call) => sum + (call.cost ?? 0), 0),
      )
      assert.equal((await two?.calls({ limit: 1 }))?.total, 200)
    })

    it('sums by day for everybody, each key, user, team, end user and tag as the rows add up', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      const calls = Array.from({ length: 300 }, (_, n) => callNumber(n))
      await ledger?.append(batch(calls))
      const holders: Record<string, (call: SettledCall) => readonly string[]> = {
        all: () => [''],
        key: ({ holders: { key } }) => [key],
        user: ({ holders: { user } }) => [user],
        team: ({ holders: { team } }) => (team === '' ? [] : [team]),
        'end-user': ({ holders: { endUser } }) => (endUser === '' ? [] : [endUser]),
        tag: ({ tags }) => tags,
      }
      for (const scope of ['all', 'key', 'user', 'team', 'end-user', 'tag'] as const) {
        const expected: Record<string, number[]> = {}
        for (const call of calls) {
          for (const holder of holders[scope]?.(call) ?? []) {
            const day = new Date(call.startedAt).toISOString().slice(0, 10)
            const name = `${holder} ${day} ${call.providerModel}`
            const [calls = 0, failed = 0, tokens = 0, cost = 0, uncosted = 0] = expected[name] ?? []
            expected[name] = [
              calls + 1,
              failed + (call.status >= 400 ? 1 : 0),
              tokens + (call.usage?.outputTokens ?? 0),
              cost + (call.cost ?? 0),
              uncosted + (call.cost === undefined ? 1 : 0),
            ]
          }
        }
        const found = await ledger?.daily({ scope, ...wholeTime, by: ['holder', 'day', 'model'] })
        const actual = Object.fromEntries(
          (found ?? []).map((sum) => [
            `${sum.holder} ${sum.day} ${sum.model}`,
            [sum.calls, sum.failed, sum.outputTokens, sum.cost, sum.uncosted],
          ]),
        )
        assert.deepEqual(actual, expected, scope)
      }
    })

    it('finds calls by each filter, sorts and pages them', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      const calls = Array.from({ length: 100 }, (_, n) => callNumber(n))
      await ledger?.append(batch(calls))
      const count = async (query: object) => (await ledger?.calls({ limit: 1_000, ...query }))?.calls.length
      assert.equal(await count({ key: 'key-1' }), 25)
      assert.equal(await count({ user: 'größer' }), 50)
      assert.equal(await count({ team: 'team-a', failed: true }), 4)
      assert.equal(await count({ callId: 'call-7' }), 1)
      assert.equal(await count({ endUser: `customer '; DROP TABLE ledger; --` }), 20)
      assert.equal(await count({ from: start + dayMs, to: start + 2 * dayMs }), 33)
      assert.equal(await count({ minCost: usdToNano(0.00009) }), 9)
      assert.equal(await count({ modelGroup: "x' OR 1=1" }), 0)
      const dearest = await ledger?.calls({ limit: 2, sort: 'cost' })
      assert.deepEqual(
        dearest?.calls.map((call) => call.callId),
        ['call-99', 'call-98'],
      )
      const pages: string[] = []
      for (let after: SettledCall | undefined; ; ) {
        const { calls: page } = (await ledger?.calls({
          limit: 30,
          ascending: true,
          ...(after === undefined ? {} : { after }),
        })) ?? { calls: [] }
        pages.push(...page.map((call) => call.id))
        after = page.at(-1)
        if (after === undefined) break
      }
      assert.equal(new Set(pages).size, 100)
      assert.equal(pages.length, 100)
    })

    it('forgets rows that are too old and keeps their sums', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      await ledger?.append(batch(Array.from({ length: 90 }, (_, n) => callNumber(n))))
      assert.equal(await ledger?.prune(start + dayMs), 30)
      assert.equal((await ledger?.calls({ limit: 1 }))?.total, 60)
      assert.equal((await ledger?.daily({ scope: 'all', ...wholeTime, by: [] }))?.[0]?.calls, 90)
    })

    it('takes nothing of a batch that is not what it should be', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      await assert.rejects(async () => ledger?.append('[["only","half a'))
      assert.equal((await ledger?.calls({ limit: 1 }))?.total, 0)
      await ledger?.append(batch([callNumber(1)]))
      assert.equal((await ledger?.calls({ limit: 1 }))?.total, 1)
    })
  })
}
