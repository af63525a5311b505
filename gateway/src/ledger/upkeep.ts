import { reasonOf } from '../lib/reason.ts'

interface UpkeepOptions {
  /** Removes rows of calls that started before, Unix ms. @returns how many are gone */
  prune(before: number): Promise<number>
  /** Makes large blocks of small ones. @param now Unix ms */
  merge(now: number): Promise<number>
  /** How old rows may become, ms; `undefined`: for ever. Asked each time, because it can be changed while the process runs. */
  readonly ageMs: () => number | undefined
  readonly clock: { wall(): number }
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>) => void
  /** Default an hour. */
  readonly pruneEveryMs?: number
  /** Default five minutes. */
  readonly mergeEveryMs?: number
}

const minuteMs = 60_000

/** Removes rows that are too old, and merges small blocks; daily sums stay. Replicas that do it at the same time find less to do. */
export function startUpkeep(options: UpkeepOptions): { stop(): void } {
  const { prune, merge, ageMs, clock, report, pruneEveryMs = 60 * minuteMs, mergeEveryMs = 5 * minuteMs } = options
  const failed = (event: string) => (error: unknown) => report(event, { reason: reasonOf(error) })
  const pruning = setInterval(() => {
    const age = ageMs()
    if (age === undefined) return
    prune(clock.wall() - age).then((rows) => {
      if (rows > 0) report('ledger.rows.expired', { rows, ageMs: age })
    }, failed('ledger.expiry.failed'))
  }, pruneEveryMs)
  const merging = setInterval(() => {
    merge(clock.wall()).catch(failed('ledger.merge.failed'))
  }, mergeEveryMs)
  for (const timer of [pruning, merging]) timer.unref()
  return {
    stop() {
      clearInterval(pruning)
      clearInterval(merging)
    },
  }
}
