import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresServer } from '../../../test/databases.ts'
import { actor, createPostgresKind, onStore, placeOfEachTest, silentLog } from '../../../test/opened-store.ts'
import type { Store } from '../../core/store.ts'
import { systemClock } from '../../lib/clock.ts'
import { Secret } from '../../lib/secret.ts'
import { openStore } from '../open.ts'

onStore(createPostgresKind(), 'PostgreSQL that goes away', (kind) => {
  let store: Store
  let server: PostgresServer

  const place = placeOfEachTest(kind, async (empty) => {
    server = kind.server ?? assert.fail('PostgreSQL is started')
    store = empty.open().store
    await store.start()
  })

  const put = (id: string) => store.change({ actor }, (transaction) => transaction.putRecord('key', id, {}))

  /** @returns how long the refusal took, ms */
  async function refused(ask: () => Promise<unknown>): Promise<number> {
    const start = performance.now()
    await assert.rejects(ask(), { code: 'store_unavailable' })
    return performance.now() - start
  }

  async function until(holds: () => boolean, withinMs: number): Promise<number> {
    const start = performance.now()
    while (!holds()) {
      const tookMs = performance.now() - start
      assert.ok(tookMs < withinMs, `not within ${withinMs} ms`)
      await sleep(10)
    }
    return performance.now() - start
  }

  test('killed: everything is refused at once, and comes back by itself', async () => {
    const hints: string[] = []
    store.watch((what) => hints.push(what))
    await put('a')
    await server.kill()
    await refused(() => store.head())
    assert.equal(store.health.up, false)
    assert.ok(store.health.reason)
    for (const ask of [() => store.record('key', 'a'), () => put('b'), () => store.journal({ limit: 1 })]) {
      assert.ok((await refused(ask)) < 50)
    }
    hints.length = 0
    await server.start()
    await until(() => store.health.up, 3_000)
    assert.deepEqual(new Set(hints), new Set(['head', 'replica']), 'what was missed is hinted at')
    assert.equal((await store.head()).revision, 1)
    assert.equal((await put('b')).head.revision, 2)
    hints.length = 0
    await put('c')
    await until(() => hints.includes('head'), 1_000)
  })

  test('stopped in its tracks: everything is refused within 2 s, then at once', async () => {
    await put('a')
    server.pause()
    try {
      const refusals = await Promise.all([
        refused(() => store.head()),
        refused(() => store.record('key', 'a')),
        refused(() => put('b')),
        refused(() => store.readResources(0)),
        refused(() => store.replicas()),
      ])
      assert.ok(Math.max(...refusals) < 2_300, `${refusals}`)
      assert.ok((await refused(() => put('b'))) < 400)
      await sleep(300)
      assert.ok((await refused(() => put('b'))) < 50)
    } finally {
      server.resume()
    }
    await until(() => store.health.up, 3_000)
    assert.ok((await put('c')).head.revision > 1)
  })

  test('one that was not there at the start is found when it comes', async () => {
    const late = openStore({ ...storeOptions(), databaseUrl: await server.createDatabase('late') }).store
    await server.kill()
    const start = performance.now()
    await assert.rejects(late.start(), { code: 'store_unavailable' })
    assert.ok(performance.now() - start < 2_000)
    await server.start()
    await until(() => late.health.up, 3_000)
    assert.equal((await late.head()).revision, 0)
    await late.stop()
  })

  test('a change whose commit was not answered is told as what it became', async () => {
    const proxy = await startProxy(server.port)
    try {
      const { store: behind } = place.open({ databaseUrl: proxy.url(place.databaseUrl) })
      await behind.start()
      proxy.cutAt('COMMIT')
      const { head } = await behind.change({ actor }, (transaction) => transaction.putRecord('key', 'cut', {}))
      assert.equal(head.revision, 1)
      assert.ok(proxy.cuts > 0, 'the answer was lost')
      assert.equal((await store.record('key', 'cut'))?.revision, 1)
      proxy.cutAt('midflight_journal')
      await assert.rejects(
        behind.change({ actor }, (transaction) => transaction.putRecord('key', 'lost', {})),
        { code: 'store_unavailable' },
      )
      assert.equal(await store.record('key', 'lost'), undefined)
    } finally {
      await proxy.close()
    }
  })

  test('a connection that is cut while nobody uses it harms nobody', async () => {
    await put('a')
    await place.open().database.open()
    const { database } = place.open()
    await database.open()
    const hints: string[] = []
    store.watch((what) => hints.push(what))
    await until(() => hints.length > 0, 3_000)
    await database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    )
    // Not one of these is refused, whichever way the store learns of it.
    for (let asked = 0; asked < 20; asked += 1) {
      assert.equal((await store.record('key', 'a'))?.id, 'a')
      await sleep(10)
    }
  })

  test('a hint that never comes costs nothing but time', async () => {
    const proxy = await startProxy(server.port)
    try {
      const { store: behind } = place.open({ databaseUrl: proxy.url(place.databaseUrl) })
      await behind.start()
      // As behind a pooler that lends the connection to others: LISTEN is answered, and nothing comes.
      proxy.dropHints()
      let told = 0
      behind.watch(() => {
        told += 1
      })
      await sleep(300)
      told = 0
      await put('a')
      await sleep(300)
      assert.equal(told, 0)
      assert.equal((await behind.head()).revision, 1)
      assert.equal(behind.health.up, true)
    } finally {
      await proxy.close()
    }
  })

  test('a replica that stands still in the middle of a change holds up nobody for long', {
    timeout: 20_000,
  }, async () => {
    const proxy = await startProxy(server.port)
    try {
      const { store: behind } = place.open({ databaseUrl: proxy.url(place.databaseUrl) })
      await behind.start()
      let holds = () => {}
      const held = new Promise<void>((resolve) => {
        holds = resolve
      })
      const stuck = behind.change({ actor }, async (transaction) => {
        await transaction.putRecord('key', 'stuck', {})
        proxy.freeze()
        holds()
        await transaction.putRecord('key', 'stuck', { key_alias: 'never heard' })
      })
      stuck.catch(() => undefined)
      await held
      const start = performance.now()
      for (;;) {
        try {
          await put('other')
          break
        } catch (error) {
          assert.ok(performance.now() - start < 10_000, String(error))
        }
      }
      assert.equal(store.health.up, true, 'a lock is not an absence')
      await assert.rejects(stuck, { code: 'store_unavailable' })
      assert.equal(await store.record('key', 'stuck'), undefined)
    } finally {
      await proxy.close()
    }
  })

  test('wrong passwords and databases that are missing are told without the URL', async () => {
    const url = `postgresql://midflight:sk-canary@127.0.0.1:${server.port}/missing`
    const { store: other } = openStore({ ...storeOptions(), databaseUrl: url })
    await assert.rejects(other.start(), (error: Error) => {
      assert.match(error.message, /database "missing" does not exist/)
      assert.doesNotMatch(error.message, /canary/)
      return true
    })
    assert.doesNotMatch(JSON.stringify(other.health), /canary/)
    await other.stop()
  })

  function storeOptions() {
    const { dataDirectory } = place
    return { dataDirectory, saltKey: new Secret('sk-salt'), clock: systemClock, log: silentLog }
  }
})

interface Proxy {
  url(of: string | undefined): string
  /** The next time a client sends this, the server gets it and the client loses its connection. */
  cutAt(text: string): void
  dropHints(): void
  /** Bytes no longer pass, connections stay. */
  freeze(): void
  readonly cuts: number
  close(): Promise<void>
}

/** Stands between a store and its server, where a network would. */
async function startProxy(port: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let cut: string | undefined
  let cuts = 0
  let hintsPass = true
  let frozen = false
  const proxy: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    client.on('data', (bytes) => {
      if (frozen) return
      upstream.write(bytes)
      if (cut === undefined || !bytes.includes(cut)) return
      cut = undefined
      cuts += 1
      client.destroy()
      upstream.end()
    })
    upstream.on('data', (bytes) => {
      if (frozen || (!hintsPass && bytes[0] === 'A'.charCodeAt(0))) return
      if (!client.destroyed) client.write(bytes)
    })
    client.on('close', () => upstream.end())
    upstream.on('close', () => {
      if (!frozen) client.destroy()
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const own = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: (of = '') => of.replace(`:${port}/`, `:${own}/`),
    cutAt(text) {
      cut = text
    },
    dropHints() {
      hintsPass = false
    },
    freeze() {
      frozen = true
    },
    get cuts() {
      return cuts
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
