import type { Generation, Revision } from '../core/brand.ts'
import type { Declared } from '../core/changes.ts'
import type { PriceBook } from '../core/cost/price-book.ts'
import type { Deployment, ModelGroup } from '../core/deployment.ts'
import type { KindName } from '../core/resource.ts'
import type { Settings } from '../core/settings.ts'

/** All resources, compiled and cross-checked: one generation. Immutable; a call holds the one it started with. */
export interface Snapshot {
  readonly revision: Revision
  readonly generation: Generation
  /** Hash over every resource's kind, name and content: equal hashes are equal configurations. */
  readonly hash: string
  readonly models: ModelIndex
  readonly settings: Settings
  readonly prices: PriceBook
  readonly deployments: ReadonlyMap<string, Deployment>
  readonly declared: DeclaredIndex
}

/** The snapshot's resources as they were declared: references unresolved, secrets in the clear. For management only. */
export interface DeclaredIndex {
  readonly kinds: readonly KindName[]
  get(kind: KindName, name: string): Declared | undefined
  /** In declaration order. */
  names(kind: KindName): Iterable<string>
}

/** What a requested name means, and the name to send upstream for each deployment of the group. */
export interface Resolution {
  readonly group: ModelGroup
  /** What the `*` of a wildcard name matched; `undefined` for exact names. */
  readonly wildcard: string | undefined
}

/** Names to model groups: exact names and ids, aliases, wildcards (most specific first), provider model names. */
export interface ModelIndex {
  resolve(name: string): Resolution | undefined
  /** Public names to list: exact groups and visible aliases in declaration order, then wildcard patterns. */
  readonly names: readonly string[]
  readonly wildcards: readonly string[]
}
