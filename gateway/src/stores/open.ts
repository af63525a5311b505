import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { Secret } from '../lib/secret.ts'
import { createDatabase } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { migrate } from './migrate.ts'
import { migrations as allMigrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { createPostgresDriver } from './postgres/driver.ts'
import { createSeal, type Seal } from './seal.ts'
import type { SqlDatabase } from './sql.ts'
import { createSqliteDriver } from './sqlite/driver.ts'
import { createStore } from './store.ts'

export interface StoreOptions {
  /** `DATABASE_URL`: `postgres://…`, `postgresql://…`, `sqlite:/path`, `file:/path`; `undefined`: SQLite in the data directory. */
  readonly databaseUrl: string | undefined
  readonly dataDirectory: string
  /** `LITELLM_SALT_KEY`, else the master key. */
  readonly saltKey: Secret
  /** `LITELLM_SALT_KEY_PREVIOUS`: what was sealed with these still opens. */
  readonly previousSaltKeys?: readonly Secret[]
  readonly clock: Clock
  readonly log: Log
  /** `false` (`MIDFLIGHT_DISABLE_NOTIFY=1`): no hints, so that replicas find changes only when they look. */
  readonly hints?: boolean
  /** Default: all. */
  readonly migrations?: readonly Migration[]
}

export interface OpenedStore {
  readonly store: Store
  /** For the other parts that keep something; it opens and closes with the store. */
  readonly database: SqlDatabase
  readonly seal: Seal
}

/**
 * Nothing is connected before `store.start()`.
 * @throws Error for a URL of another database
 */
export function openStore(options: StoreOptions): OpenedStore {
  const { clock, log, migrations = allMigrations } = options
  const database = createDatabase({
    driver: driverOf(options),
    clock,
    log,
    prepare: (access) => migrate(access, migrations),
  })
  const seal = createSeal(options.saltKey, options.previousSaltKeys)
  return { store: createStore(database, seal), database, seal }
}

function driverOf({ databaseUrl, dataDirectory, hints = true }: StoreOptions): SqlDriver {
  if (databaseUrl === undefined || databaseUrl === '') {
    return createSqliteDriver({ file: join(dataDirectory, 'midflight.db'), hints })
  }
  const scheme = /^([a-z0-9+]+):/i.exec(databaseUrl)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'postgres':
    case 'postgresql':
      return createPostgresDriver({ url: databaseUrl, hints })
    case 'file':
      return createSqliteDriver({ file: pathOf(databaseUrl), hints })
    case 'sqlite':
      return createSqliteDriver({ file: pathOf(databaseUrl.replace('sqlite:', 'file:')), hints })
    default:
      throw new Error(
        `DATABASE_URL ${scheme === undefined ? 'is not a URL' : `starts with \`${scheme}:\``}; write postgresql://user:password@host:5432/name, or leave it out for SQLite`,
      )
  }
}

/** `file:/data/a.db` and `file:///data/a.db` are absolute, `file:a.db` is not. */
function pathOf(url: string): string {
  const rest = url.slice('file:'.length)
  return rest.startsWith('/') ? fileURLToPath(url) : rest
}
