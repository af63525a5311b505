import type { Resolution, Snapshot } from '../config/snapshot.ts'
import { allowListOf } from '../core/allow-list.ts'
import type { ModelGroup } from '../core/deployment.ts'
import { type ErrorCode, GatewayError } from '../core/errors.ts'
import type { Customer, Principal } from '../core/principal.ts'
import type { Call } from './call.ts'

/** What the aliases of the key, then those of its team, make of a name (contract 4.2). */
export function aliased({ key, team }: Principal, model: string): string {
  const ofKey = key?.aliases[model] ?? model
  return team?.modelAliases[ofKey] ?? ofKey
}

/**
 * Why the caller may not use a model of its call; `undefined`: it may. Fallbacks that the caller names count as asked for; those
 * of the operator are the operator's to give.
 */
export function accessRefusal(call: Call): GatewayError | undefined {
  const { principal, customer, snapshot, options } = call
  if (customer?.blocked === true) {
    return new GatewayError('customer_blocked', `User blocked from making LLM API Calls. User=${customer.id}`)
  }
  const refusal = modelRefusal(principal, customer, snapshot, call.model)
  if (refusal !== undefined || options.fallbacks === undefined) return refusal
  for (const { model } of options.fallbacks) {
    const ofFallback = modelRefusal(principal, customer, snapshot, model)
    if (ofFallback !== undefined) return ofFallback
  }
  return undefined
}

/**
 * Why the caller may not use a model of that name, by the lists of everybody it acts for (contract 3.5).
 * An alias counts where it was made: a key's own alias cannot lead past the list of its team.
 */
export function modelRefusal(
  principal: Principal,
  customer: Customer | undefined,
  snapshot: Snapshot,
  model: string,
): GatewayError | undefined {
  // Whoever has the master key may use all.
  return principal.key === undefined ? undefined : refusalOfKey(principal.key, principal, customer, snapshot, model)
}

function refusalOfKey(
  key: NonNullable<Principal['key']>,
  principal: Principal,
  customer: Customer | undefined,
  snapshot: Snapshot,
  model: string,
): GatewayError | undefined {
  const { user, team, member, organization, granted } = principal
  const ofKey = key.aliases[model] ?? model
  const routed = team?.modelAliases[ofKey] ?? ofKey
  const declared = snapshot.models.resolve(routed)
  const resolution = declared === undefined ? undefined : resolvedFor(principal, declared)
  if (declared !== undefined && resolution === undefined) return denied('key_model_denied', model)
  const target = resolution === undefined ? routed : targetName(resolution)

  const names = (...more: readonly string[]): Names => ({ names: [...more, routed, target], resolution })
  const { models } = key
  if (models.length > 0 && !(allowListOf(models).asTeam && team !== undefined)) {
    if (!allows(models, granted?.key, names(model, ofKey))) return denied('key_model_denied', model)
  }
  if (team !== undefined) {
    if (team.models.length > 0 && !allows(team.models, granted?.team, names(ofKey))) {
      return denied('team_model_denied', model)
    }
    if (member !== undefined && member.models.length > 0 && !allows(member.models, undefined, names(ofKey))) {
      return denied('team_model_denied', model)
    }
  } else if (user !== undefined && user.models.length > 0 && !allows(user.models, undefined, names())) {
    return denied('user_model_denied', model)
  }
  if (organization !== undefined && organization.models.length > 0) {
    if (!allows(organization.models, undefined, names())) return denied('organization_model_denied', model)
  }
  if (customer !== undefined && customer.models.length > 0) {
    if (!allows(customer.models, undefined, names())) return denied('customer_model_denied', model)
  }
  return undefined
}

/** What a name means to this caller: without deployments that belong to other teams; `undefined` when there are no others. */
export function resolvedFor({ key, team }: Principal, resolution: Resolution): Resolution | undefined {
  const { group } = resolution
  if (key === undefined || (group.teamId === undefined && !group.mixed)) return resolution
  if (!group.mixed) return group.teamId === team?.id ? resolution : undefined
  const narrowed = groupFor(group, team?.id ?? '')
  return narrowed === undefined ? undefined : { ...resolution, group: narrowed }
}

const narrowedGroups = new WeakMap<ModelGroup, Map<string, ModelGroup | undefined>>()

/** The part of a mixed group that is for everybody or for that team. */
function groupFor(group: ModelGroup, team: string): ModelGroup | undefined {
  let ofGroup = narrowedGroups.get(group)
  if (ofGroup === undefined) {
    ofGroup = new Map()
    narrowedGroups.set(group, ofGroup)
  }
  // Only teams of its deployments differ; all others have the same part.
  const name = group.deployments.some(({ teamId }) => teamId === team) ? team : ''
  if (ofGroup.has(name)) return ofGroup.get(name)
  const deployments = group.deployments.filter(({ teamId }) => teamId === undefined || teamId === name)
  const narrowed = deployments.length === 0 ? undefined : Object.freeze({ ...group, deployments, mixed: false })
  ofGroup.set(name, narrowed)
  return narrowed
}

interface Names {
  readonly names: readonly string[]
  readonly resolution: Resolution | undefined
}

/** @param more what access groups give besides; nothing when there are none, where an empty list of one's own means all */
function allows(models: readonly string[], more: readonly string[] | undefined, wanted: Names): boolean {
  const own = allowListOf(models)
  if (own.all) return true
  const groups = wanted.resolution === undefined ? noGroups : accessGroupsOf(wanted.resolution.group)
  const given = more === undefined || more.length === 0 ? undefined : allowListOf(more)
  return wanted.names.some((name) => own.allows(name, groups) || given?.allows(name, groups) === true)
}

/** The public name behind an alias; a wildcard's with what it matched. */
function targetName({ group, wildcard }: Resolution): string {
  return wildcard === undefined ? group.name : group.name.replace('*', () => wildcard)
}

const noGroups: readonly string[] = []
const groupsOfGroups = new WeakMap<ModelGroup, readonly string[]>()

/** `model_info.access_groups` of all deployments behind a name. */
export function accessGroupsOf(group: ModelGroup): readonly string[] {
  const known = groupsOfGroups.get(group)
  if (known !== undefined) return known
  const found = new Set<string>()
  for (const { info } of group.deployments) {
    if (!Array.isArray(info.access_groups)) continue
    for (const name of info.access_groups) if (typeof name === 'string') found.add(name)
  }
  const groups = found.size === 0 ? noGroups : [...found]
  groupsOfGroups.set(group, groups)
  return groups
}

function denied(code: ErrorCode, model: string): GatewayError {
  return new GatewayError(
    code,
    `The requested model '${model}' is not available for this API key, or the model name is invalid. Check the models available to you and try again.`,
    { param: 'model' },
  )
}
