import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { scratchDirectory } from '../../test/scratch.ts'
import { settledCall } from '../../test/settled-calls.ts'
import type { LedgerBlock } from '../core/ledger/block.ts'
import { type LedgerRow, lineOf } from '../core/ledger/row.ts'
import { Mover } from './mover.ts'
import { Outbox } from './outbox.ts'

const opened: (() => unknown)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

function row(id: number | string): LedgerRow {
  return { call: settledCall({ id: String(id) }), charges: [] }
}

const line = (id: number | string) => `${lineOf(row(id))}\n`

/** A mover between an outbox and a store that notes the ids it is given, and is away when it is told to be. */
function moverIn(path: string) {
  const outbox = new Outbox({ directory: path, owner: 'a', clock: performance })
  const ids: string[] = []
  const events: string[] = []
  const store = {
    away: false,
    async append({ lines }: LedgerBlock) {
      if (this.away) throw new Error('the store is away')
      const texts = Buffer.from(lines).toString().trimEnd().split('\n')
      ids.push(...texts.map((text) => String(JSON.parse(text)[0])))
    },
  }
  const report = (event: string, facts: Readonly<Record<string, unknown>>) =>
    void events.push([event, ...Object.values(facts)].join(' '))
  const mover = new Mover({ outbox, sink: store, report, clock: performance, everyMs: 5 })
  opened.push(() => mover.stop(1_000))
  return { outbox, mover, store, ids, events }
}

test('who asks for rows again and again while the store is away makes no file each time', async () => {
  const path = scratchDirectory()
  const { outbox, mover, store, ids } = moverIn(path)
  store.away = true
  for (let id = 0; id < 20; id += 1) {
    outbox.append([row(id)])
    await assert.rejects(mover.flush(), /away/)
  }
  assert.ok(outbox.files.length <= 3, `${outbox.files.length} files`)
  store.away = false
  await mover.flush()
  assert.deepEqual(
    ids,
    Array.from({ length: 20 }, (_, id) => String(id)),
  )
})

test('an orphan that cannot be read is told, and holds up neither others nor the rows of this process', async () => {
  const path = scratchDirectory()
  mkdirSync(join(path, 'broken-000001.jsonl'))
  writeFileSync(join(path, 'broken-000002.jsonl'), line('behind'))
  writeFileSync(join(path, 'dead-000001.jsonl'), line('dead'))
  const { outbox, mover, ids, events } = moverIn(path)
  outbox.append([row('own')])
  mover.start()
  while (ids.length < 2) await sleep(5)
  await sleep(20)
  assert.deepEqual(ids, ['own', 'dead'])
  assert.equal(mover.failure, undefined)
  assert.equal(events.length, 2)
  assert.match(events[0] ?? '', /^ledger\.orphan\.failed broken EISDIR/)
  assert.equal(events[1], 'ledger.orphan.moved dead 1')
  assert.ok(readdirSync(path).includes('broken-000002.jsonl'), 'it waits for the one before')
})

test('files are left to a process whose lock cannot be read now', async () => {
  const path = scratchDirectory()
  writeFileSync(join(path, 'b-000001.jsonl'), line(1))
  // As with too many open files: reading it fails, and it is there.
  symlinkSync(join(path, 'b.lock'), join(path, 'b.lock'))
  const { mover, ids } = moverIn(path)
  mover.start()
  await sleep(50)
  assert.deepEqual(ids, [])
})

const noStart = process.platform === 'linux' ? false : 'the start of a process is told on Linux only'

test('a lock of a process whose number is another one’s by now is not held', { skip: noStart }, async () => {
  const path = scratchDirectory()
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  opened.push(() => child.kill('SIGKILL'))
  const { pid } = child
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  for (const [owner, start] of [
    ['living', started],
    ['gone', '1'],
    ['unsaid', undefined],
  ] as const) {
    writeFileSync(join(path, `${owner}.lock`), JSON.stringify({ pid, host: hostname(), started: start }))
    writeFileSync(join(path, `${owner}-000001.jsonl`), line(owner))
  }
  const { mover, ids } = moverIn(path)
  mover.start()
  await sleep(50)
  assert.deepEqual(ids, ['gone'])
})

test('files that an older version left behind are told as unreadable, and nothing of them is misread', async () => {
  const path = scratchDirectory()
  const day = '2026-11-20'
  const older = [
    ['id-1', 'call-1', day, Date.UTC(2026, 10, 20), Date.UTC(2026, 10, 20), null, 'key', 'alias', 'ann'],
    { id: 'id-2', callId: 'call-2', startedAt: Date.UTC(2026, 10, 20) },
  ]
  writeFileSync(join(path, 'old-000001.jsonl'), older.map((each) => `${JSON.stringify(each)}\n`).join(''))
  writeFileSync(join(path, 'old-000002.jsonl'), `${JSON.stringify(older[0])}\n${line('new')}`)
  const { mover, ids, events } = moverIn(path)
  mover.start()
  while (ids.length < 1) await sleep(5)
  await sleep(20)
  assert.deepEqual(ids, ['new'])
  assert.deepEqual(events, ['ledger.row.unreadable 2', 'ledger.row.unreadable 1', 'ledger.orphan.moved old 2'])
})
