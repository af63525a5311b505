import type { JsonObject } from '../lib/json.ts'
import type { ChangeOptions, ChangeResult } from './change.ts'
import type { KindName } from './resource.ts'
import type { StoredResource, Transaction } from './store.ts'

/**
 * The one way to change something by API. Both reject with GatewayError: `config_refused` with the problems,
 * `revision_conflict` (412), `change_conflict` (409, after three more tries on a fresh base), `store_unavailable` (503); nothing
 * is written then. When they resolve the change is in force in this process.
 *
 * A change that an earlier try of a claimed request has committed is not made again: what it returned then is returned, as JSON has
 * it. So whatever of an answer a repeat could not find again, a key that was drawn, is in the result.
 */
export interface Changes {
  /**
   * Changes what is in the snapshot: drafted on the stored resources, prepared as a whole, committed by compare-and-set, published.
   * @param edit may run more than once, so it only reads and writes the draft; refuses by throwing GatewayError
   */
  resources<Result>(
    options: ChangeOptions,
    edit: (draft: ResourceDraft) => Edited<Result> | Promise<Edited<Result>>,
  ): Promise<ChangeResult<Result>>
  /**
   * Changes who may call and what they may spend; no snapshot is built.
   * @param work may run more than once, so it only reads and writes the transaction
   */
  records<Result>(
    options: ChangeOptions,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<ChangeResult<Result>>
}

export interface Edited<Result> {
  readonly result: Result
  /** What belongs to the same change but is in records: done in the same commit. */
  readonly alongside?: (transaction: Transaction) => Promise<void>
}

/** The stored resources as they will be. Reads see the writes before them. */
export interface ResourceDraft {
  /** The revision it starts from. */
  readonly revision: number
  stored(kind: KindName, name: string): StoredResource | undefined
  storedOf(kind: KindName): readonly StoredResource[]
  /** What counts today under that name, whichever source declares it. */
  declared(kind: KindName, name: string): Declared | undefined
  /** The spec must hold LiteLLM's field names, references unresolved; it is checked when the whole is prepared. */
  put(kind: KindName, name: string, spec: JsonObject): void
  delete(kind: KindName, name: string): void
}

export interface Declared {
  /** `file`, `database`, `default` */
  readonly source: string
  /** `config.yaml:12:5`, `database` */
  readonly origin: string
  readonly spec: JsonObject
  /** The source of a value inside the spec: settings may be put together from several. */
  sourceOf(path: string): string
  /** `config.yaml:12:5` of a value inside the spec. */
  originOf(path: string): string
}
