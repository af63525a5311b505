import type { JsonObject } from '../lib/json.ts'
import type { Actor, Alteration, JournalEntry } from './change.ts'
import type { ClaimedChange, Claims } from './claim.ts'
import type { Problem } from './problem.ts'
import type { RecordId, RecordKind, RecordQuery, StoredRecord } from './record.ts'
import type { KindName } from './resource.ts'

/** How far the desired state has come. Revisions are handed out in the order of commits: who has read n has seen all before. */
export interface Head {
  readonly revision: number
  /** The last revision that changed a resource; compare-and-set works on it. */
  readonly resourceRevision: number
  /** How long ago the revision was committed, ms by the store's clock; 0 or absent before the first. */
  readonly ageMs?: number
}

/** A resource as it was declared by API. `spec` has its secrets in the clear: the store seals them at rest. */
export interface StoredResource {
  readonly kind: KindName
  readonly name: string
  readonly spec: JsonObject
  /** Of its last change. */
  readonly revision: number
  /** A tombstone: replicas that read only what is new learn from it that the resource is gone. Its spec is empty. */
  readonly deleted: boolean
  /** Unix milliseconds. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly createdBy: string
  readonly updatedBy: string
  /** Why the spec could not be opened, e.g. `sealed under another salt key`; it is empty then. Such a row is left out and reported. */
  readonly unreadable?: string
}

/** One consistent read of what changed after a revision. */
export interface ResourceDelta {
  readonly head: Head
  /**
   * Everything that is there, without tombstones; what is not listed is gone. So it is after 0, and when the revision is too old, or
   * newer than the head (a restored backup), to tell what differs.
   */
  readonly whole?: boolean
  readonly resources: readonly StoredResource[]
}

export interface RecordDelta {
  readonly head: Head
  /** `undefined`: too many to tell, or too long ago: forget all. */
  readonly changed: readonly RecordId[] | undefined
}

/** What a replica tells of itself; the row lives until its lease has run out for an hour. */
export interface ReplicaReport {
  readonly id: string
  /** `host:port pid`, for people. */
  readonly label: string
  readonly version: string
  readonly startedAt: number
  /** Everything up to it is in force on the replica. */
  readonly revision: number
  readonly generation: number
  /** Hash of the running snapshot. */
  readonly hash: string | undefined
  /** `synced`, `degraded`, `refused` … as `/config/status` says. */
  readonly state: string
  readonly refusedRevision: number | undefined
  readonly refusal: string | undefined
  readonly draining: boolean
  /** For how long the replica may act on what it knows without asking again, ms from the report. */
  readonly leaseMs: number
}

export interface ReplicaRow extends ReplicaReport {
  /** By the store's clock, Unix ms. */
  readonly seenAt: number
  /** What is left of the lease by the store's clock; 0 or less: none. */
  readonly leaseLeftMs: number
}

/**
 * The authority over the desired state: SQLite in the data directory, or PostgreSQL.
 * Every method rejects with GatewayError `store_unavailable` (503) when the database does not answer in time.
 */
export interface Store {
  readonly dialect: 'sqlite' | 'postgres'
  /** Whether the last word from the database was an answer, and since when (Unix ms). */
  readonly health: { readonly up: boolean; readonly since: number; readonly reason: string | undefined }
  /** Connects and migrates; rejects when it cannot, and keeps trying in the background: `health` tells when it came up. */
  start(): Promise<void>
  stop(): Promise<void>
  head(): Promise<Head>
  readResources(after: number): Promise<ResourceDelta>
  readChangedRecords(after: number): Promise<RecordDelta>
  record(kind: RecordKind, id: string): Promise<StoredRecord | undefined>
  records(query: RecordQuery): Promise<{ readonly records: readonly StoredRecord[]; readonly total: number }>
  /**
   * Runs the work with the head locked, so that changes follow one another; commits when it resolves and something was
   * written, else rolls back. What was written is journalled in the same commit. `work` may run more than once.
   * @param options.dryRun roll back in any case
   * @param options.above the revision will be greater than this too: a replica counted on by itself while the store was away
   */
  change<Result>(
    options: { readonly actor: Actor; readonly dryRun?: boolean; readonly above?: number },
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly head: Head; readonly alterations: readonly Alteration[] }>
  journal(query: { readonly before?: number; readonly limit: number }): Promise<readonly JournalEntry[]>
  journalOf(revision: number): Promise<JournalEntry | undefined>
  /** Keeps a change that was refused. */
  recordRefusal(actor: Actor, alterations: readonly Alteration[], problems: readonly Problem[]): Promise<void>
  report(replica: ReplicaReport): Promise<void>
  /** A replica that leaves for good. */
  forget(replica: string): Promise<void>
  replicas(): Promise<readonly ReplicaRow[]>
  /**
   * Calls back when the head may have moved, or a replica may have reported; also after each reconnect. A hint: it may come
   * late, twice or never.
   */
  watch(onHint: (what: 'head' | 'replica') => void): () => void
  readonly claims: Claims
}

/** Reads and writes of one change. Reads see the writes before them. */
export interface Transaction {
  /** As it was before this change. */
  readonly head: Head
  /** What this change will be if it writes anything. */
  readonly revision: number
  /** Unix milliseconds, the same for all rows of the change. */
  readonly now: number
  record(kind: RecordKind, id: string): Promise<StoredRecord | undefined>
  records(query: RecordQuery): Promise<{ readonly records: readonly StoredRecord[]; readonly total: number }>
  /** Creates or replaces; who and when it was created stay. */
  putRecord(kind: RecordKind, id: string, body: JsonObject): Promise<StoredRecord>
  /** @returns what was there */
  deleteRecord(kind: RecordKind, id: string): Promise<StoredRecord | undefined>
  resource(kind: KindName, name: string): Promise<StoredResource | undefined>
  putResource(kind: KindName, name: string, spec: JsonObject): Promise<StoredResource>
  deleteResource(kind: KindName, name: string): Promise<StoredResource | undefined>
  /** What the journal is to keep besides the alterations. */
  note(facts: { readonly problems?: readonly Problem[]; readonly reverts?: number }): void
  /**
   * Keeps, sealed and in the same commit, what the change came to for the next try of its request.
   * @param result what is JSON of it is there again
   * @throws GatewayError `idempotency_in_progress` when another try has taken the request over: then nothing may be committed
   */
  keep(change: ClaimedChange, result: unknown): Promise<void>
}
