import type { ZeroCostReason } from '../core/cost/zero-cost.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { Usage } from '../core/usage.ts'

/** Upper bounds of the duration histogram, seconds. */
export const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] as const

const maxDroppedNames = 100

/** Sums of calls with the same labels; plain numbers, because a call adds to them on its way out (read at scrape only). */
export interface TrafficSums {
  readonly modelGroup: string
  readonly deployment: string
  readonly provider: string
  calls: number
  readonly errors: Map<ErrorCode, number>
  retries: number
  fallbacks: number
  inputTokens: number
  outputTokens: number
  durationSeconds: number
  readonly durationCounts: Uint32Array
  readonly dropped: Map<string, number>
  readonly zeroCost: Map<ZeroCostReason, number>
}

export interface CallRecord {
  readonly modelGroup: string
  readonly deployment: string
  readonly provider: string
  readonly error: ErrorCode | undefined
  readonly retries: number
  readonly fallbacks: number
  readonly usage: Usage | undefined
  /** `undefined`: the call had a cost, or failed. */
  readonly zeroCost: ZeroCostReason | undefined
  readonly durationMs: number
  readonly dropped: readonly string[]
}

/** All calls since the start of the process, by model group and deployment. */
export class Traffic {
  readonly #sums = new Map<string, Map<string, TrafficSums>>()
  inFlight = 0

  add(record: CallRecord): void {
    const sums = this.#of(record)
    sums.calls += 1
    sums.retries += record.retries
    sums.fallbacks += record.fallbacks
    sums.inputTokens += record.usage?.inputTokens ?? 0
    sums.outputTokens += record.usage?.outputTokens ?? 0
    const seconds = record.durationMs / 1000
    sums.durationSeconds += seconds
    let bucket = 0
    while (bucket < durationBounds.length && seconds > (durationBounds[bucket] ?? 0)) bucket += 1
    sums.durationCounts[bucket] = (sums.durationCounts[bucket] ?? 0) + 1
    if (record.error !== undefined) sums.errors.set(record.error, (sums.errors.get(record.error) ?? 0) + 1)
    const { zeroCost } = record
    if (zeroCost !== undefined) sums.zeroCost.set(zeroCost, (sums.zeroCost.get(zeroCost) ?? 0) + 1)
    for (const name of record.dropped) {
      // Names are the callers' own text: without a bound they could grow the process and the scrape.
      const label = sums.dropped.has(name) || sums.dropped.size < maxDroppedNames ? name : 'other'
      sums.dropped.set(label, (sums.dropped.get(label) ?? 0) + 1)
    }
  }

  *all(): Iterable<TrafficSums> {
    for (const group of this.#sums.values()) yield* group.values()
  }

  /** Forgets sums of groups and deployments that no longer exist, so that churn does not grow the process. */
  retain(named: (modelGroup: string, deployment: string) => boolean): void {
    for (const [modelGroup, byDeployment] of this.#sums) {
      for (const deployment of byDeployment.keys()) {
        if (!named(modelGroup, deployment)) byDeployment.delete(deployment)
      }
      if (byDeployment.size === 0) this.#sums.delete(modelGroup)
    }
  }

  #of(record: CallRecord): TrafficSums {
    let byDeployment = this.#sums.get(record.modelGroup)
    if (byDeployment === undefined) {
      byDeployment = new Map()
      this.#sums.set(record.modelGroup, byDeployment)
    }
    const known = byDeployment.get(record.deployment)
    if (known !== undefined) return known
    const sums: TrafficSums = {
      modelGroup: record.modelGroup,
      deployment: record.deployment,
      provider: record.provider,
      calls: 0,
      errors: new Map(),
      retries: 0,
      fallbacks: 0,
      inputTokens: 0,
      outputTokens: 0,
      durationSeconds: 0,
      durationCounts: new Uint32Array(durationBounds.length + 1),
      dropped: new Map(),
      zeroCost: new Map(),
    }
    byDeployment.set(record.deployment, sums)
    return sums
  }
}
