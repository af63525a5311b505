import { type Problem, problemToLine } from '../core/problem.ts'
import type { Draining } from './slot.ts'

/**
 * - `never-loaded`: nothing serves and nothing was refused: the required sources have not spoken yet
 * - `refused`: the newest content of a source was refused; what was accepted before serves, or nothing at the first start
 * - `degraded`: this process serves the last accepted configuration from disk, because its sources gave nothing acceptable;
 *   or the store does not answer, or a row of it is not served as it is
 * - `empty`: the newest content serves and declares no model
 * - `synced`: the newest content of every source serves
 */
export type ConfigState = 'synced' | 'degraded' | 'refused' | 'empty' | 'never-loaded'

/**
 * @param deployments how many serve; `undefined` while nothing does
 */
export function stateOf(
  deployments: number | undefined,
  about: {
    readonly fromDisk: boolean
    /** Something newer was refused. */
    readonly stale: boolean
    /** A source is away, or something in it is tolerated and not served. */
    readonly impaired: boolean
  },
): ConfigState {
  if (deployments === undefined) return about.stale ? 'refused' : 'never-loaded'
  if (about.fromDisk) return 'degraded'
  if (about.stale) return 'refused'
  if (about.impaired) return 'degraded'
  return deployments === 0 ? 'empty' : 'synced'
}

/** All problems of several lists, each once: what was refused and what serves often have the same warnings. */
export function distinct(lists: readonly (readonly Problem[])[]): readonly Problem[] {
  const found = new Map<string, Problem>()
  for (const problem of lists.flat()) found.set(problemToLine(problem), problem)
  return Array.from(found.values())
}

/** The body of `GET /config/status`, before it is put in the wire's words. Times are Unix milliseconds. */
export interface ConfigStatus {
  readonly state: ConfigState
  /** 0 while nothing serves. */
  readonly revision: number
  readonly generation: number
  readonly hash: string | undefined
  /** Of the price map that serves. */
  readonly priceMap: string | undefined
  readonly sources: readonly SourceStatus[]
  /** Errors of what was refused last, then warnings of what serves. */
  readonly problems: readonly Problem[]
  /** Since when something newer than what serves is known and refused. */
  readonly servingStaleSince: number | undefined
  readonly draining: readonly Draining[]
  /** Keys that were changed since the start and are read at start only. */
  readonly restartRequired: readonly string[]
  readonly lastGood: LastGoodStatus | undefined
}

export interface SourceStatus {
  readonly name: string
  /** Of the newest content seen; `undefined` before the source has spoken. */
  readonly version: string | undefined
  readonly observedAt: number | undefined
  /** Of the content that serves. */
  readonly appliedVersion: string | undefined
  readonly appliedAt: number | undefined
  readonly problems: readonly Problem[]
}

/** The copy on disk that a start-up may serve from. */
export interface LastGoodStatus {
  readonly file: string
  /** Of the copy; `undefined` while there is none. */
  readonly revision: number | undefined
  readonly savedAt: number | undefined
  /** Why the last write, or the read at start, did not work. */
  readonly problem: Problem | undefined
}
