import type { Refusal } from '../../core/limit.ts'

/** Upper bounds of the histogram of the shared place's answers, seconds. */
export const answerBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5] as const

/** What the limits did since the start of the process; plain numbers, read at scrape only. */
export class LimitFigures {
  /** By descriptor and measure, `api_key:requests`. */
  readonly refusals = new Map<string, number>()
  /** Calls that passed a soft budget, by descriptor. */
  readonly softBudgets = new Map<string, number>()
  /** Answers of the shared place by duration; memory is not measured. */
  readonly answers = new Float64Array(answerBounds.length + 1)
  answerSeconds = 0
  answered = 0
  /** Commands to the shared place that failed or took too long. */
  failures = 0
  /** Reservations decided by this process alone. */
  fallbacks = 0
  /** Calls whose cost is unknown, so that they count for no budget. */
  uncosted = 0

  refuse(refusal: Refusal): void {
    count(this.refusals, `${refusal.demand.descriptor}:${refusal.demand.measure}`)
  }

  passSoftBudget(descriptor: string): void {
    count(this.softBudgets, descriptor)
  }

  answer(seconds: number): void {
    let bucket = 0
    while (bucket < answerBounds.length && seconds > (answerBounds[bucket] ?? 0)) bucket += 1
    this.answers[bucket] = (this.answers[bucket] ?? 0) + 1
    this.answerSeconds += seconds
    this.answered += 1
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
