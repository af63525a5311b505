import type { Customer, Limits } from '../core/principal.ts'
import type { Row } from './row.ts'
import { CompiledSubject } from './subject.ts'

const noFields: ReadonlySet<string> = new Set()

/** An end user's row (contract 3.8). */
export class CompiledCustomer extends CompiledSubject implements Customer {
  constructor(row: Row, limits: Limits) {
    super(row, 'alias', noFields, limits)
    Object.freeze(this)
  }
}
