import type { Limits } from '../core/principal.ts'
import { limitsOf } from './limits.ts'
import type { Row } from './row.ts'

const known = new WeakMap<Row, Limits>()

/** What a budget's record says to those who have it without referring to it. The same object for the same row. */
export function limitsOfBudget(budget: Row): Limits {
  let limits = known.get(budget)
  if (limits === undefined) {
    // Only holders have what changes with the time.
    limits = limitsOf(budget, [], 0).limits
    known.set(budget, limits)
  }
  return limits
}
