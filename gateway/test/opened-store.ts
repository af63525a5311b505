import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, type TestContext } from 'node:test'
import type { Actor } from '../src/core/change.ts'
import type { Store } from '../src/core/store.ts'
import { systemClock } from '../src/lib/clock.ts'
import type { Log } from '../src/lib/log.ts'
import { Secret } from '../src/lib/secret.ts'
import { type OpenedStore, openStore, type StoreOptions } from '../src/stores/open.ts'
import { noPostgres, type PostgresServer, startPostgres } from './databases.ts'

/** A place for stores of one test: a data directory and, for PostgreSQL, a database of its own. */
export interface StorePlace {
  readonly dataDirectory: string
  readonly databaseUrl: string | undefined
  /** Not started yet. Several of one place are several replicas. */
  open(options?: Partial<StoreOptions>): OpenedStore
  /** Stops all that were opened and removes the place. */
  remove(): Promise<void>
}

export interface StoreKind {
  readonly name: 'SQLite' | 'PostgreSQL'
  /** Why it cannot be tested here. */
  skip(): string | false
  start(): Promise<void>
  /** What the test does not remove goes when the kind is stopped. */
  place(): Promise<StorePlace>
  /** Not before `start`; `undefined` for SQLite. */
  readonly server: PostgresServer | undefined
  stop(): Promise<void>
}

export const actor: Actor = { id: 'default_user_id', role: 'proxy_admin', via: 'POST /test' }

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

export function createSqliteKind(): StoreKind {
  const places: StorePlace[] = []
  return {
    name: 'SQLite',
    skip: () => false,
    async start() {},
    place: () => createPlace(undefined, places),
    server: undefined,
    stop: () => removeAll(places),
  }
}

export function createPostgresKind(): StoreKind {
  const places: StorePlace[] = []
  let server: PostgresServer | undefined
  return {
    name: 'PostgreSQL',
    skip: noPostgres,
    async start() {
      server = await startPostgres()
    },
    async place() {
      if (server === undefined) throw new Error('PostgreSQL is not started')
      return createPlace(await server.createDatabase(`test_${randomBytes(6).toString('hex')}`), places)
    },
    get server() {
      return server
    },
    async stop() {
      await removeAll(places)
      await server?.stop()
    },
  }
}

/** A suite on each kind of store, which is started before it and stopped after it; skipped where the kind is not installed. */
export function onEveryStore(named: string | SuiteOptions, suite: (kind: StoreKind) => void): void {
  const { title, ...options } = typeof named === 'string' ? { title: named } : named
  for (const kind of [createSqliteKind(), createPostgresKind()]) {
    onStore(kind, { title: `${title} on ${kind.name}`, ...options }, suite)
  }
}

/** The same, for what is true of one kind only. */
export function onStore(kind: StoreKind, named: string | SuiteOptions, suite: (kind: StoreKind) => void): void {
  const { title, ...options } = typeof named === 'string' ? { title: named } : named
  describe(title, { ...options, skip: kind.skip() }, () => {
    before(() => kind.start())
    after(() => kind.stop())
    suite(kind)
  })
}

interface SuiteOptions {
  readonly title: string
  /** How many of its tests run at once; default: one. */
  readonly concurrency?: number
}

/**
 * An empty place for each test of a suite whose tests run one after another.
 * @param prepare what each test starts with
 * @returns the place of the test that runs
 */
export function placeOfEachTest(kind: StoreKind, prepare?: (place: StorePlace) => Promise<void>): StorePlace {
  let current: StorePlace | undefined
  const place = () => current ?? assert.fail('no test runs')
  beforeEach(async () => {
    current = await kind.place()
    await prepare?.(current)
  })
  afterEach(async () => {
    await current?.remove()
    current = undefined
  })
  return {
    get dataDirectory() {
      return place().dataDirectory
    },
    get databaseUrl() {
      return place().databaseUrl
    },
    open: (options) => place().open(options),
    remove: () => place().remove(),
  }
}

/** A store on SQLite, started; it goes with the test. */
export async function startStore(context: Pick<TestContext, 'after'>): Promise<Store> {
  const place = await createSqliteKind().place()
  context.after(() => place.remove())
  const { store } = place.open()
  await store.start()
  return store
}

async function removeAll(places: readonly StorePlace[]): Promise<void> {
  await Promise.all(places.map((place) => place.remove()))
}

async function createPlace(databaseUrl: string | undefined, places: StorePlace[]): Promise<StorePlace> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'midflight-store-'))
  const opened: OpenedStore[] = []
  const place: StorePlace = {
    dataDirectory,
    databaseUrl,
    open(options = {}) {
      const store = openStore({
        databaseUrl,
        dataDirectory,
        saltKey: new Secret('sk-salt'),
        clock: systemClock,
        log: silentLog,
        ...options,
      })
      opened.push(store)
      return store
    },
    async remove() {
      await Promise.all(opened.map(({ store }) => store.stop()))
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
  places.push(place)
  return place
}
