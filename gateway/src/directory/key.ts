import type { Limits, VirtualKey } from '../core/principal.ts'
import type { Row } from './row.ts'
import { CompiledSubject } from './subject.ts'

const ownFields: ReadonlySet<string> = new Set([
  'key_name',
  'expires',
  'duration',
  'allowed_routes',
  'aliases',
  'user_id',
  'team_id',
  'organization_id',
  'access_group_ids',
])

/** A virtual key's row (contract 3.2). */
export class CompiledKey extends CompiledSubject implements VirtualKey {
  readonly shownAs: string
  readonly expiresAt: number | undefined
  readonly allowedRoutes: readonly string[]
  readonly aliases: Readonly<Record<string, string>>
  readonly userId: string | undefined
  readonly teamId: string | undefined
  readonly organizationId: string | undefined
  readonly accessGroups: readonly string[]
  readonly tags: readonly string[]
  readonly neededParameters: readonly string[]
  readonly isServiceAccount: boolean

  constructor(row: Row, limits: Limits) {
    super(row, 'key_alias', ownFields, limits)
    this.shownAs = row.text('key_name') ?? 'sk-...'
    // `-1` is LiteLLM's word for a key that never expires.
    this.expiresAt = row.value('duration') === '-1' ? undefined : row.time('expires')
    this.allowedRoutes = row.names('allowed_routes')
    this.aliases = row.aliases('aliases')
    this.userId = row.text('user_id')
    this.teamId = row.text('team_id')
    this.organizationId = row.text('organization_id')
    this.accessGroups = row.names('access_group_ids')
    this.tags = row.names('tags', row.inMetadata('tags'))
    this.neededParameters = row.names('enforced_params', row.inMetadata('enforced_params'))
    this.isServiceAccount = Object.hasOwn(row.object('metadata'), 'service_account_id')
    Object.freeze(this)
  }
}
