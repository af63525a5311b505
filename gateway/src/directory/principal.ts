import type { Grants, Principal } from '../core/principal.ts'
import type { Role } from '../core/role.ts'
import type { Cell } from './cells.ts'
import type { CompiledKey } from './key.ts'

/** The records besides the key that a caller is made of; `undefined`: the key names none. */
export interface PrincipalCells {
  readonly user: Cell<'user'> | undefined
  readonly team: Cell<'team'> | undefined
  readonly member: Cell<'team-member'> | undefined
  readonly organization: Cell<'organization'> | undefined
  /** First the key's, then the team's. */
  readonly groups: readonly Cell<'access-group'>[]
}

const noGrants: Grants = Object.freeze({ key: Object.freeze([]), team: Object.freeze([]) })

/** Who calls with a key. */
export function composePrincipal(key: CompiledKey, cells: PrincipalCells): Principal {
  const { user, team, member, organization, groups } = cells
  return Object.freeze({
    role: roleOf(key, user),
    userId: key.userId ?? '',
    key,
    user: user?.noun,
    team: team?.noun,
    member: member?.noun,
    organization: organization?.noun,
    granted: grantsOf(groups, key.accessGroups.length),
  })
}

/** A key acts with its user's role; without a user it acts for its team (contract 3.1). */
function roleOf(key: CompiledKey, user: Cell<'user'> | undefined): Role {
  if (key.userId !== undefined) return user?.noun?.role ?? 'internal_user'
  return key.teamId === undefined ? 'internal_user' : 'team'
}

/** @param ofKey how many of the groups are the key's; the rest are the team's */
function grantsOf(groups: readonly Cell<'access-group'>[], ofKey: number): Grants {
  if (groups.length === 0) return noGrants
  const models = groups.map(({ noun }) => noun?.models ?? [])
  return Object.freeze({
    key: Object.freeze(models.slice(0, ofKey).flat()),
    team: Object.freeze(models.slice(ofKey).flat()),
  })
}
