import type { TestContext } from 'node:test'
import { createChanges } from '../src/config/change.ts'
import { kinds } from '../src/config/kinds/index.ts'
import { storeNumbering } from '../src/config/numbering.ts'
import { createReconciler } from '../src/config/reconcile.ts'
import type { Reconciler, Turn } from '../src/config/reconciler.ts'
import { Slot } from '../src/config/slot.ts'
import type { Actor } from '../src/core/change.ts'
import type { Changes } from '../src/core/changes.ts'
import type { PriceLoader } from '../src/core/cost/price-loader.ts'
import type { RecordId } from '../src/core/record.ts'
import type { Store } from '../src/core/store.ts'
import { systemClock } from '../src/lib/clock.ts'
import { Secret } from '../src/lib/secret.ts'
import { confirmations } from '../src/replicas/confirmations.ts'
import { Feed, leaseMs } from '../src/replicas/feed.ts'
import { DatabaseSource } from '../src/sources/database/source.ts'
import { type OpenedStore, openStore } from '../src/stores/open.ts'
import { CountedPools, type Declaration, layerOf, PlayedInputs, PlayedSource } from './control-plane.ts'
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
  readonly databaseUrl?: string
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

export const actor: Actor = { id: 'default_user_id', role: 'proxy_admin', via: 'POST /test' }

let count = 0

export function createReplica(context: TestContext, options: ReplicaOptions = {}): Replica {
  count += 1
  const id = `replica-${count}`
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const opened = openStore({
    databaseUrl: options.databaseUrl,
    dataDirectory: options.dataDirectory ?? scratchDirectory(),
    saltKey: new Secret(options.saltKey ?? 'sk-salt'),
    clock: systemClock,
    log,
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
  const onUnexpected = (error: unknown) => process.emitWarning(String(error))
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
    onUnexpected,
  })
  const onRecords = (records: readonly RecordId[] | 'all') => void forgotten.push(records)
  const feed = new Feed({
    store,
    resources: stored,
    pull: () => reconciler.pull(stored.name),
    onRecords,
    onHead: ({ revision }) => reconciler.countFrom(revision),
    onApplied: (delayMs) => delays.push(delayMs),
    describe() {
      const { generation, hash, state } = reconciler.status()
      const shown = { label: id, version: '0', startedAt: 0, refusedRevision: undefined, refusal: undefined }
      return { id, generation, hash, state, draining: false, ...shown }
    },
    clock: systemClock,
    random: Math.random,
    onUnexpected,
  })
  const waiting = {
    store,
    id,
    clock: systemClock,
    onReplica: (listener: () => void) => feed.onReplica(listener),
    leaseMs,
  }
  const changes = createChanges({
    store,
    layer: stored,
    reconciler,
    onRecords,
    onCommitted: (head) => feed.committed(head),
    confirmations: (revision, how) => confirmations(waiting, revision, how),
    random: Math.random,
    report: (event, _facts, cause) => process.emitWarning(`${event}: ${String(cause)}`),
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
