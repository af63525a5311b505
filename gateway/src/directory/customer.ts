import type { Customer, Limits } from '../core/principal.ts'
import type { Row } from './row.ts'
import { CompiledSubject } from './subject.ts'

/** An end user's row (contract 3.8). */
export class CompiledCustomer extends CompiledSubject implements Customer {
  constructor(row: Row, limits: Limits) {
    super(row, 'alias', limits)
    Object.freeze(this)
  }
}
