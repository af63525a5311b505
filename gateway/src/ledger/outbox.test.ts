import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Mover } from './mover.ts'
import { Outbox, type OutboxOptions } from './outbox.ts'
import { touchLock } from './segment-files.ts'

const clock = { now: () => performance.now() }
const opened: (() => unknown)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'outbox-'))
  opened.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function outboxIn(path: string, options: Partial<OutboxOptions> = {}): Outbox {
  return new Outbox({ directory: path, owner: 'a', clock, ...options })
}

/** A store that keeps each row once, and is away when it is told to be. */
function sink() {
  const rows = new Map<string, unknown>()
  let received = 0
  return {
    rows,
    away: false,
    get received() {
      return received
    },
    async append(text: string) {
      if (this.away) throw new Error('the store is away')
      const batch: { id: string }[] = JSON.parse(text)
      received += batch.length
      for (const row of batch) rows.set(row.id, row)
    },
  }
}

function row(id: number, text = ''): string {
  return JSON.stringify({ id: String(id), text })
}

test('a row is in the file when append returns, in any script, and as long as it may be', () => {
  const path = directory()
  const outbox = outboxIn(path)
  opened.push(() => outbox.close())
  outbox.append(row(1, 'größer 😀'))
  outbox.append(row(2, 'x'.repeat(300_000)))
  const [first, second, end] = readFileSync(outbox.segments[0]?.path ?? '', 'utf8').split('\n')
  assert.equal(first, row(1, 'größer 😀'))
  assert.equal(second, row(2, 'x'.repeat(300_000)))
  assert.equal(end, '')
})

test('all rows reach the store once, over many files, and the files are removed', async () => {
  const path = directory()
  const outbox = outboxIn(path, { segmentBytes: 1_000 })
  const store = sink()
  const mover = new Mover({ outbox, sink: store, report: () => undefined, clock })
  for (let id = 0; id < 500; id += 1) outbox.append(row(id))
  await mover.flush()
  for (let id = 500; id < 700; id += 1) outbox.append(row(id))
  await mover.stop(1_000)
  assert.equal(store.rows.size, 700)
  assert.equal(store.received, 700)
  assert.deepEqual(readdirSync(path), [])
})

test('while the store is away rows wait on disk, and go when it is back', async () => {
  const path = directory()
  const outbox = outboxIn(path)
  const store = sink()
  const events: string[] = []
  const mover = new Mover({ outbox, sink: store, report: (event) => events.push(event), clock, everyMs: 5 })
  opened.push(() => mover.stop(1_000))
  store.away = true
  mover.start()
  outbox.append(row(1))
  while (mover.failure === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(mover.backlogBytes > 0)
  store.away = false
  while (mover.failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual([...store.rows.keys()], ['1'])
  assert.equal(mover.backlogBytes, 0)
  assert.deepEqual(events, ['ledger.store.failed', 'ledger.store.back'])
})

test('a line that is no row is left out and told, the rows around it are kept', async () => {
  const path = directory()
  const outbox = outboxIn(path)
  const store = sink()
  const events: string[] = []
  const mover = new Mover({ outbox, sink: store, report: (event) => events.push(event), clock })
  outbox.append(row(1))
  outbox.append('{"id":"torn')
  outbox.append(row(2))
  await mover.stop(1_000)
  assert.deepEqual([...store.rows.keys()], ['1', '2'])
  assert.deepEqual(events, ['ledger.row.unreadable'])
})

test('every row that a killed process was told is durable is moved by the next one, and its half line is not', async () => {
  const path = directory()
  const script = `
    import { Outbox } from ${JSON.stringify(import.meta.resolve('./outbox.ts'))}
    const outbox = new Outbox({ directory: ${JSON.stringify(path)}, owner: 'killed', clock: { now: () => 0 } })
    for (let id = 0; ; id += 1) {
      outbox.append(JSON.stringify({ id: String(id) }))
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
  writeFileSync(join(path, 'killed-000009.jsonl'), '{"id":"half')

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
  const path = directory()
  const other = outboxIn(path, { owner: 'b' })
  opened.push(() => other.close())
  other.append(row(1))
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

const noMount = mountRefusal()

test('a full disk keeps rows in memory, says so, and takes all of them when there is room', { skip: noMount }, () => {
  const path = directory()
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path])
  opened.push(() => spawnSync('umount', [path]))
  const filler = join(path, 'filler')
  const states: boolean[] = []
  const outbox = outboxIn(path, { maxPendingBytes: 10_000, onDisk: ({ failing }) => states.push(failing) })
  opened.push(() => outbox.close())
  outbox.append(row(0))
  assert.throws(() => writeFileSync(filler, Buffer.alloc(100_000)))
  let id = 0
  while (!outbox.full) {
    id += 1
    outbox.append(row(id, 'x'.repeat(500)))
  }
  assert.match(outbox.failure ?? '', /ENOSPC/)
  rmSync(filler)
  outbox.retry()
  assert.equal(outbox.full, false)
  assert.equal(outbox.failure, undefined)
  assert.deepEqual(states, [true, false])
  const kept = readFileSync(outbox.segments[0]?.path ?? '', 'utf8')
    .trimEnd()
    .split('\n')
  assert.deepEqual(
    kept.map((line) => JSON.parse(line).id),
    Array.from({ length: id + 1 }, (_, index) => String(index)),
  )
})

/** Why no small file system can be mounted here; `false` when it can. */
function mountRefusal(): string | false {
  const path = mkdtempSync(join(tmpdir(), 'outbox-mount-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path]).status === 0
  if (mounted) spawnSync('umount', [path])
  rmSync(path, { recursive: true, force: true })
  return mounted ? false : 'a file system of 64 kB can be mounted by root only'
}

test('the row of a call that ends after the outbox is in no other file, and is not lost', async () => {
  const path = directory()
  const early = outboxIn(path, { owner: 'early' })
  early.append('{"id":"one"}')
  early.close()
  // Takes the number that the outbox's descriptor had.
  const other = join(path, 'other')
  const descriptor = openSync(other, 'a')
  early.append('{"id":"late"}')
  closeSync(descriptor)
  assert.equal(readFileSync(other, 'utf8'), '')

  const store = sink()
  const next = outboxIn(path, { owner: 'next' })
  const mover = new Mover({ outbox: next, sink: store, clock, report: () => undefined, everyMs: 10 })
  mover.start()
  while (store.rows.size < 2) await sleep(10)
  await mover.stop(1_000)
  assert.deepEqual([...store.rows.keys()].sort(), ['late', 'one'])
})

test('a lock that somebody removed is taken again, and a directory that is gone ends no process', () => {
  const path = directory()
  outboxIn(path).close()
  touchLock(path, 'a', Date.now())
  assert.ok(readdirSync(path).includes('a.lock'))
  touchLock(join(path, 'gone'), 'a', Date.now())
})
