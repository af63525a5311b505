import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { createChanges } from '../config/change.ts'
import type { Reconciler } from '../config/reconciler.ts'
import type { Changes } from '../core/changes.ts'
import { isError, problemToLine } from '../core/problem.ts'
import type { RecordId } from '../core/record.ts'
import type { Store } from '../core/store.ts'
import type { Directory } from '../directory/directory.ts'
import { systemClock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { version } from '../lib/version.ts'
import { confirmations } from '../replicas/confirmations.ts'
import { Feed, leaseMs } from '../replicas/feed.ts'
import type { DatabaseSource } from '../sources/database/source.ts'

/** This process among the others on its store: what it reads of their changes, and how its own reach them. */
export interface Replica {
  readonly id: string
  readonly feed: Feed
  readonly changes: Changes
  /** Under which address operators find it in the list of replicas. */
  listensAt(port: number): void
}

interface ReplicaOptions {
  /** `undefined`: a new one. */
  readonly replicaId: string | undefined
  readonly log: Log
  readonly store: Store
  readonly stored: DatabaseSource
  readonly reconciler: Reconciler
  /** Forgets the records that were changed. */
  readonly directory: Pick<Directory, 'invalidate'>
  readonly draining: () => boolean
  /** @param hinted whether a notification came before the change was found */
  readonly onApplied: (delayMs: number, hinted: boolean) => void
}

/** The store's feed into configuration and directory, and the changes that this replica makes. */
export function openReplica(options: ReplicaOptions): Replica {
  const { log, store, stored, reconciler, directory, draining, onApplied } = options
  const id = options.replicaId ?? randomUUID()
  const startedAt = systemClock.wall()
  let label = `${hostname()} pid ${process.pid}`
  const onRecords = (records: readonly RecordId[] | 'all') => directory.invalidate(records)
  const feed = new Feed({
    store,
    resources: stored,
    pull: () => reconciler.pull(stored.name),
    onRecords,
    onHead: (head) => reconciler.countFrom(head.revision),
    onApplied,
    describe: () => ({ id, label, version, startedAt, draining: draining(), ...stateOf(reconciler) }),
    clock: systemClock,
    random: Math.random,
    onUnexpected: (error) => log.error('replica.feed.failed', { error }),
  })
  const others = {
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
    confirmations: (revision, how) => confirmations(others, revision, how),
    report: (event, facts, cause) => log.error(event, { ...facts, error: cause }),
    random: Math.random,
  })
  return {
    id,
    feed,
    changes,
    listensAt(port) {
      label = `${hostname()}:${port} pid ${process.pid}`
    },
  }
}

/** What the replica's row says of its configuration. */
function stateOf(reconciler: Reconciler) {
  const { generation, hash, state, sources, problems } = reconciler.status()
  const refused = state === 'refused' ? problems.find(isError) : undefined
  const newest = sources.find(
    ({ name, version: seen, appliedVersion }) => name === 'database' && seen !== appliedVersion,
  )
  return {
    generation,
    hash,
    state,
    refusedRevision: newest?.version === undefined ? undefined : Number.parseInt(newest.version, 10),
    refusal: refused === undefined ? undefined : problemToLine(refused),
  }
}
