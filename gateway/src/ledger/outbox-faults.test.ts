import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  open,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { scratchDirectory } from '../../test/scratch.ts'
import { settledCall } from '../../test/settled-calls.ts'
import { type LedgerRow, lineOf } from '../core/ledger/row.ts'
import { Outbox } from './outbox.ts'

const opened: (() => unknown)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

function row(id: number | string, apiBase = ''): LedgerRow {
  return { call: settledCall({ id: String(id), apiBase }), charges: [] }
}

/** Why one cannot see which files this process has open; `false` where one can. */
const noDescriptors = process.platform === 'linux' ? false : 'descriptors are listed on Linux only'

function openFiles(under: string): readonly string[] {
  const links = readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)]
    } catch {
      return []
    }
  })
  return links.filter((path) => path.startsWith(under))
}

test('a hundred thousand rows that waited for the disk are written at once when it is back', () => {
  const path = join(scratchDirectory(), 'gone')
  const outbox = new Outbox({ directory: path, owner: 'a', clock: { now: () => 0 }, fileBytes: 2 ** 30 })
  opened.push(() => outbox.close())
  outbox.append([row('first')])
  rmSync(path, { recursive: true })
  outbox.rotate()
  assert.match(outbox.failure ?? '', /ENOENT/)
  let rows = 1
  for (; !outbox.full; rows += 1) outbox.append([row(rows)])
  assert.ok(rows > 100_000)
  mkdirSync(path)
  const from = performance.now()
  outbox.retry()
  const tookMs = performance.now() - from
  assert.equal(outbox.failure, undefined)
  assert.ok(tookMs < 1_500, `${rows} rows took ${tookMs} ms`)
})

test('closed files that wait for the store hold no descriptors', { skip: noDescriptors }, async () => {
  const path = scratchDirectory()
  const outbox = new Outbox({ directory: path, owner: 'a', clock: performance })
  opened.push(() => outbox.close())
  outbox.append([row(1)])
  while (openFiles(path).length === 0) await sleep(5)
  // Synced while it was written, and not written since.
  await sleep(1_200)
  outbox.rotate()
  await sleep(1_200)
  assert.deepEqual(openFiles(path), [outbox.files[1]?.path])
})

test('a descriptor that is a socket by the time a removed file would be synced is no failing disk', {
  skip: noDescriptors,
}, async () => {
  const path = scratchDirectory()
  const fifo = join(path, 'fifo')
  spawnSync('mkfifo', [fifo])
  const failures: (string | undefined)[] = []
  const outbox = new Outbox({
    directory: path,
    owner: 'a',
    clock: performance,
    onDisk: ({ reason }) => failures.push(reason),
  })
  opened.push(() => outbox.close())
  outbox.append([row(1)])
  // Nothing else gets a thread until somebody writes.
  const threads = Array.from(
    { length: Number(process.env.UV_THREADPOOL_SIZE ?? 4) },
    () =>
      new Promise<number>((resolve, reject) => open(fifo, 'r', (error, fd) => (error ? reject(error) : resolve(fd)))),
  )
  await sleep(1_200)
  outbox.rotate()
  outbox.removed(outbox.files[0]?.path ?? '')
  const servers = Array.from({ length: 4 }, () => createServer().listen(0, '127.0.0.1'))
  opened.push(() => servers.map((server) => server.close()))
  await sleep(20)
  spawnSync('sh', ['-c', `exec 3<>${fifo}; sleep 0.2`])
  for (const descriptor of await Promise.all(threads)) closeSync(descriptor)
  await sleep(100)
  assert.deepEqual(failures, [])
})

test('the file of a call that ends late is seen whole or not at all', async () => {
  const path = scratchDirectory()
  const outbox = new Outbox({ directory: path, owner: 'a', clock: performance })
  outbox.close()
  // Another process, which adopts what it finds.
  const reader = new Worker(
    `const { readdirSync, readFileSync } = process.getBuiltinModule('node:fs')
     const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
     let half = 0
     const isHalf = (name) => {
       if (!name.endsWith('.jsonl') || name === 'a-000001.jsonl') return false
       try {
         return !readFileSync(workerData + '/' + name, 'utf8').endsWith('\\n')
       } catch {
         return false
       }
     }
     const read = () => {
       half += readdirSync(workerData).filter(isHalf).length
       parentPort.postMessage(half)
       setImmediate(read)
     }
     read()`,
    { eval: true, workerData: path },
  )
  opened.push(() => reader.terminate())
  let half: unknown
  reader.on('message', (count: unknown) => {
    half = count
  })
  while (half === undefined) await sleep(5)
  for (let n = 0; n < 40; n += 1) {
    outbox.append([row(n, 'x'.repeat(2_000_000))])
    await sleep(1)
    rmSync(outbox.files.at(-1)?.path ?? '')
  }
  await sleep(50)
  assert.equal(half, 0)
})

const noLimits = limitsRefusal()

test('half a write that cannot be cut off is cut off before the next', { skip: noLimits }, () => {
  const path = scratchDirectory()
  const script = `
    import { spawnSync } from 'node:child_process'
    import { Outbox } from ${JSON.stringify(import.meta.resolve('./outbox.ts'))}
    import { settledCall } from ${JSON.stringify(import.meta.resolve('../../test/settled-calls.ts'))}
    const outbox = new Outbox({ directory: ${JSON.stringify(path)}, owner: 'a', clock: { now: () => 0 } })
    const file = outbox.files[0].path
    const append = (id) => outbox.append([{ call: settledCall({ id }), charges: [] }])
    if (process.argv[1] === 'rows') append('first')
    spawnSync('chattr', ['+a', file])
    outbox.append([{ call: settledCall({ id: 'long', apiBase: 'x'.repeat(5000) }), charges: [] }])
    if (outbox.failure === undefined) throw new Error('the disk took it')
    spawnSync('chattr', ['-a', file])
    spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited'])
    append('last')
    outbox.retry()
    if (outbox.failure !== undefined) throw new Error(outbox.failure)
    outbox.close()`
  for (const before of ['rows', 'nothing']) {
    const { status, stderr } = spawnSync(
      'prlimit',
      ['--fsize=3000:unlimited', process.execPath, '--input-type=module', '-e', script, before],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    const texts = readdirSync(path)
      .sort()
      .flatMap((name) => readFileSync(join(path, name), 'utf8').trimEnd().split('\n'))
    const ids = texts.map((text) => JSON.parse(text)[0])
    assert.deepEqual(ids, before === 'rows' ? ['first', 'long', 'last'] : ['long', 'last'])
    for (const name of readdirSync(path)) rmSync(join(path, name))
  }
})

/** Why a write cannot be made to fail half-way, and its file be kept from being cut; `false` when it can. */
function limitsRefusal(): string | false {
  const path = mkdtempSync(join(tmpdir(), 'outbox-limits-'))
  const file = join(path, 'file')
  writeFileSync(file, lineOf(row(1)))
  const works = spawnSync('chattr', ['+a', file]).status === 0 && spawnSync('prlimit', ['--version']).status === 0
  spawnSync('chattr', ['-a', file])
  rmSync(path, { recursive: true, force: true })
  return works ? false : 'only root can make a file append-only, on some file systems'
}
