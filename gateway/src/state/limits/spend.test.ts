import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type PostgresServer, startPostgres } from '../../../test/databases.ts'
import { demand, refused, taken } from '../../../test/limits/demand.ts'
import { blockOf, settledCall } from '../../../test/settled-calls.ts'
import { GatewayError } from '../../core/errors.ts'
import type { LedgerBlock } from '../../core/ledger/block.ts'
import type { LedgerRow } from '../../core/ledger/row.ts'
import { type NanoUsd, usdToNano } from '../../core/money.ts'
import { type Charge, type Spender, spenderName } from '../../core/spend.ts'
import { systemClock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { Secret } from '../../lib/secret.ts'
import { createLedger } from '../../stores/ledger/ledger.ts'
import { type OpenedStore, openStore } from '../../stores/open.ts'
import { LimitFigures } from './figures.ts'
import { MemoryLimiter } from './memory.ts'
import { SpendBook } from './spend.ts'
import type { SpendDatabase } from './spend-rows.ts'

const ignore = () => undefined
const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }

const kinds = ['sqlite', 'postgres'] as const

/** A call of whole billionths. */
function row(cost: number, at: number, charges: readonly Charge[]): LedgerRow {
  // Whole billionths.
  return { call: settledCall({ id: randomUUID(), startedAt: at - 5, endedAt: at, cost: cost as NanoUsd }), charges }
}

for (const kind of kinds) {
  describe(`spending in ${kind}`, () => {
    let directory: string
    let server: PostgresServer | undefined
    let opened: OpenedStore
    let now = Date.parse('2026-03-04T10:00:00Z')
    const books: SpendBook[] = []

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'midflight-spend-'))
      if (kind === 'postgres') server = await startPostgres()
      opened = openStore({
        databaseUrl: server?.url,
        dataDirectory: directory,
        saltKey: new Secret('salt'),
        clock: systemClock,
        log: silentLog,
      })
      await opened.store.start()
    })
    after(async () => {
      await Promise.all(books.map((book) => book.stop()))
      await opened.store.stop()
      await server?.stop()
      await rm(directory, { recursive: true, force: true })
    })

    function book(database: SpendDatabase = opened.database, onFailure: () => void = () => undefined): SpendBook {
      const made = new SpendBook({ database, now: () => now, figures: new LimitFigures(), onFailure })
      books.push(made)
      return made
    }

    /** A call that cost so much. */
    function spend(sums: SpendBook, spender: string, amount: number, window?: { start: number; end: number }): void {
      sums.charge([{ spender, window }], amount, now, 'no-row')
    }

    function key(): Spender {
      return { kind: 'api_key', value: randomUUID() }
    }

    async function amountOf(of: SpendBook, spender: Spender): Promise<number | undefined> {
      return (await of.of([spender])).get(spenderName(spender))?.amount
    }

    it('what calls cost is there at once here, and after a write everywhere', async () => {
      const [here, there] = [book(), book()]
      const spender = key()
      spend(here, spenderName(spender), 300)
      spend(here, spenderName(spender), 45)
      assert.equal(await amountOf(here, spender), 345)
      await here.write()
      assert.equal(await amountOf(here, spender), 345)
      assert.equal(await amountOf(there, spender), 345)
      assert.equal(here.known(spenderName(spender)), 345)
      assert.equal(there.known(spenderName(spender)), undefined)
    })

    it('a spender that never spent anything has zeros, and ids may be any text', async () => {
      const odd = ["'; DROP TABLE midflight_spend; --", '🦊 ключ', '"', '\\', 'a\nb'].map(
        (value): Spender => ({ kind: 'tag', value }),
      )
      const sums = book()
      assert.deepEqual(
        [...(await sums.of(odd)).values()].map(({ total }) => total),
        [0, 0, 0, 0, 0],
      )
      for (const [index, spender] of odd.entries()) spend(sums, spenderName(spender), index + 1)
      await sums.write()
      assert.deepEqual(
        [...(await book().of(odd)).values()].map(({ amount }) => amount),
        [1, 2, 3, 4, 5],
      )
      assert.equal((await sums.of([])).size, 0)
    })

    it('names that a database refuses are kept under others, and hold up nobody', async () => {
      const sums = book()
      const run = randomUUID()
      const hostile = [`${run}\0`, `${run}\ud800`, run.repeat(50_000), `${run}\0`.repeat(100)]
      const spenders = hostile.map((value): Spender => ({ kind: 'end_user', value }))
      for (const [index, spender] of spenders.entries()) spend(sums, spenderName(spender), index + 1)
      await sums.write()
      assert.deepEqual(
        [...(await book().of(spenders)).values()].map(({ amount }) => amount),
        [1, 2, 3, 4],
      )
    })

    it('a window that ends starts the sum again, and the total goes on', async () => {
      const sums = book()
      const spender = key()
      const name = spenderName(spender)
      const day = { start: Date.parse('2026-03-04'), end: Date.parse('2026-03-05') }
      const next = { start: day.end, end: Date.parse('2026-03-06') }
      spend(sums, name, 100, day)
      await sums.write()
      assert.deepEqual((await sums.of([spender])).get(name), { amount: 100, total: 100, resetsAt: day.end })
      now = day.end + 1_000
      assert.deepEqual((await sums.of([spender])).get(name), { amount: 0, total: 100, resetsAt: undefined })
      spend(sums, name, 7, next)
      spend(sums, name, 5, day)
      assert.equal((await sums.of([spender])).get(name)?.total, 112)
      await sums.write()
      assert.deepEqual((await sums.of([spender])).get(name), { amount: 7, total: 112, resetsAt: next.end })
      now = Date.parse('2026-03-04T10:00:00Z')
    })

    it('a duration that is changed keeps what was spent', async () => {
      const sums = book()
      const spender = key()
      const name = spenderName(spender)
      const month = { start: Date.parse('2026-03-01'), end: Date.parse('2026-04-01') }
      const day = { start: Date.parse('2026-03-04'), end: Date.parse('2026-03-05') }
      for (const window of [undefined, month, day, undefined]) {
        spend(sums, name, 10, window)
        await sums.write()
      }
      assert.deepEqual((await sums.of([spender])).get(name), { amount: 40, total: 40, resetsAt: undefined })
    })

    it('a batch whose answer was lost is not added twice', async () => {
      let lose = 2
      const flaky: SpendDatabase = {
        dialect: opened.database.dialect,
        query: (text, parameters) => opened.database.query(text, parameters),
        async transaction(mode, work) {
          const result = await opened.database.transaction(mode, work)
          lose -= 1
          if (lose >= 0) throw new Error('the answer was lost')
          return result
        },
      }
      let told = 0
      const sums = book(flaky, () => {
        told += 1
      })
      const spender = key()
      spend(sums, spenderName(spender), 11)
      await assert.rejects(sums.write())
      spend(sums, spenderName(spender), 4)
      await assert.rejects(sums.write())
      assert.equal(told, 1, 'an outage is told of once, however often it is tried')
      await sums.write()
      assert.equal(await amountOf(book(), spender), 15)
      lose = 1
      spend(sums, spenderName(spender), 1)
      await assert.rejects(sums.write())
      assert.equal(told, 2, 'the next outage is another one')
    })

    it('a sum that is set counts from there, in the budget counter too', async () => {
      const sums = book()
      const limiter = new MemoryLimiter({ now: () => now, seed: (demands) => sums.seeds(demands) })
      sums.feeds(limiter)
      const spender = key()
      spend(sums, spenderName(spender), 100)
      const budget = demand(spender.value, 'budget', 100, 10)
      assert.ok(refused(await limiter.reserve([budget])))
      await sums.set(spender, 0 as NanoUsd)
      assert.deepEqual(taken(await limiter.reserve([budget])).remaining, [90])
      assert.equal((await sums.of([spender])).get(spenderName(spender))?.total, 100)
      await sums.set(spender, usdToNano(1.5))
      assert.equal(await amountOf(book(), spender), 1_500_000_000)
      const fresh = key()
      await sums.set(fresh, 7 as NanoUsd)
      assert.deepEqual((await sums.of([fresh])).get(spenderName(fresh)), { amount: 7, total: 0, resetsAt: undefined })
      await limiter.stop()
    })

    it('a regenerated key keeps its sums under its new id', async () => {
      const sums = book()
      const [from, to] = [key(), key()]
      spend(sums, spenderName(from), 70)
      await sums.move(from, to)
      assert.equal(await amountOf(sums, to), 70)
      assert.equal(await amountOf(sums, from), 0)
      await sums.move(key(), to)
      assert.equal(await amountOf(sums, to), 70)
    })

    it('many spenders are written in batches, two replicas at once', async () => {
      const [one, other] = [book(), book()]
      const run = randomUUID()
      const spenders = Array.from(
        { length: 2_500 },
        (_, index): Spender => ({ kind: 'end_user', value: `${run}-${index}` }),
      )
      for (const spender of spenders) spend(one, spenderName(spender), 3)
      for (const spender of [...spenders].reverse()) spend(other, spenderName(spender), 3)
      await Promise.all([one.write(), other.write()])
      const sums = await one.of(spenders)
      assert.ok([...sums.values()].every(({ amount }) => amount === 6))
    })

    /** A replica whose calls have rows: what it keeps on disk, and how that gets into the ledger. */
    function replica() {
      const sums = book()
      const ledger = createLedger(opened.database)
      const writer = randomUUID()
      let waiting: LedgerRow[] = []
      const blocks: LedgerBlock[] = []
      let lose = 0
      let cuts = 0
      const cut = (): readonly LedgerBlock[] => {
        cuts += 1
        if (waiting.length > 0) blocks.push(blockOf(waiting, writer, cuts))
        waiting = []
        return blocks
      }
      const bring = async (own = true): Promise<void> => {
        for (const block of [...cut()]) {
          await sums.moving(own, block.tally, async (add) => {
            await ledger.append(block, add)
            lose -= 1
            if (lose >= 0) throw new GatewayError('store_unavailable', 'the answer was lost')
          })
          blocks.shift()
        }
      }
      sums.keptBy(() => bring())
      return {
        sums,
        bring,
        loseAnswers: (count: number) => {
          lose = count
        },
        call(spenders: readonly Spender[], cost: number, window?: { start: number; end: number }, at = now) {
          const charges = spenders.map((spender) => ({ spender: spenderName(spender), window }))
          sums.charge(charges, cost, at, 'row')
          waiting.push(row(cost, at, charges))
        },
        blocks: cut,
      }
    }

    it('what a call with a row cost is there at once here, and in the sums with its row', async () => {
      const { sums, bring, call } = replica()
      const [one, team] = [key(), key()]
      call([one, team], 300)
      call([team], 45)
      assert.equal(await amountOf(sums, team), 345)
      assert.equal(await amountOf(book(), team), 0)
      await bring()
      assert.equal(sums.pending, 0)
      for (const each of [sums, book()]) {
        assert.equal(await amountOf(each, one), 300)
        assert.equal(await amountOf(each, team), 345)
      }
    })

    it('rows that are brought twice are added once, whoever brings them', async () => {
      const { sums, bring, call, blocks, loseAnswers } = replica()
      const spender = key()
      call([spender], 10)
      const [kept] = blocks()
      assert.ok(kept)
      loseAnswers(1)
      await assert.rejects(bring(), { code: 'store_unavailable' })
      call([spender], 5)
      // Nobody knows whether the 10 are in the store: they are brought again first.
      assert.equal(await amountOf(sums, spender), 15)
      await bring()
      assert.equal(await amountOf(sums, spender), 15)
      const other = book()
      await other.moving(false, kept.tally, (add) => createLedger(opened.database).append(kept, add))
      assert.equal(await amountOf(other, spender), 15)
    })

    it('a sum whose answer was lost is not told as what it was before', async () => {
      const { sums, bring, call, loseAnswers } = replica()
      const spender = key()
      call([spender], 3)
      await bring()
      assert.equal(sums.known(spenderName(spender)), 3)
      call([spender], 10)
      loseAnswers(1)
      await assert.rejects(bring(), { code: 'store_unavailable' })
      await bring()
      assert.equal(sums.known(spenderName(spender)) ?? 13, 13)
      assert.equal(await amountOf(sums, spender), 13)
    })

    it('rows of a lost answer are in doubt until they are kept, whatever fails meanwhile', async () => {
      const { sums, bring, call, loseAnswers, blocks } = replica()
      const spender = key()
      call([spender], 10)
      loseAnswers(1)
      await assert.rejects(bring(), { code: 'store_unavailable' })
      const broken = new Error('no memory')
      const [kept] = blocks()
      assert.ok(kept)
      await assert.rejects(
        sums.moving(true, kept.tally, () => Promise.reject(broken)),
        broken,
      )
      assert.equal(await amountOf(sums, spender), 10)
    })

    it('what a killed process kept on disk is in the sums when another has brought it', async () => {
      const killed = replica()
      const heir = replica()
      const spender = key()
      killed.call([spender], 70)
      heir.call([spender], 1)
      const ledger = createLedger(opened.database)
      for (const block of killed.blocks()) {
        await heir.sums.moving(false, block.tally, (add) => ledger.append(block, add))
      }
      // Its own call still waits on disk and is not taken for the other's.
      assert.equal(await amountOf(heir.sums, spender), 71)
      await heir.bring()
      assert.equal(await amountOf(book(), spender), 71)
    })

    it('calls of two budget windows in one batch count where they belong', async () => {
      const { sums, bring, call } = replica()
      const spender = key()
      const day = { start: Date.parse('2026-03-04'), end: Date.parse('2026-03-05') }
      const next = { start: day.end, end: Date.parse('2026-03-06') }
      now = day.end + 1_000
      call([spender], 7, next)
      call([spender], 100, day, day.end - 1)
      await bring()
      const name = spenderName(spender)
      assert.deepEqual((await sums.of([spender])).get(name), { amount: 7, total: 107, resetsAt: next.end })
      now = Date.parse('2026-03-04T10:00:00Z')
    })

    it('a sum that is set is set after all that was spent before', async () => {
      const { sums, bring, call } = replica()
      const spender = key()
      call([spender], 100)
      await sums.set(spender, 3 as NanoUsd)
      call([spender], 4)
      await bring()
      const name = spenderName(spender)
      assert.deepEqual((await sums.of([spender])).get(name), { amount: 7, total: 104, resetsAt: undefined })
    })

    it('sums read while rows are brought have each call once', async () => {
      const { sums, bring, call } = replica()
      const spender = key()
      for (let round = 1; round <= 30; round += 1) {
        call([spender], 1)
        const [amount] = await Promise.all([amountOf(sums, spender), bring(), amountOf(sums, spender)])
        assert.equal(amount, round)
      }
      assert.equal(await amountOf(book(), spender), 30)
    })

    it('while the store is away spends are kept, and written once when it is back', {
      skip: kind === 'sqlite' && 'the embedded database cannot be away',
    }, async () => {
      const sums = book()
      const spender = key()
      await server?.kill()
      spend(sums, spenderName(spender), 20)
      await assert.rejects(sums.write())
      spend(sums, spenderName(spender), 22)
      await assert.rejects(sums.of([spender]), { code: 'store_unavailable' })
      await server?.start()
      for (let tries = 0; tries < 100; tries += 1) {
        if ((await amountOf(sums, spender).catch(() => undefined)) === 42) break
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      await sums.write()
      assert.equal(await amountOf(book(), spender), 42)
    })
  })
}
