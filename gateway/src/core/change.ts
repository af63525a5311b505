import type { JsonObject } from '../lib/json.ts'
import type { ClaimedChange } from './claim.ts'
import type { Problem } from './problem.ts'
import type { RecordKind } from './record.ts'
import type { KindName, Verdict } from './resource.ts'
import type { Role } from './role.ts'

/** Who changes something. */
export interface Actor {
  /** `default_user_id` for the master key; the user of the key, else the key's hash; `file`, `signal` for what is no caller. */
  readonly id: string
  readonly role: Role
  /** `POST /model/new`, `file config.yaml`. */
  readonly via: string
}

/** One resource or record that a change touched. Secrets are redacted wherever this is shown. */
export interface Alteration {
  readonly kind: KindName | RecordKind
  readonly name: string
  readonly action: 'create' | 'update' | 'delete'
  /** Spec or body before and after; absent where there is none. */
  readonly before?: JsonObject
  readonly after?: JsonObject
  /** Of a journal entry whose secrets do not open any more: why; they are left out. */
  readonly unreadable?: string
}

/** What was asked and what came of it; kept for every accepted or refused change. */
export interface JournalEntry {
  /** Number of the entry, growing. */
  readonly id: number
  /** The revision it made; `undefined` when it was refused. */
  readonly revision: number | undefined
  /** Unix milliseconds. */
  readonly at: number
  readonly actor: Actor
  readonly alterations: readonly Alteration[]
  readonly problems: readonly Problem[]
  /** The revision that this change undid, if it was a revert. */
  readonly reverts: number | undefined
}

/** How a change is to be made; the same for every route that changes something. */
export interface ChangeOptions {
  readonly actor: Actor
  /** `If-Match`: only while this is the head revision, else `revision_conflict` (412). */
  readonly ifMatch?: number
  /** `?dry_run=true`: everything but the commit. */
  readonly dryRun?: boolean
  /** Answer when every live replica runs it, or after so long, ms (`?wait=all&timeout=5s`; shorter without it); absent: at once. */
  readonly waitMs?: number
  /** Answer only when no replica can act on the old state any more: deleted and blocked keys. */
  readonly revocation?: boolean
  /** `Idempotency-Key`: asked once for each change of the request. */
  readonly claimed?: () => ClaimedChange
}

/** What a change did. */
export interface ChangeResult<Result> extends Verdict {
  /** What the edit returned. */
  readonly result: Result
  /** What differs; of a dry run, what would. */
  readonly alterations: readonly Alteration[]
  /** Of a dry run of resources: names that callers could use and cannot now, and the other way round. */
  readonly effect?: { readonly modelsAdded: readonly string[]; readonly modelsRemoved: readonly string[] }
  /** With `waitMs` or `revocation`: what each replica runs. */
  readonly replicas?: readonly ReplicaConfirmation[]
}

export interface ReplicaConfirmation {
  readonly id: string
  /** The last revision it is known to run. */
  readonly revision: number
  /** `applied`; `lease-expired`: silent, but it serves nothing from memory any more; `pending`: not within the time. */
  readonly state: 'applied' | 'lease-expired' | 'pending'
}
