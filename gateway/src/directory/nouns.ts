import type { RecordKind } from '../core/record.ts'
import type { AccessGroup } from './access-group.ts'
import type { CompiledCustomer } from './customer.ts'
import type { CompiledKey } from './key.ts'
import type { CompiledMember } from './member.ts'
import type { CompiledOrganization } from './organization.ts'
import type { RetiredKey } from './retired-key.ts'
import type { Row } from './row.ts'
import type { CompiledTag } from './tag.ts'
import type { CompiledTeam } from './team.ts'
import type { CompiledUser } from './user.ts'

/** What the directory makes of each kind of record it reads. */
export interface Nouns {
  readonly key: CompiledKey
  readonly 'retired-key': RetiredKey
  readonly user: CompiledUser
  readonly team: CompiledTeam
  readonly 'team-member': CompiledMember
  readonly organization: CompiledOrganization
  readonly customer: CompiledCustomer
  readonly tag: CompiledTag
  /** Has no meaning of its own: whoever refers to it reads its limits. */
  readonly budget: Row
  readonly 'access-group': AccessGroup
}

export type NounKind = keyof Nouns & RecordKind

const nounKinds: ReadonlySet<string> = new Set<NounKind>([
  'key',
  'retired-key',
  'user',
  'team',
  'team-member',
  'organization',
  'customer',
  'tag',
  'budget',
  'access-group',
])

export function isNounKind(kind: RecordKind): kind is NounKind {
  return nounKinds.has(kind)
}
