import type { PriceLoader } from '../core/cost/price-loader.ts'
import type { Inputs } from '../core/input.ts'
import type { Problem } from '../core/problem.ts'
import type { Layer, Source, Verdict } from '../core/resource.ts'
import type { Clock } from '../lib/clock.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import type { Sealer } from './kept-resource.ts'
import type { Numbering } from './numbering.ts'
import type { Slot } from './slot.ts'
import type { Snapshot } from './snapshot.ts'
import type { ConfigStatus } from './status.ts'

export interface ConfiguredSource {
  readonly source: Source
  /** Nothing is built before it has spoken. */
  readonly required: boolean
}

export interface ReconcilerOptions {
  /** Lowest precedence first: of two resources with one kind and name the later source's counts. */
  readonly sources: readonly ConfiguredSource[]
  readonly inputs: Inputs
  readonly slot: Slot
  readonly openPool: (origin: string) => UpstreamPool
  /** Absent: every price is unknown. */
  readonly prices?: PriceLoader
  /** Where `last-good.json` is kept; `undefined` keeps none. */
  readonly dataDirectory: string | undefined
  /** Seals what `last-good.json` has of a store; without it nothing of a store is kept there. */
  readonly sealer?: Sealer
  readonly clock: Clock
  /** Where revisions come from; they are counted here without. */
  readonly numbering?: Numbering
  /** Called after each publish, to drop the state of deployments that no snapshot names any more. */
  readonly retain?: (snapshot: Snapshot) => void
  /** Told of every turn that changed something or was refused; for the log and the metrics. */
  readonly onTurn?: (turn: Turn) => void
  /** Told of what should not happen: a defect of the gateway, or connections that do not close. Default: a process warning. */
  readonly onUnexpected?: (error: unknown) => void
}

/** One pass of the loop that had an effect. */
export type Turn =
  | {
      readonly type: 'accepted'
      readonly snapshot: Snapshot
      readonly problems: readonly Problem[]
      /** Of the whole preparation, ms; other work of the process runs in between. */
      readonly durationMs: number
      readonly compiled: number
      readonly reused: number
    }
  | {
      readonly type: 'refused'
      readonly problems: readonly Problem[]
      /** Sources whose newest content was refused. */
      readonly sources: readonly string[]
      readonly durationMs: number
    }
  /** Nothing is refused any more: what serves is what the sources say, be it new or what it was before. */
  | { readonly type: 'recovered'; readonly revision: number }
  /** The last accepted configuration could not be kept on disk, or could not be read at start. */
  | { readonly type: 'last-good-failed'; readonly problem: Problem }

/** The one loop: everything that changes the configuration enters here, and only here is a snapshot published. */
export interface Reconciler {
  /**
   * Starts the sources and inputs and takes the first turn. Resolves with its verdict; when nothing could be accepted and
   * no last-good copy exists `applied` is false and the slot stays empty until a later offer is accepted.
   */
  start(): Promise<Verdict>
  /**
   * Reads all sources and inputs again and answers what came of it. Callers that ask while a refresh runs share the next one.
   * @param options.force accept a layer even if most of its deployments have vanished
   */
  refresh(options?: { readonly force?: boolean }): Promise<Verdict>
  /** Reads one source again and answers what came of it. @returns as well what it is now, `undefined` while it is away */
  pull(source: string): Promise<Layer | undefined>
  /**
   * Gives `work` the loop's turn: nothing else is published until it ends. What was offered before is published first.
   * Rejects as `work` does.
   * @param newest of a source, read just now
   */
  turn<Result>(newest: Layer, work: (desk: Desk) => Promise<Result>): Promise<Result>
  /** The store's head. Where it is behind what was counted here while it was away, it is moved on. */
  countFrom(revision: number): Promise<void>
  status(): ConfigStatus
  /**
   * To be called after the last call has ended: stops sources and inputs, finishes the last-good copy, retires the running
   * snapshot and waits until its connections are closed.
   */
  stop(): Promise<void>
}

/** What may be done in a turn of one's own. */
export interface Desk {
  /** The running snapshot; `undefined` while nothing serves. */
  readonly served: Snapshot | undefined
  readonly verdict: Verdict
  /**
   * Prepares what serves with this layer, accepted by rows, in place of its source's. Refused when that brings an error that was
   * not there before, in whichever source.
   */
  prepare(layer: Layer): Promise<Candidate>
}

/** A configuration that could serve, to be published or released; or why it cannot. */
export type Candidate =
  | { readonly accepted: false; readonly problems: readonly Problem[] }
  | {
      readonly accepted: true
      /** Warnings that were not there before. */
      readonly problems: readonly Problem[]
      /** Names that callers could use. */
      readonly models: readonly string[]
      /** @param layer the same resources, as the store has them now */
      publish(layer: Layer, revision: number): Snapshot
      release(): void
    }
