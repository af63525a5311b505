import { reasonOf } from '../lib/reason.ts'

interface RetentionOptions {
  /** Removes rows of calls that started before, Unix ms. @returns how many are gone */
  prune(before: number): Promise<number>
  /** How old rows may become, ms; `undefined`: for ever. Asked each time, because it can be changed while the process runs. */
  readonly ageMs: () => number | undefined
  readonly clock: { wall(): number }
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>) => void
  /** Default an hour. */
  readonly everyMs?: number
}

const hourMs = 3_600_000

/** Removes rows that are too old; daily sums stay. Replicas that do it at the same time find less to do. */
export function startRetention({ prune, ageMs, clock, report, everyMs = hourMs }: RetentionOptions): { stop(): void } {
  const timer = setInterval(() => {
    const age = ageMs()
    if (age === undefined) return
    prune(clock.wall() - age).then(
      (rows) => {
        if (rows > 0) report('ledger.rows.expired', { rows, ageMs: age })
      },
      (error: unknown) => {
        report('ledger.expiry.failed', { reason: reasonOf(error) })
      },
    )
  }, everyMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
