import type { JsonObject } from '../lib/json.ts'
import type { NanoUsd } from './money.ts'
import type { Role } from './role.ts'

/**
 * An authenticated caller: the key and everybody it acts for, each as its record was compiled. Immutable; made anew when one
 * of the records has changed. The master key has neither key nor groups.
 */
export interface Principal {
  readonly role: Role
  /** `default_user_id` for the master key; the key's user, else ''. */
  readonly userId: string
  readonly key: VirtualKey | undefined
  readonly user: User | undefined
  readonly team: Team | undefined
  readonly member: Member | undefined
  readonly organization: Organization | undefined
  /** Models that access groups give to key and team besides their own lists (contract 3.5); absent: no such groups. */
  readonly granted?: Grants
}

export interface Grants {
  readonly key: readonly string[]
  readonly team: readonly string[]
}

/** Whoever has limits of its own. Limits that a `budget_id` brings are already in here; the record's own fields win. */
export interface Limits {
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly maxParallel: number | undefined
  /** 0 refuses everything. */
  readonly maxBudget: NanoUsd | undefined
  readonly softBudget: NanoUsd | undefined
  /** As written (`30d`, `1mo`); `undefined`: the budget is never reset. */
  readonly budgetDuration: string | undefined
  /** Unix ms, of the record's `budget_reset_at`: one end of a budget window, from which the later ones are counted. */
  readonly budgetResetAt?: number | undefined
  /** By public model name. */
  readonly models: ReadonlyMap<string, ModelLimits>
  /** Whether anything above is set: with nothing set there is nothing to ask. */
  readonly any: boolean
}

export interface ModelLimits {
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly maxBudget: NanoUsd | undefined
  readonly budgetDuration: string | undefined
}

/** Of whoever has none. */
export const noLimits: Limits = Object.freeze({
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  maxParallel: undefined,
  maxBudget: undefined,
  softBudget: undefined,
  budgetDuration: undefined,
  budgetResetAt: undefined,
  models: new Map(),
  any: false,
})

interface Subject {
  readonly id: string
  /** The shown name, '' without one. */
  readonly alias: string
  readonly blocked: boolean
  /** The allow-list as written: exact names, wildcards, access groups and the words of contract 3.5; empty allows all. */
  readonly models: readonly string[]
  readonly limits: Limits
  readonly metadata: JsonObject
  /** Fields of the body that are not compiled into the others, for what only a few places need; without empty ones. */
  readonly rest: JsonObject
}

export interface VirtualKey extends Subject {
  /** SHA-256, hex. It is the id. */
  readonly id: string
  /** `sk-...abcd` */
  readonly shownAs: string
  /** Unix ms; `undefined`: never. */
  readonly expiresAt: number | undefined
  /** Names or groups of routes; empty allows what the role allows. */
  readonly allowedRoutes: readonly string[]
  readonly aliases: Readonly<Record<string, string>>
  readonly userId: string | undefined
  readonly teamId: string | undefined
  readonly organizationId: string | undefined
  readonly tags: readonly string[]
  /** `enforced_params`: fields that the body of each call must have. */
  readonly neededParameters: readonly string[]
  /** Of a service account of its team (`/key/service-account/generate`). */
  readonly isServiceAccount: boolean
}

export interface User extends Subject {
  readonly role: Role
  readonly email: string | undefined
}

export interface Team extends Subject {
  readonly organizationId: string | undefined
  readonly modelAliases: Readonly<Record<string, string>>
  readonly members: readonly { readonly userId: string; readonly role: 'admin' | 'user' }[]
  readonly tags: readonly string[]
}

export interface Member {
  readonly teamId: string
  readonly userId: string
  /** What of the team's models this member may call; empty: all of them. */
  readonly models: readonly string[]
  readonly limits: Limits
}

export interface Organization extends Subject {}

/** An end user of the application, named by the request (`user`, `x-litellm-end-user-id`). */
export interface Customer extends Subject {}

/** A tag of requests of which there is a record. The id is its name. */
export interface Tag {
  readonly id: string
  readonly limits: Limits
}
