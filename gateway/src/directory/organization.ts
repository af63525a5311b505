import type { Limits, Organization } from '../core/principal.ts'
import type { Row } from './row.ts'
import { CompiledSubject } from './subject.ts'

const noFields: ReadonlySet<string> = new Set()

export class CompiledOrganization extends CompiledSubject implements Organization {
  constructor(row: Row, limits: Limits) {
    super(row, 'organization_alias', noFields, limits)
    Object.freeze(this)
  }
}
