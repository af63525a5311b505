import type { Generation, Revision } from '../core/brand.ts'
import { noPrices } from '../core/cost/price-book.ts'
import type { PriceLoader } from '../core/cost/price-loader.ts'
import type { Deployment } from '../core/deployment.ts'
import type { Inputs, InputUri } from '../core/input.ts'
import type { Problem } from '../core/problem.ts'
import type { KindName, Layer, Resource } from '../core/resource.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import type { ContentHash } from './content-hash.ts'
import type { DeclaredKinds } from './declared.ts'
import type { Entry } from './entry.ts'
import type { Failed, Remark } from './findings.ts'
import type { Holding } from './holding.ts'
import { priceMapName } from './kinds/price-map.ts'
import type { Merged } from './merge.ts'
import type { NameIndex } from './model-index.ts'
import type { DeclaredIndex, Snapshot } from './snapshot.ts'
import type { UsagePool } from './usage-pool.ts'

/** What preparing needs of the process. */
export interface Workshop {
  readonly inputs: Inputs
  readonly pool: UsagePool
  readonly openPool: (origin: string) => UpstreamPool
  /** Absent where nothing is to be costed: every price is unknown then. */
  readonly prices?: PriceLoader
}

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
  /** Told that it is about to serve by who publishes it. */
  readonly holding: Holding
  readonly basis: Basis
  /** Idempotent. */
  release(): void
}

/** What it was made from, for what is made from it. */
export interface Basis {
  readonly layers: readonly Layer[]
  /** Counts the changes of inputs; `undefined`: not known. */
  readonly inputsAt: number | undefined
  readonly declared: DeclaredKinds
  readonly shadowed: Merged['shadowed']
  readonly remarks: readonly Remark[]
  readonly failed: readonly Failed[]
  /** Of every input that an entry has read. */
  readonly versions: ReadonlyMap<InputUri, string>
  readonly content: ContentHash
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
