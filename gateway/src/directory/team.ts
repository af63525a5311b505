import type { Limits, Team } from '../core/principal.ts'
import { isObject } from '../lib/json.ts'
import { Row } from './row.ts'
import { CompiledSubject } from './subject.ts'

const ownFields: ReadonlySet<string> = new Set([
  'organization_id',
  'model_aliases',
  'members_with_roles',
  'access_group_ids',
  'team_member_budget',
  'team_member_budget_duration',
  'team_member_rpm_limit',
  'team_member_tpm_limit',
])

/** A team's row (contract 3.9). */
export class CompiledTeam extends CompiledSubject implements Team {
  readonly organizationId: string | undefined
  readonly modelAliases: Readonly<Record<string, string>>
  readonly members: Team['members']
  readonly tags: readonly string[]
  readonly accessGroups: readonly string[]
  /** What members without a budget of their own may use; read as if it were a budget's row. */
  readonly ofMembers: Row | undefined
  /** A budget record that says the same. */
  readonly memberBudgetId: string | undefined

  constructor(row: Row, limits: Limits) {
    super(row, 'team_alias', ownFields, limits)
    this.organizationId = row.text('organization_id')
    const table = row.object('litellm_model_table')
    this.modelAliases = row.aliases('model_aliases', row.value('model_aliases') ?? table.model_aliases)
    this.members = membersOf(row)
    this.tags = row.names('tags', row.inMetadata('tags'))
    this.accessGroups = row.names('access_group_ids')
    this.ofMembers = memberDefaults(row)
    const budget = row.inMetadata('team_member_budget_id')
    this.memberBudgetId = typeof budget === 'string' && budget !== '' ? budget : undefined
    Object.freeze(this)
  }
}

function membersOf(row: Row): Team['members'] {
  const value = row.value('members_with_roles')
  if (value === undefined) return noMembers
  if (!Array.isArray(value)) {
    row.odd('members_with_roles', 'a list of members')
    return noMembers
  }
  const members: { readonly userId: string; readonly role: 'admin' | 'user' }[] = []
  for (const [index, entry] of value.entries()) {
    if (isObject(entry) && typeof entry.user_id === 'string' && entry.user_id !== '') {
      members.push(Object.freeze({ userId: entry.user_id, role: entry.role === 'admin' ? 'admin' : 'user' }))
      // A member who is known by address alone has no id yet; that is not odd.
    } else if (!isObject(entry) || typeof entry.user_email !== 'string') {
      row.odd(`members_with_roles[${index}]`, 'a member')
    }
  }
  return Object.freeze(members)
}

const noMembers: Team['members'] = Object.freeze([])

function memberDefaults(row: Row): Row | undefined {
  const body = {
    max_budget: row.inMetadata('team_member_budget'),
    budget_duration: row.inMetadata('team_member_budget_duration'),
    rpm_limit: row.inMetadata('team_member_rpm_limit'),
    tpm_limit: row.inMetadata('team_member_tpm_limit'),
  }
  if (Object.values(body).every((value) => value === undefined)) return undefined
  return new Row({ kind: 'team', id: row.id }, body, ({ field, expected }) => row.odd(`team_member ${field}`, expected))
}
