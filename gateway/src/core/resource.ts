import type { JsonObject } from '../lib/json.ts'
import type { InputUri } from './input.ts'
import type { Problem } from './problem.ts'

/** The kinds of resource, in link order: a kind refers only to kinds above it. */
export type KindName = 'credential' | 'deployment' | 'alias' | 'price-map' | 'settings'

/**
 * What the operator declared, as its source wrote it: one unit of reuse across generations. The specs by kind:
 * - `credential`, named by `credential_name`: the entry of `credential_list`
 * - `deployment`, named by its id (`model_info.id`, else the hash of the declaration): the entry of `model_list`
 * - `alias`, named by the alias: `{ model, hidden?, first? }`; `first` is set for `litellm_settings.model_alias_map`,
 *   whose aliases win over models of the same name, and not for `router_settings.model_group_alias`
 * - `price-map`, one resource named `prices`: which map serves, by its hash, and when it is looked for again
 * - `settings`, one resource named `gateway`: `{ litellm_settings?, router_settings?, general_settings?, environment_variables? }`
 */
export interface Resource {
  readonly kind: KindName
  /** Unique within the kind. A deployment's name is its id. */
  readonly name: string
  /** Plain JSON with LiteLLM's field names. References (`os.environ/X`, `file:/x`) are not resolved. */
  readonly spec: JsonObject
  /** Content hash of `spec`: the same hash is the same resource. */
  readonly hash: string
  /** `config.yaml:12:5`. Not part of the hash: moving a resource does not change it. */
  readonly origin: string
  /** Where it stands in its document, e.g. `model_list[3]`; '' for the document's root (settings). Not part of the hash. */
  readonly path: string
  /**
   * Origin of a value inside the spec by its path (`litellm_params.model`, `router_settings.fallbacks[0].gpt-4[1]`);
   * the nearest enclosing value's, in the end `origin`, where the path itself is not declared.
   */
  originOf(path: string): string
}

/**
 * Everything one source declares. An empty list without errors is a real, empty layer.
 * A source that cannot be read offers a layer whose problems say why: it is refused, so the last accepted layer stays.
 */
export interface Layer {
  readonly source: string
  /** Version of the content, e.g. the sha256 of all files read. The same version is the same layer. */
  readonly version: string
  readonly resources: readonly Resource[]
  /** All that is wrong with the content. One `error` refuses the layer as a whole, unless it is accepted by rows. */
  readonly problems: readonly Problem[]
  /**
   * What is accepted or refused at once. Default: the whole layer. `rows`: each resource by itself; one with an error keeps what
   * was last accepted under its name, or is left out, and the error is reported.
   */
  readonly acceptance?: 'whole' | 'rows'
  /** Of a layer that is read from a store: the last revision that changed it. */
  readonly revision?: number
  /**
   * What may differ from another layer, for one that keeps count: replaced where it stood, added at the end. The work of a change is
   * then that of what changed. `undefined`: not known; compare all.
   */
  changesSince?(earlier: Layer): readonly LayerChange[] | undefined
}

/** A resource as it is now; `undefined`: the layer declares none of that name. */
export interface LayerChange {
  readonly kind: KindName
  readonly name: string
  readonly resource: Resource | undefined
}

/** What a change did. Returned by every way of changing, journalled, and shown by `/config/status`. */
export interface Verdict {
  /** Whether the state asked for is the one that serves; true as well when it already served. */
  readonly applied: boolean
  /** Of the state that serves now; 0 while none does. */
  readonly revision: number
  readonly generation: number
  readonly problems: readonly Problem[]
}

/** A place where resources are declared. It pokes the one loop by offering its complete layer. */
export interface Source {
  readonly name: string
  /**
   * What tells it from another source of that name, e.g. the file's absolute path: the last good configuration of another
   * one must not serve in its place. Absent: the name alone.
   */
  readonly identity?: string
  /** Inputs that decide what it declares. When one of them changes it is refreshed. */
  readonly inputs?: ReadonlySet<InputUri>
  /**
   * Starts watching; resolves after the first offer, which is made also when the first read has failed. A source that may be
   * away for long (a database) makes no offer then: what was last accepted of it goes on counting, and `trouble` says why.
   */
  start(offer: (layer: Layer) => void): Promise<void>
  /**
   * Reads now and answers what it read, with the reason in the layer's problems when it cannot be read.
   * `undefined`: it is away, and has nothing to offer yet.
   */
  refresh(): Promise<Layer | undefined>
  /** Why it cannot be read at present; `undefined` while it can. Never an `error`: what it offered last goes on serving. */
  readonly trouble?: Problem | undefined
  stop(): Promise<void>
}

/** A source that always has something to say, be it why it cannot be read. */
export interface ReadableSource extends Source {
  refresh(): Promise<Layer>
}
