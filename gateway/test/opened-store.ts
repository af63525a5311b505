import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Actor } from '../src/core/change.ts'
import { systemClock } from '../src/lib/clock.ts'
import type { Log } from '../src/lib/log.ts'
import { Secret } from '../src/lib/secret.ts'
import { type OpenedStore, openStore, type StoreOptions } from '../src/stores/open.ts'
import { type PostgresServer, startPostgres } from './databases.ts'

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
  place(): Promise<StorePlace>
  readonly server: PostgresServer | undefined
  stop(): Promise<void>
}

export const actor: Actor = { id: 'default_user_id', role: 'proxy_admin', via: 'POST /test' }

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

export function createSqliteKind(): StoreKind {
  return {
    name: 'SQLite',
    skip: () => false,
    async start() {},
    place: () => createPlace(undefined),
    server: undefined,
    async stop() {},
  }
}

export function createPostgresKind(): StoreKind {
  let server: PostgresServer | undefined
  return {
    name: 'PostgreSQL',
    skip: () => server === undefined && 'PostgreSQL is not installed',
    async start() {
      server = await startPostgres()
    },
    async place() {
      if (server === undefined) throw new Error('PostgreSQL is not installed')
      return createPlace(await server.createDatabase(`test_${randomBytes(6).toString('hex')}`))
    },
    get server() {
      return server
    },
    async stop() {
      await server?.stop()
    },
  }
}

async function createPlace(databaseUrl: string | undefined): Promise<StorePlace> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'midflight-store-'))
  const opened: OpenedStore[] = []
  return {
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
}
