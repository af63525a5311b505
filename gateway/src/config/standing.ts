import type { Problem } from '../core/problem.ts'
import type { Verdict } from '../core/resource.ts'
import type { Clock } from '../lib/clock.ts'
import { priceMapName } from './kinds/price-map.ts'
import type { LastGood } from './last-good.ts'
import type { LayerTable } from './layer-table.ts'
import type { Publication } from './publication.ts'
import { type ConfigStatus, distinct, stateOf } from './status.ts'

interface StandingOptions {
  readonly layers: LayerTable
  readonly publication: Publication
  readonly lastGood: LastGood | undefined
  readonly clock: Clock
  /** Of sources that are away. */
  readonly troubles: () => readonly Problem[]
}

/** How things stand: what serves, and what keeps the newest from serving. */
export class Standing {
  readonly #options: StandingOptions
  /** Of what serves, by source. */
  warnings: ReadonlyMap<string, readonly Problem[]> = new Map()
  /** Why the last turn could not even be finished. */
  failure: Problem | undefined
  #staleSince: number | undefined

  constructor(options: StandingOptions) {
    this.#options = options
  }

  /** Whether something newer than what serves is known and was refused. */
  get isStale(): boolean {
    return this.failure !== undefined || this.#options.layers.outstanding.size > 0
  }

  /** Counts from now on for how long it has been so. @returns whether it was, and is not any more */
  settle(): boolean {
    const wasStale = this.#staleSince !== undefined
    this.#staleSince = this.isStale ? (this.#staleSince ?? this.#options.clock.wall()) : undefined
    return wasStale && this.#staleSince === undefined
  }

  /** What keeps the newest from serving, then the warnings of what serves. */
  get problems(): readonly Problem[] {
    const { layers, publication, troubles } = this.#options
    return distinct([
      this.failure === undefined ? [] : [this.failure],
      ...layers.outstanding.values(),
      troubles(),
      ...this.warnings.values(),
      publication.restartProblems,
    ])
  }

  get verdict(): Verdict {
    const { layers, publication } = this.#options
    const { served, revision, generation } = publication
    const applied = served !== undefined && !this.isStale && !layers.servesFromDisk
    return { applied, revision, generation, problems: this.problems }
  }

  status(): Omit<ConfigStatus, 'draining'> {
    const { layers, publication, lastGood, troubles } = this.#options
    const { served, revision, generation, restartRequired } = publication
    return {
      state: stateOf(served?.deployments.size, {
        fromDisk: layers.servesFromDisk,
        stale: this.isStale,
        impaired: layers.servesPresumed || troubles().length > 0 || (served?.tolerated.length ?? 0) > 0,
      }),
      revision,
      generation,
      hash: served?.hash,
      priceMap: served?.entries['price-map'].get(priceMapName)?.value.book.hash,
      sources: layers.statuses(this.warnings),
      problems: this.problems,
      servingStaleSince: this.#staleSince,
      restartRequired,
      lastGood: lastGood?.status,
    }
  }
}
