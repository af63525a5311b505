import type { Customer, Limits, Principal, Tag } from '../../core/principal.ts'
import type { LimitSettings } from '../../core/settings.ts'
import type { Usage } from '../../core/usage.ts'
import type { Amounts } from './call-sizes.ts'
import type { RuleSet, Rules } from './rules.ts'
import type { LimitedTarget } from './target-limits.ts'

/** Whom a call concerns. */
export interface LimitedCall {
  readonly principal: Principal
  readonly customer: Customer | undefined
  /** Named by the request, whether or not there is a row of it. */
  readonly endUser: string | undefined
  /** What an end user may use who has no limits of his own. */
  readonly endUserLimits: Limits | undefined
  /** The name that is routed. */
  readonly model: string
  readonly settings: LimitSettings
  /** Of the request, its key and its team, each once. */
  readonly tags: readonly string[]
  /** The records of those of them that have one. */
  readonly tagged: readonly Tag[]
}

/** How much a call may use, as far as one can know before it is made. */
export interface CallSize extends Amounts {
  readonly group: string
  /** Every deployment is known to cost nothing: no budget is asked. */
  readonly free: boolean
}

/** What a call cost, and who was paid. */
export interface ChargedOutcome {
  /** Billionths of a dollar; `undefined`: unknown, if anything was used at all. */
  readonly cost: number | undefined
  /** `undefined`: no deployment answered. */
  readonly served: { readonly group: string; readonly deployment: LimitedTarget } | undefined
}

/** What came of a call. */
export interface CallOutcome extends ChargedOutcome {
  readonly succeeded: boolean
  readonly usage: Usage | undefined
}

export function rulesOfEndUser(rules: Rules, call: LimitedCall): RuleSet | undefined {
  const { customer, endUser, endUserLimits, model, settings } = call
  return endUser === undefined ? undefined : rules.ofEndUser(endUser, customer, endUserLimits, model, settings)
}

/** Whether the tag's record says anything of money; one without a record says nothing. */
export function hasBudget(tag: Tag | undefined): boolean {
  return tag?.limits.maxBudget !== undefined
}
