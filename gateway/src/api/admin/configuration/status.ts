import type { ConfigStatus, SourceStatus } from '../../../config/status.ts'
import type { Verdict } from '../../../core/resource.ts'
import type { ReplicaRow } from '../../../core/store.ts'

export function verdictToWire(verdict: Verdict) {
  return {
    applied: verdict.applied,
    revision: verdict.revision,
    generation: verdict.generation,
    problems: verdict.problems,
  }
}

export function statusToWire(status: ConfigStatus) {
  return {
    state: status.state,
    revision: status.revision,
    generation: status.generation,
    hash: status.hash ?? null,
    price_map: status.priceMap ?? null,
    sources: status.sources.map(sourceToWire),
    problems: status.problems,
    serving_stale_since: time(status.servingStaleSince),
    draining: status.draining.map(({ generation, revision, calls, since }) => ({
      generation,
      revision,
      calls,
      since: time(since),
    })),
    restart_required: status.restartRequired,
    last_good:
      status.lastGood === undefined
        ? null
        : {
            file: status.lastGood.file,
            revision: status.lastGood.revision ?? null,
            saved_at: time(status.lastGood.savedAt),
            problem: status.lastGood.problem ?? null,
          },
  }
}

function sourceToWire(source: SourceStatus) {
  return {
    name: source.name,
    version: source.version ?? null,
    observed_at: time(source.observedAt),
    applied_version: source.appliedVersion ?? null,
    applied_at: time(source.appliedAt),
    problems: source.problems,
  }
}

/** The way of rows from a call to the store. */
export interface LedgerHealth {
  /** Why the disk takes no rows. */
  readonly disk: string | undefined
  /** Why the store takes no rows. */
  readonly store: string | undefined
  /** On disk and not yet in the store. */
  readonly backlogBytes: number
  /** Rows can neither be written nor held any more: calls are refused. */
  readonly full: boolean
}

export function ledgerToWire({ disk, store, backlogBytes, full }: LedgerHealth) {
  return {
    state: full ? 'full' : disk === undefined && store === undefined ? 'up' : 'degraded',
    disk: disk ?? null,
    store: store ?? null,
    backlog_bytes: backlogBytes,
  }
}

/** Where limits are counted. */
export interface LimitHealth {
  readonly place: string
  readonly up: boolean
  /** Unix ms of the last change. */
  readonly since: number
  readonly reason: string | undefined
  /** What counts while the place is not up. */
  readonly fallback: string | undefined
}

export function limitsToWire({ place, up, since, reason, fallback }: LimitHealth) {
  return {
    place,
    state: up ? 'up' : 'degraded',
    since: time(since),
    reason: reason ?? null,
    fallback: fallback ?? null,
  }
}

/** @param self id of the replica that answers */
export function replicaToWire(row: ReplicaRow, self: string) {
  return {
    id: row.id,
    self: row.id === self,
    label: row.label,
    version: row.version,
    started_at: time(row.startedAt),
    revision: row.revision,
    generation: row.generation,
    hash: row.hash ?? null,
    state: row.state,
    refused_revision: row.refusedRevision ?? null,
    refusal: row.refusal ?? null,
    draining: row.draining,
    alive: row.leaseLeftMs > 0,
    seen_at: time(row.seenAt),
    lease_left_seconds: Math.max(0, row.leaseLeftMs) / 1000,
  }
}

function time(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString()
}
