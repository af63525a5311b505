import { GatewayError } from '../../../core/errors.ts'
import type { CallQuery } from '../../../core/ledger/ledger.ts'
import type { Principal } from '../../../core/principal.ts'
import type { Role } from '../../../core/role.ts'

/** Who may ask for spend at all; others than administrators see their own. */
export const spendReaders: readonly Role[] = [
  'proxy_admin',
  'proxy_admin_viewer',
  'org_admin',
  'internal_user',
  'internal_user_viewer',
  'team',
]

/** Whose sums the whole proxy's are. */
export const overseers: readonly Role[] = ['proxy_admin', 'proxy_admin_viewer']

export function seesAll(principal: Principal): boolean {
  return overseers.includes(principal.role)
}

/**
 * What a caller may see of the calls: everything, its user's, its team's where it has no user, or its key's.
 * @throws GatewayError `permission_denied` when the caller asks for somebody else's
 */
export function narrowed(query: CallQuery, principal: Principal): CallQuery {
  if (seesAll(principal)) return query
  const own = ownOf(principal)
  for (const [name, value] of Object.entries(own)) {
    const asked = Reflect.get(query, name)
    if (asked === undefined || asked === value) continue
    throw new GatewayError(
      'permission_denied',
      `Only your own spend is yours to see; leave out ${name} or ask an admin.`,
      {
        param: name,
      },
    )
  }
  return { ...query, ...own }
}

function ownOf(principal: Principal): Pick<CallQuery, 'user' | 'team' | 'key'> {
  if (principal.userId !== '') return { user: principal.userId }
  if (principal.team !== undefined) return { team: principal.team.id }
  return { key: principal.key?.id ?? '' }
}
