import type { Limits, User } from '../core/principal.ts'
import { type Role, roles } from '../core/role.ts'
import type { Row } from './row.ts'
import { CompiledSubject } from './subject.ts'

const ownFields: ReadonlySet<string> = new Set(['user_role', 'user_email'])

/** A user's row (contract 3.8). A role that this version does not know is the least of those that may call. */
export class CompiledUser extends CompiledSubject implements User {
  readonly role: Role
  readonly email: string | undefined

  constructor(row: Row, limits: Limits) {
    super(row, 'user_alias', ownFields, limits)
    this.role = readRole(row)
    this.email = row.text('user_email')
    Object.freeze(this)
  }
}

function readRole(row: Row): Role {
  const written = row.text('user_role')
  if (written === undefined) return 'internal_user'
  const known = roles.find((role) => role === written)
  if (known !== undefined) return known
  row.odd('user_role', 'a role that this version knows')
  return 'internal_user_viewer'
}
