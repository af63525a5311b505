import type { TestContext } from 'node:test'
import { kinds } from '../src/config/kinds/index.ts'
import { storeNumbering } from '../src/config/numbering.ts'
import { createReconciler } from '../src/config/reconcile.ts'
import type { Reconciler, Turn } from '../src/config/reconciler.ts'
import { Slot } from '../src/config/slot.ts'
import type { Changes } from '../src/core/changes.ts'
import type { PriceLoader } from '../src/core/cost/price-loader.ts'
import type { RecordId } from '../src/core/record.ts'
import type { Store } from '../src/core/store.ts'
import { systemClock } from '../src/lib/clock.ts'
import { Secret } from '../src/lib/secret.ts'
import type { Feed } from '../src/replicas/feed.ts'
import { DatabaseSource } from '../src/sources/database/source.ts'
import { type OpenedStore, openStore } from '../src/stores/open.ts'
import { openReplica } from '../src/wiring/replica.ts'
import { CountedPools, type Declaration, layerOf, PlayedInputs, PlayedSource } from './control-plane.ts'
import { silentLog } from './opened-store.ts'
import { scratchDirectory } from './scratch.ts'

/** One replica's control plane over a real store, without HTTP: what `app.ts` wires, in the process of the test. */
export interface Replica {
  readonly id: string
  readonly store: Store
  readonly opened: OpenedStore
  readonly stored: DatabaseSource
  readonly reconciler: Reconciler
  readonly feed: Feed
  readonly changes: Changes
  readonly slot: Slot
  readonly file: PlayedSource
  readonly inputs: PlayedInputs
  readonly turns: Turn[]
  /** What records it was told to forget. */
  readonly forgotten: (readonly RecordId[] | 'all')[]
  readonly delays: number[]
  start(): Promise<void>
  stop(): Promise<void>
  models(): readonly string[]
}

export interface ReplicaOptions {
  /** Default: SQLite in the data directory. */
  readonly databaseUrl?: string | undefined
  readonly dataDirectory?: string
  readonly declaration?: Declaration
  readonly hints?: boolean
  readonly saltKey?: string
  /** Where price maps come from; default: every price is unknown. */
  readonly prices?: (opened: OpenedStore) => PriceLoader
  /** Keeps `last-good.json`. Default: none is kept. */
  readonly lastGood?: string
  /** In place of the store that is opened, e.g. one that fails when it is told to. */
  readonly wrap?: (store: Store) => Store
}

let count = 0

export function createReplica(context: TestContext, options: ReplicaOptions = {}): Replica {
  count += 1
  const id = `replica-${count}`
  const opened = openStore({
    databaseUrl: options.databaseUrl,
    dataDirectory: options.dataDirectory ?? scratchDirectory(),
    saltKey: new Secret(options.saltKey ?? 'sk-salt'),
    clock: systemClock,
    log: silentLog,
    ...(options.hints === undefined ? {} : { hints: options.hints }),
  })
  const store = options.wrap?.(opened.store) ?? opened.store
  const stored = new DatabaseSource({ store, identity: 'test', kinds: new Set(kinds.map(({ name }) => name)) })
  const file = new PlayedSource(layerOf(options.declaration ?? {}))
  const inputs = new PlayedInputs()
  const pools = new CountedPools()
  const slot = new Slot()
  const turns: Turn[] = []
  const forgotten: (readonly RecordId[] | 'all')[] = []
  const delays: number[] = []
  const reconciler = createReconciler({
    sources: [
      { source: file, required: true },
      { source: stored, required: false },
    ],
    numbering: storeNumbering(store),
    inputs,
    slot,
    openPool: pools.openPool,
    ...(options.prices === undefined ? {} : { prices: options.prices(opened) }),
    dataDirectory: options.lastGood,
    sealer: opened.seal,
    clock: systemClock,
    onTurn: (turn) => turns.push(turn),
    onUnexpected: (error) => process.emitWarning(String(error)),
  })
  const { feed, changes } = openReplica({
    replicaId: id,
    log: { ...silentLog, error: (event, facts) => process.emitWarning(`${event}: ${String(facts?.error)}`) },
    store,
    stored,
    reconciler,
    directory: { invalidate: (records) => void forgotten.push(records) },
    draining: () => false,
    onApplied: (delayMs) => delays.push(delayMs),
  })
  let stopping: Promise<void> | undefined
  const replica: Replica = {
    id,
    store,
    opened,
    stored,
    reconciler,
    feed,
    changes,
    slot,
    file,
    inputs,
    turns,
    forgotten,
    delays,
    async start() {
      await store.start().catch(() => undefined)
      await reconciler.start()
      await feed.start()
    },
    stop() {
      stopping ??= feed
        .stop()
        .then(() => reconciler.stop())
        .then(() => store.stop())
      return stopping
    },
    models: () => slot.current?.models.names ?? [],
  }
  context.after(() => replica.stop())
  return replica
}

/** Waits until it is so; the number of ms it took. */
export async function until(isSo: () => boolean, withinMs: number, what: string): Promise<number> {
  const startedAt = performance.now()
  while (!isSo()) {
    if (performance.now() - startedAt > withinMs) throw new Error(`${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return performance.now() - startedAt
}
