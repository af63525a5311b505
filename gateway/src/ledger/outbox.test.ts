import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { scratchDirectory } from '../../test/scratch.ts'
import { settledCall } from '../../test/settled-calls.ts'
import { mountSmallDisk, noSmallDisk } from '../../test/small-disk.ts'
import type { LedgerBlock } from '../core/ledger/block.ts'
import { type LedgerRow, lineOf } from '../core/ledger/row.ts'
import { usdToNano } from '../core/money.ts'
import { Mover } from './mover.ts'
import { Outbox, type OutboxOptions } from './outbox.ts'
import { touchLock } from './outbox-files.ts'

const clock = { now: () => performance.now() }
const opened: (() => unknown)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

function outboxIn(path: string, options: Partial<OutboxOptions> = {}): Outbox {
  return new Outbox({ directory: path, owner: 'a', clock, ...options })
}

/** A store that keeps each block once, and is away when it is told to be. */
function sink() {
  const rows = new Map<string, unknown[]>()
  const numbers = new Map<string, number>()
  const blocks: LedgerBlock[] = []
  return {
    rows,
    blocks,
    away: false,
    async append(block: LedgerBlock) {
      if (this.away) throw new Error('the store is away')
      if (block.number <= (numbers.get(block.writer) ?? 0)) return
      numbers.set(block.writer, block.number)
      // The outbox uses its memory again.
      blocks.push({ ...block, lines: Buffer.from(block.lines) })
      const lines = Buffer.from(block.lines).toString().split('\n')
      assert.equal(lines.pop(), '', 'whole lines')
      assert.equal(lines.length, block.tally.calls)
      for (const line of lines) {
        const cells: unknown[] = JSON.parse(line)
        const id = String(cells[0])
        assert.equal(rows.has(id), false, `row ${id} came twice`)
        rows.set(id, cells)
      }
    },
  }
}

function row(id: number | string, text = ''): LedgerRow {
  return { call: settledCall({ id: String(id), requestedModel: text }), charges: [] }
}

function line(id: number | string): string {
  return `${lineOf(row(id))}\n`
}

test('a row is in the file when append returns, in any script, and as long as it may be', () => {
  const path = scratchDirectory()
  const outbox = outboxIn(path)
  opened.push(() => outbox.close())
  const long = row(2)
  const tooLong = { ...long, call: { ...long.call, apiBase: 'x'.repeat(300_000) } }
  outbox.append([row(1, 'größer 😀')])
  outbox.append([tooLong, row(3)])
  const [first, second, third, end] = readFileSync(outbox.files[0]?.path ?? '', 'utf8').split('\n')
  assert.equal(first, lineOf(row(1, 'größer 😀')))
  assert.equal(second, lineOf(tooLong))
  assert.equal(third, lineOf(row(3)))
  assert.equal(end, '')
})

test('all rows reach the store once, over many files, and the files are removed', async () => {
  const path = scratchDirectory()
  const outbox = outboxIn(path, { fileBytes: 1_000 })
  const store = sink()
  const mover = new Mover({ outbox, sink: store, report: () => undefined, clock })
  for (let id = 0; id < 500; id += 1) outbox.append([row(id)])
  await mover.flush()
  for (let id = 500; id < 700; id += 1) outbox.append([row(id)])
  await mover.stop(1_000)
  assert.equal(store.rows.size, 700)
  assert.deepEqual(readdirSync(path), [])
})

test('a full file goes on its way at once', async () => {
  const outbox = outboxIn(scratchDirectory(), { fileBytes: 1_000 })
  const store = sink()
  const mover = new Mover({ outbox, sink: store, report: () => undefined, clock, everyMs: 60_000 })
  mover.start()
  await sleep(20)
  for (let id = 0; id < 10; id += 1) outbox.append([row(id)])
  while (store.rows.size < 8) await sleep(5)
  await mover.stop(1_000)
  assert.equal(store.rows.size, 10)
})

test('a block is the same whether its sums are still known or are counted again', async () => {
  const path = scratchDirectory()
  const store = sink()
  const rows = Array.from({ length: 40 }, (_, id) => {
    const { call } = row(id)
    const charges = [{ spender: 'user:ann', window: { start: 1, end: 2 } }]
    return { call: { ...call, cost: usdToNano(0.001 * id), tags: id % 3 === 0 ? ['a'] : [] }, charges }
  })
  const outbox = outboxIn(path, { fileBytes: 1_000 })
  const mover = new Mover({ outbox, sink: store, report: () => undefined, clock })
  store.away = true
  for (const each of rows) outbox.append([each])
  assert.ok(outbox.files.some(({ tally, closed }) => closed && tally !== undefined))
  assert.ok(outbox.files.some(({ tally, closed }) => closed && tally === undefined))
  await assert.rejects(mover.flush())
  store.away = false
  await mover.stop(1_000)
  const calls = store.blocks.reduce((sum, { tally }) => sum + tally.calls, 0)
  const spent = store.blocks.flatMap(({ tally }) => [...tally.spends.entries()])
  assert.equal(calls, 40)
  assert.equal(
    spent.reduce((sum, { amount }) => sum + amount, 0),
    usdToNano(0.78),
  )
  assert.deepEqual(
    [...store.rows.keys()],
    rows.map(({ call }) => call.id),
  )
})

test('while the store is away rows wait on disk, and go when it is back', async () => {
  const path = scratchDirectory()
  const outbox = outboxIn(path)
  const store = sink()
  const events: string[] = []
  const mover = new Mover({ outbox, sink: store, report: (event) => events.push(event), clock, everyMs: 5 })
  opened.push(() => mover.stop(1_000))
  store.away = true
  mover.start()
  outbox.append([row(1)])
  while (mover.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(mover.backlogBytes > 0)
  store.away = false
  while (mover.failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual([...store.rows.keys()], ['1'])
  assert.equal(mover.backlogBytes, 0)
  assert.deepEqual(events, ['ledger.store.failed', 'ledger.store.back'])
})

test('a line that is no row is left out and told, the rows around it are kept', async () => {
  const path = scratchDirectory()
  const outbox = outboxIn(path)
  const store = sink()
  const events: string[] = []
  const mover = new Mover({ outbox, sink: store, report: (event) => events.push(event), clock })
  writeFileSync(join(path, 'dead-000001.jsonl'), `${line(1)}{"id":"torn\n${line(2)}`)
  mover.start()
  while (store.rows.size < 2) await sleep(5)
  await mover.stop(1_000)
  assert.deepEqual([...store.rows.keys()], ['1', '2'])
  assert.deepEqual(events, ['ledger.row.unreadable', 'ledger.orphan.moved'])
})

test('every row that a killed process was told is durable is moved by the next one, and its half line is not', async () => {
  const path = scratchDirectory()
  const script = `
    import { Outbox } from ${JSON.stringify(import.meta.resolve('./outbox.ts'))}
    import { settledCall } from ${JSON.stringify(import.meta.resolve('../../test/settled-calls.ts'))}
    const outbox = new Outbox({ directory: ${JSON.stringify(path)}, owner: 'killed', clock: { now: () => 0 } })
    for (let id = 0; ; id += 1) {
      outbox.append([{ call: settledCall({ id: String(id) }), charges: [] }])
      process.stdout.write(id + '\\n')
      if (id % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  for await (const chunk of child.stdout) {
    told += String(chunk)
    if (told.length > 20_000) break
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  const last = told.slice(0, told.lastIndexOf('\n')).split('\n').length - 1
  writeFileSync(join(path, 'killed-000009.jsonl'), line('half').slice(0, -5))

  const outbox = outboxIn(path)
  const store = sink()
  const mover = new Mover({ outbox, sink: store, report: () => undefined, clock, everyMs: 5 })
  mover.start()
  while (readdirSync(path).some((name) => name.startsWith('killed'))) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await mover.stop(1_000)
  for (let id = 0; id <= last; id += 1) assert.ok(store.rows.has(String(id)), `row ${id} of ${last} is lost`)
  assert.ok(!store.rows.has('half'))
})

test('the files of a process that lives are left to it', async () => {
  const path = scratchDirectory()
  const other = outboxIn(path, { owner: 'b' })
  opened.push(() => other.close())
  other.append([row(1)])
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  opened.push(() => child.kill('SIGKILL'))
  writeFileSync(join(path, 'b.lock'), JSON.stringify({ pid: child.pid, host: hostname() }))
  const store = sink()
  const mover = new Mover({ outbox: outboxIn(path), sink: store, report: () => undefined, clock, everyMs: 5 })
  mover.start()
  await new Promise((resolve) => setTimeout(resolve, 100))
  await mover.stop(1_000)
  assert.equal(store.rows.size, 0)
})

test('a full disk keeps rows in memory, says so, and takes all of them when there is room', {
  skip: noSmallDisk(),
}, () => {
  const path = scratchDirectory()
  const unmount = mountSmallDisk(path, 64)
  opened.push(() => unmount?.())
  const filler = join(path, 'filler')
  const states: boolean[] = []
  const outbox = outboxIn(path, { maxPendingBytes: 10_000, onDisk: ({ failing }) => states.push(failing) })
  opened.push(() => outbox.close())
  outbox.append([row(0)])
  assert.throws(() => writeFileSync(filler, Buffer.alloc(100_000)))
  let id = 0
  while (!outbox.full) {
    id += 1
    outbox.append([row(id, 'x'.repeat(500))])
  }
  assert.match(outbox.failure ?? '', /ENOSPC/)
  rmSync(filler)
  outbox.retry()
  assert.equal(outbox.full, false)
  assert.equal(outbox.failure, undefined)
  assert.deepEqual(states, [true, false])
  const kept = readFileSync(outbox.files[0]?.path ?? '', 'utf8')
    .trimEnd()
    .split('\n')
  assert.deepEqual(
    kept.map((text) => JSON.parse(text)[0]),
    Array.from({ length: id + 1 }, (_, index) => String(index)),
  )
})

test('the row of a call that ends after the outbox is in no other file, and is not lost', async () => {
  const path = scratchDirectory()
  const early = outboxIn(path, { owner: 'early' })
  early.append([row('one')])
  early.close()
  // Takes the number that the outbox's descriptor had.
  const other = join(path, 'other')
  const descriptor = openSync(other, 'a')
  early.append([row('late')])
  early.append([row('later')])
  closeSync(descriptor)
  assert.equal(readFileSync(other, 'utf8'), '')

  const store = sink()
  const next = outboxIn(path, { owner: 'next' })
  const mover = new Mover({ outbox: next, sink: store, clock, report: () => undefined, everyMs: 10 })
  mover.start()
  while (store.rows.size < 3) await sleep(10)
  await mover.stop(1_000)
  assert.deepEqual([...store.rows.keys()], ['one', 'late', 'later'])
})

test('a lock that somebody removed is taken again, and a directory that is gone ends no process', () => {
  const path = scratchDirectory()
  outboxIn(path).close()
  touchLock(path, 'a', Date.now())
  assert.ok(readdirSync(path).includes('a.lock'))
  touchLock(join(path, 'gone'), 'a', Date.now())
})
