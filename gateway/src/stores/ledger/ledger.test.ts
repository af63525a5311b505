import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { createPostgresKind, createSqliteKind, type StorePlace } from '../../../test/opened-store.ts'
import { blockOf, settledCall } from '../../../test/settled-calls.ts'
import type { LedgerBlock } from '../../core/ledger/block.ts'
import type { DailyQuery } from '../../core/ledger/ledger.ts'
import type { SettledCall } from '../../core/ledger/settled-call.ts'
import { usdToNano } from '../../core/money.ts'
import { createLedger, type LedgerStore } from './ledger.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 10, 20)

/** The nth of a stream of calls that differ in everything that is filtered or summed by. */
function callNumber(n: number, changes: Partial<SettledCall> = {}): SettledCall {
  const failed = n % 10 === 0
  return settledCall({
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
    modelGroup: `group-${n % 2}`,
    provider: n % 2 === 0 ? 'openai' : 'anthropic',
    providerModel: `model-${n % 2}`,
    stream: n % 2 === 0,
    status: failed ? 500 : 200,
    errorCode: failed ? 'upstream_error' : undefined,
    usage: failed ? undefined : { inputTokens: n, outputTokens: 2 * n, cachedInputTokens: n % 7 },
    cost: failed ? undefined : usdToNano(0.000001 * n),
    breakdown: failed ? undefined : { input: n, output: n },
    tags: n % 4 === 0 ? ['blue', 'größer'] : [],
    ...changes,
  })
}

let blocks = 0

/** The next block of its writer. */
function block(calls: readonly SettledCall[], writer = 'writer'): LedgerBlock {
  blocks += 1
  const rows = calls.map((call) => ({ call, charges: [] }))
  return blockOf(rows, writer, blocks)
}

for (const kind of [createSqliteKind(), createPostgresKind()]) {
  describe(`the ledger on ${kind.name}`, () => {
    const places: StorePlace[] = []
    before(() => kind.start())
    after(() => kind.stop())
    afterEach(async () => {
      for (const place of places.splice(0)) await place.remove()
    })

    async function ledgers(count: number): Promise<LedgerStore[]> {
      const place = await kind.place()
      places.push(place)
      const opened: LedgerStore[] = []
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
      await ledger?.append(block(calls))
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
      await ledger?.append(block(calls))
      const found = (await ledger?.calls({ limit: 10, ascending: true }))?.calls ?? []
      assert.deepEqual(
        new Set(found.map(({ requestedModel }) => requestedModel)),
        new Set(['a\ufffdb\ufffd', `${'x'.repeat(511)}\ufffd`]),
      )
      const sums = await ledger?.daily({ scope: 'tag', ...wholeTime, by: ['holder'] })
      assert.equal(sums?.length, 2)
    })

    it('keeps and sums a call however long its names are, and whatever tokens its provider told', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      // Not compressible, so that no index makes it shorter.
      const longText = (units: number) =>
        Array.from({ length: units }, (_, n) => String.fromCharCode(0x4e00 + ((n * n * 7_919) % 20_000))).join('')
      const { holders } = callNumber(1)
      const usages = [1.5, 1e300, Number.MAX_SAFE_INTEGER, -4].map((inputTokens) => ({ inputTokens, outputTokens: 2 }))
      const calls = usages.map((usage, n) =>
        callNumber(n + 1, {
          holders: { ...holders, user: longText(3_000), endUser: longText(512) },
          providerModel: longText(512),
          tags: [longText(512), `${longText(511)}x`],
          usage,
        }),
      )
      await ledger?.append(block(calls))
      const ofUser = await ledger?.daily({ scope: 'user', holders: [longText(3_000)], ...wholeTime, by: ['holder'] })
      assert.deepEqual([ofUser?.length, ofUser?.[0]?.calls, ofUser?.[0]?.inputTokens], [1, 4, 1 + 2e12])
      const ofTags = await ledger?.daily({ scope: 'tag', ...wholeTime, by: ['holder', 'model'] })
      assert.equal(ofTags?.length, 2, 'names that begin alike are kept apart')
      assert.equal((await ledger?.calls({ endUser: longText(512), limit: 10 }))?.total, 4)
    })

    it('reads blocks as any database writes bytes', async (t) => {
      if (kind.name !== 'PostgreSQL' || kind.skip()) return t.skip(kind.skip() || 'PostgreSQL has two ways')
      const place = await kind.place()
      places.push(place)
      const first = place.open()
      await first.store.start()
      await first.database.query(
        `ALTER DATABASE ${new URL(place.databaseUrl ?? '').pathname.slice(1)} SET bytea_output = 'escape'`,
      )
      const { store, database } = place.open()
      await store.start()
      const ledger = createLedger(database)
      const calls = Array.from({ length: 100 }, (_, n) => callNumber(n))
      await ledger.append(block(calls))
      assert.equal((await ledger.calls({ user: 'größer', limit: 100 })).calls.length, 50)
      assert.equal((await ledger.calls({ callId: 'call-7', limit: 100 })).calls.length, 1)
    })

    it('keeps a block once, and sums it once, however often and by whomever it is brought', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [one, two] = await ledgers(2)
      const calls = Array.from({ length: 200 }, (_, n) => callNumber(n))
      const first = block(calls.slice(0, 120), 'killed')
      const second = block(calls.slice(120), 'killed')
      await Promise.all([one, two, one].map((each) => each?.append(first)))
      await Promise.all([two, one].map((each) => each?.append(second)))
      // The one before is known, too, when a later one is.
      await two?.append(first)
      const [all] = (await one?.daily({ scope: 'all', ...wholeTime, by: [] })) ?? []
      assert.equal(all?.calls, 200)
      assert.equal(
        all?.cost,
        calls.reduce((sum, call) => sum + (call.cost ?? 0), 0),
      )
      assert.equal((await two?.calls({ limit: 1 }))?.total, 200)
    })

    it('keeps nothing of a block whose sums cannot be added', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      const calls = block([callNumber(1)])
      const broken = new Error('no sums')
      await assert.rejects(async () => ledger?.append(calls, () => Promise.reject(broken)), broken)
      assert.equal((await ledger?.calls({ limit: 1 }))?.total, 0)
      let added = 0
      const add = async () => {
        added += 1
      }
      await ledger?.append(calls, add)
      await ledger?.append(calls, add)
      assert.equal(added, 1)
      assert.equal((await ledger?.calls({ limit: 1 }))?.total, 1)
    })

    it('sums by day for everybody, each key, user, team, end user and tag as the rows add up', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      const calls = Array.from({ length: 300 }, (_, n) => callNumber(n))
      await ledger?.append(block(calls))
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
      await ledger?.append(block(calls))
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

    it('pages through many blocks as through one, in both directions, and counts them all', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      // Streams that began long before they ended: times of blocks overlap.
      const calls = Array.from({ length: 900 }, (_, n) =>
        callNumber(n, { startedAt: start + n * 1_000 - (n % 11 === 0 ? 300_000 : 0) }),
      )
      for (let from = 0; from < calls.length; from += 15) await ledger?.append(block(calls.slice(from, from + 15)))
      const sorted = calls.toSorted((one, other) => other.startedAt - one.startedAt || (other.id < one.id ? -1 : 1))
      for (const ascending of [false, true]) {
        const expected = ascending ? sorted.toReversed() : sorted
        for (const offset of [0, 7, 450, 890]) {
          const page = await ledger?.calls({ limit: 20, offset, ascending })
          assert.deepEqual(
            page?.calls.map(({ id }) => id),
            expected.slice(offset, offset + 20).map(({ id }) => id),
          )
          assert.equal(page?.total, 900)
        }
      }
      const [from, to] = [start + 200_500, start + 700_500]
      const between = sorted.filter(({ startedAt }) => startedAt >= from && startedAt < to)
      const ofKey = between.filter(({ holders }) => holders.key === 'key-3')
      const page = await ledger?.calls({ from, to, key: 'key-3', limit: 10 })
      assert.deepEqual(
        page?.calls.map(({ id }) => id),
        ofKey.slice(0, 10).map(({ id }) => id),
      )
      assert.equal(page?.total, ofKey.length)
      const one = await ledger?.calls({ callId: 'call-777', limit: 10 })
      assert.deepEqual([one?.calls.map(({ callId }) => callId), one?.total], [['call-777'], 1])
    })

    it('makes large blocks of small ones, of each hour its own, without a difference to any page', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger, other] = await ledgers(2)
      const hourMs = 3_600_000
      const calls = Array.from({ length: 120 }, (_, n) => callNumber(n, { startedAt: start + n * 60_000 }))
      for (const call of calls) await ledger?.append(block([call]))
      const pages = async () => [
        await ledger?.calls({ limit: 1_000 }),
        await ledger?.calls({ user: 'ann', limit: 5 }),
        await ledger?.calls({ callId: 'call-77', limit: 5 }),
        await ledger?.calls({ failed: true, sort: 'tokens', limit: 5 }),
      ]
      const before = await pages()
      // Two replicas at once: each block is merged by one of them.
      const gone = await Promise.all([ledger, other].map((each) => each?.merge(start + 2 * hourMs + 60_000)))
      assert.equal((gone[0] ?? 0) + (gone[1] ?? 0), 120)
      assert.deepEqual(await pages(), before)
      assert.equal(await ledger?.merge(start + 2 * hourMs + 60_000), 0, 'nothing is left to merge')
      assert.equal(await ledger?.prune(start + hourMs), 60, 'the first hour is a block of its own')
      assert.equal((await ledger?.calls({ limit: 1 }))?.total, 60)
    })

    it('shows each call once while many blocks are merged one after the other', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger, other] = await ledgers(2)
      const [groups, each] = [8, 250]
      for (let n = 0; n < groups * 16; n += 1) {
        const calls = Array.from({ length: each }, (_, index) =>
          callNumber(n * each + index, { startedAt: start + n * 1_000 + index }),
        )
        await other?.append(block(calls))
      }
      let merging = true
      const merge = other?.merge(start + 3_600_000).finally(() => {
        merging = false
      })
      let pages = 0
      for (; merging; pages += 1) {
        const page = await ledger?.calls({ failed: true, limit: 5_000 })
        const ids = new Set(page?.calls.map(({ id }) => id))
        assert.deepEqual([ids.size, page?.calls.length, page?.total], [3_200, 3_200, 3_200], `page ${pages}`)
      }
      assert.equal(await merge, groups * 16)
      assert.ok(pages > 0)
    })

    it('forgets blocks that are too old and keeps their sums', async (t) => {
      if (kind.skip()) return t.skip(kind.skip() || '')
      const [ledger] = await ledgers(1)
      const calls = Array.from({ length: 90 }, (_, n) => callNumber(n))
      for (const day of [0, 1, 2]) await ledger?.append(block(calls.filter((_, n) => n % 3 === day)))
      assert.equal(await ledger?.prune(start + dayMs), 30)
      assert.equal((await ledger?.calls({ limit: 1 }))?.total, 60)
      assert.equal((await ledger?.daily({ scope: 'all', ...wholeTime, by: [] }))?.[0]?.calls, 90)
    })
  })
}
