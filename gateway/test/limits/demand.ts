import {
  type CounterWindow,
  counterName,
  type Demand,
  type Measure,
  type Reservation,
  type Taking,
} from '../../src/core/limit.ts'

/** A demand of a test. */
export function demand(
  value: string,
  measure: Measure,
  limit: number,
  amount = 1,
  window: CounterWindow | undefined = measure === 'requests' || measure === 'tokens'
    ? { type: 'rolling', ms: 60_000 }
    : undefined,
): Demand {
  const descriptor = 'api_key'
  return { counter: counterName(descriptor, value, measure), descriptor, value, measure, limit, amount, window }
}

export function taken(taking: Taking): Reservation {
  if ('refusal' in taking) {
    const { demand, current } = taking.refusal
    throw new Error(`refused: ${demand.counter} has ${current} of ${demand.limit}`)
  }
  return taking.reservation
}

export function refused(taking: Taking): boolean {
  return 'refusal' in taking
}
