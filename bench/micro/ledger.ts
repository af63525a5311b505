/**
 * `node bench/micro/ledger.ts`: CPU of this process, all threads, for each row from its call to the store (SQLite): written to the outbox in
 * turns of 8 rows as under load, counted, compressed, kept in blocks of 4,000.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { LedgerRow } from '../../gateway/src/core/ledger/row.ts'
import { usdToNano } from '../../gateway/src/core/money.ts'
import type { Charge } from '../../gateway/src/core/spend.ts'
import { Mover } from '../../gateway/src/ledger/mover.ts'
import { Outbox } from '../../gateway/src/ledger/outbox.ts'
import { systemClock } from '../../gateway/src/lib/clock.ts'
import { createIds } from '../../gateway/src/lib/ids.ts'
import { Secret } from '../../gateway/src/lib/secret.ts'
import { addEntries } from '../../gateway/src/state/limits/spend-rows.ts'
import { createLedger } from '../../gateway/src/stores/ledger/ledger.ts'
import { openStore } from '../../gateway/src/stores/open.ts'
import { settledCall } from '../../gateway/test/settled-calls.ts'

const turnRows = 8
const turns = 12_500
const blockTurns = 500

const directory = await mkdtemp(join(tmpdir(), 'midflight-bench-'))
const { store, database } = openStore({
  databaseUrl: undefined,
  dataDirectory: directory,
  saltKey: new Secret('sk-salt'),
  clock: systemClock,
  log: { debug() {}, info() {}, warn() {}, error() {} },
})
const newId = createIds()
const newCallId = createIds()
const outbox = new Outbox({ directory: join(directory, 'ledger'), owner: 'bench', clock: systemClock })
try {
  await store.start()
  const ledger = createLedger(database)
  const mover = new Mover({
    outbox,
    clock: systemClock,
    report: () => undefined,
    sink: {
      append: (block) =>
        ledger.append(block, async (session) => void (await addEntries(session, block.tally.spends.entries()))),
    },
  })
  mover.start()
  for (const [name, keys] of [
    ['one key', 1],
    ['1,000 keys of 50 teams', 1_000],
  ] as const) {
    const prepared = Array.from({ length: turns }, () =>
      Array.from({ length: turnRows }, () => rowOf(Math.floor(Math.random() * keys), keys)),
    )
    // The first pass warms up: compilers, and pages of the table.
    for (const measured of [false, true]) {
      const before = process.cpuUsage()
      const mainBefore = process.threadCpuUsage()
      for (const [index, rows] of prepared.entries()) {
        outbox.append(rows)
        await (index % blockTurns === blockTurns - 1 ? mover.flush() : turn())
      }
      if (!measured) continue
      const perRow = ({ user, system }: NodeJS.CpuUsage) => ((user + system) / turns / turnRows).toFixed(2).padStart(9)
      const [all, main] = [process.cpuUsage(before), process.threadCpuUsage(mainBefore)]
      process.stdout.write(`${perRow(all)} µs a row, ${perRow(main)} of it in the main thread  ${name}\n`)
    }
  }
  await mover.stop(1_000)
} finally {
  await store.stop()
  await rm(directory, { recursive: true, force: true })
}

function rowOf(key: number, keys: number): LedgerRow {
  const endedAt = Date.now()
  const holders = {
    key: keys === 1 ? 'litellm_proxy_master_key' : `${key}`.padStart(64, '0'),
    keyAlias: '',
    user: 'default_user_id',
    team: keys === 1 ? '' : `team-${key % 50}`,
    organization: '',
    endUser: '',
  }
  const deployment = `deployment-${key % 4}`
  const names = [`api_key:${holders.key}`, `user:${holders.user}`, 'proxy:', 'model:gpt', 'provider:openai']
  names.push(`deployment:${deployment}`)
  if (holders.team !== '') names.push(`team:${holders.team}`)
  const call = settledCall({
    id: newId(),
    callId: newCallId(),
    startedAt: endedAt - 900,
    endedAt,
    holders,
    deployment,
    usage: { inputTokens: 24, outputTokens: 18 },
    cost: usdToNano(0.00024),
    breakdown: { input: 100_000, output: 140_000 },
  })
  return { call, charges: names.map((spender): Charge => ({ spender, window: undefined })) }
}
