import { type Limits, noLimits, type Principal } from '../../core/principal.ts'
import { memberId } from '../../core/record.ts'
import type { LimitSettings } from '../../core/settings.ts'
import type { SpenderKind } from '../../core/spend.ts'

/** Somebody whose limits a call must fit into, and whose sum its cost is added to. */
export interface Holder {
  readonly kind: SpenderKind
  readonly value: string
  readonly limits: Limits
  /** Whether its budget counts; LiteLLM lets a user's own budget rest when the key belongs to a team. */
  readonly budgeted: boolean
}

/** Of everybody a principal acts for. */
export function limitsOf({ key, user, team, member, organization }: Principal): readonly (Limits | undefined)[] {
  return [key?.limits, user?.limits, team?.limits, member?.limits, organization?.limits]
}

/** Whether anything but the proxy's own limits is to be asked. */
export function isLimited({ key, user, team, member, organization }: Principal, settings: LimitSettings): boolean {
  return (
    (key !== undefined && (key.limits.any || settings.maxParallelPerKey !== undefined)) ||
    team?.limits.any === true ||
    member?.limits.any === true ||
    user?.limits.any === true ||
    organization?.limits.any === true
  )
}

/** The model, if somebody limits it; callers may name any, and all without limits of their own have the same rules. */
export function modelWithLimits(limits: readonly (Limits | undefined)[], model: string): string {
  return limits.some((each) => each?.models.has(model) === true) ? model : ''
}

/** Everybody a principal acts for, in the order in which they are asked. */
export function holdersOf(principal: Principal, settings: LimitSettings): readonly Holder[] {
  const { key, user, team, member, organization } = principal
  const holders: Holder[] = []
  if (key !== undefined) {
    holders.push({ kind: 'api_key', value: key.id, limits: limitsOfKey(key.limits, settings), budgeted: true })
  }
  if (team !== undefined) holders.push({ kind: 'team', value: team.id, limits: team.limits, budgeted: true })
  if (member !== undefined) {
    const value = memberId(member.teamId, member.userId)
    holders.push({ kind: 'team_member', value, limits: member.limits, budgeted: true })
  }
  if (principal.userId !== '') {
    const limits = user?.limits ?? noLimits
    holders.push({ kind: 'user', value: principal.userId, limits, budgeted: team === undefined })
  }
  if (organization !== undefined) {
    holders.push({ kind: 'organization', value: organization.id, limits: organization.limits, budgeted: true })
  }
  return holders
}

/** A key that does not say how many calls it may have under way has as many as the settings give to each. */
function limitsOfKey(limits: Limits, { maxParallelPerKey: given }: LimitSettings): Limits {
  return limits.maxParallel !== undefined || given === undefined ? limits : { ...limits, maxParallel: given, any: true }
}

/** Who has no budget has the one that the settings give to all. */
export function endUserHolder(id: string, own: Limits, { maxEndUserBudget }: LimitSettings): Holder {
  const limits =
    own.maxBudget !== undefined || maxEndUserBudget === undefined
      ? own
      : { ...own, maxBudget: maxEndUserBudget, any: true }
  return { kind: 'end_user', value: id, limits, budgeted: true }
}
