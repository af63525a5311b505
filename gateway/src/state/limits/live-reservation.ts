import type { Demand, Reservation } from '../../core/limit.ts'

/** Room that a call has taken in the shared place, until it is settled. */
export class LiveReservation implements Reservation {
  readonly id: string
  readonly demands: readonly Demand[]
  readonly remaining: readonly number[]
  readonly resetsAt: readonly number[]
  /** `Clock.now()` */
  readonly takenAt: number
  #onSettled: ((used: readonly number[], live: LiveReservation) => void) | undefined

  constructor(
    id: string,
    demands: readonly Demand[],
    remaining: readonly number[],
    resetsAt: readonly number[],
    takenAt: number,
    onSettled: (used: readonly number[], live: LiveReservation) => void,
  ) {
    this.id = id
    this.demands = demands
    this.remaining = remaining
    this.resetsAt = resetsAt
    this.takenAt = takenAt
    this.#onSettled = onSettled
  }

  settle(used: readonly number[]): void {
    const onSettled = this.#onSettled
    // A second settlement finds nothing left to settle.
    this.#onSettled = undefined
    onSettled?.(used, this)
  }
}
