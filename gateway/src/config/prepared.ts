import type { Generation, Revision } from '../core/brand.ts'
import { noPrices } from '../core/cost/price-book.ts'
import type { Deployment } from '../core/deployment.ts'
import type { InputUri } from '../core/input.ts'
import type { Problem } from '../core/problem.ts'
import type { KindName, Resource } from '../core/resource.ts'
import type { Entry } from './entry.ts'
import { priceMapName } from './kinds/price-map.ts'
import type { NameIndex } from './model-index.ts'
import type { DeclaredIndex, Snapshot } from './snapshot.ts'

/** A configuration that can serve. It holds everything it needs open until it is released. */
export interface Prepared {
  readonly hash: string
  /** Whether it differs from what it was prepared after: in a resource, or in an input that one of them reads. */
  readonly changed: boolean
  readonly compiled: number
  readonly reused: number
  readonly entries: Entries
  readonly models: NameIndex
  readonly deployments: ReadonlyMap<string, Deployment>
  readonly settings: Entry<'settings'>
  readonly settingsResource: Resource
  readonly declared: DeclaredIndex
  /** Warnings, and errors that are tolerated, at today's places, by source. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>
  /** Errors of single resources: each of them serves as it was last accepted, or is left out. */
  readonly tolerated: readonly Problem[]
  /** What it read of the outside, to be watched. */
  readonly uris: ReadonlySet<InputUri>
  /** Idempotent. */
  release(): void
}

export type Entries = { readonly [Name in KindName]: ReadonlyMap<string, Entry<Name>> }

export type Outcome =
  | { readonly accepted: true; readonly prepared: Prepared }
  | {
      readonly accepted: false
      /** Every problem, by the source whose layer has it. The sources with an error are refused. */
      readonly problems: ReadonlyMap<string, readonly Problem[]>
      readonly uris: ReadonlySet<InputUri>
    }

/** A prepared configuration under its numbers, ready to be published. */
export function snapshotOf(prepared: Prepared, revision: number, generation: number): Snapshot {
  return Object.freeze({
    // Numbered by the one loop, the only caller.
    revision: revision as Revision,
    generation: generation as Generation,
    hash: prepared.hash,
    models: prepared.models,
    settings: prepared.settings.value.settings,
    prices: prepared.entries['price-map'].get(priceMapName)?.value.book ?? noPrices,
    deployments: prepared.deployments,
    declared: prepared.declared,
  })
}
