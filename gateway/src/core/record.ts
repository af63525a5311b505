import type { JsonObject } from '../lib/json.ts'

/**
 * The kinds of record: who is calling, and what they may spend. Up to a million, so they are not in the snapshot but read
 * through a cache (`directory/`). Their ids:
 * - `key`: lower-case hex SHA-256 of the whole key, `sk-` included; `retired-key`: the same of a key that was regenerated
 *   and counts until its grace period ends; `deleted-key`: of one that was deleted, for `/key/info`
 * - `user`, `team`, `organization`, `customer`, `budget`, `access-group`, `tag`, `project`: LiteLLM's id, as given
 * - `team-member`, `organization-member`: `memberId(group, user)`
 * - `source`: a source that is no store, e.g. `file`; says which content of it has which revision. Nobody's limits, so the
 *   directory has no use for it.
 */
export const recordKinds = [
  'key',
  'retired-key',
  'deleted-key',
  'user',
  'team',
  'team-member',
  'organization',
  'organization-member',
  'customer',
  'budget',
  'access-group',
  'tag',
  'project',
  'source',
] as const

export type RecordKind = (typeof recordKinds)[number]

export interface RecordId {
  readonly kind: RecordKind
  readonly id: string
}

/** A record as the store keeps it. */
export interface StoredRecord extends RecordId {
  /** LiteLLM's field names, as its rows show them; without `spend`, which is state, and without what the columns below hold. */
  readonly body: JsonObject
  /** Of its last change. */
  readonly revision: number
  /** Unix milliseconds. */
  readonly createdAt: number
  readonly updatedAt: number
  /** A user id, or `default_user_id` for the master key. */
  readonly createdBy: string
  readonly updatedBy: string
  /** Why secrets inside the body could not be opened; the body is without them, so it must not be written back. */
  readonly unreadable?: string
}

/** Fields of a body by which records are found; the store keeps an index of each. */
export const recordFields = ['alias', 'email', 'user_id', 'team_id', 'organization_id', 'budget_id'] as const

export type RecordField = (typeof recordFields)[number]

/** Where the body of each kind keeps what is indexed as `alias`; the other fields have their own name everywhere. */
export const aliasFields: Partial<Record<RecordKind, string>> = {
  key: 'key_alias',
  'deleted-key': 'key_alias',
  /** Found by the key that took its place. */
  'retired-key': 'active_token_id',
  user: 'user_alias',
  team: 'team_alias',
  organization: 'organization_alias',
  customer: 'alias',
  'access-group': 'access_group_name',
  project: 'project_alias',
}

/** Which records; all conditions hold at once. */
export interface RecordQuery {
  readonly kind: RecordKind
  /** Exact values; `null`: without one; a list: one of them. */
  readonly where?: Partial<Record<RecordField | 'id' | 'created_by', string | null | readonly string[]>>
  /** Part of a value, in any case. */
  readonly contains?: Partial<Record<RecordField | 'id', string>>
  /** A text that stands somewhere in the body, as a value or a name, whole and letter by letter. Reads every row of the kind. */
  readonly mentions?: string
  readonly sort?: { readonly by: RecordField | 'id' | 'created_at' | 'updated_at'; readonly descending?: boolean }
  /** From 0. */
  readonly offset?: number
  /** Default: all. */
  readonly limit?: number
}

/** The id of a membership record. The parts may hold any character. */
export function memberId(group: string, user: string): string {
  return `${encodeURIComponent(group)}/${encodeURIComponent(user)}`
}
