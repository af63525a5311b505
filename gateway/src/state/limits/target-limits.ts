import type { DeploymentLimits } from '../../core/deployment.ts'
import { parseDuration } from '../../core/duration.ts'
import { GatewayError } from '../../core/errors.ts'
import {
  type CounterWindow,
  counterName,
  type Demand,
  type Limiter,
  type Measure,
  type Refusal,
  type Reservation,
} from '../../core/limit.ts'
import type { LimitSettings } from '../../core/settings.ts'
import type { Usage } from '../../core/usage.ts'
import { type Amounts, type CallSizes, noAmounts } from './call-sizes.ts'
import { addDemands, usedOf } from './demands.ts'
import type { LimitFigures } from './figures.ts'
import { dollars } from './refusal.ts'
import { BudgetWindow, type Rule } from './rules.ts'

/** Where a call may go: what of a deployment its limits and its sums need. */
export interface LimitedTarget {
  readonly id: string
  readonly provider: string
  readonly limits: DeploymentLimits | undefined
}

/** Room taken in the limits of a deployment and its provider. */
export interface TargetRoom {
  /** To be told once. `usage` and `cost` are `undefined` when nothing came of the attempt. */
  settle(outcome: {
    readonly succeeded: boolean
    readonly usage: Usage | undefined
    readonly cost: number | undefined
  }): void
}

export type TargetTaking = { readonly room: TargetRoom } | { readonly refusal: Refusal; readonly onlyHeld: boolean }

interface TargetLimitsOptions {
  readonly limiter: Limiter
  readonly sizes: CallSizes
  readonly clock: { now(): number }
  readonly figures: LimitFigures
  /** Of requests and tokens, ms. */
  readonly windowMs: number
}

interface Compiled {
  readonly settings: LimitSettings
  readonly rules: readonly Rule[]
}

interface HolderBudget {
  readonly rule: Rule
  readonly window: BudgetWindow | undefined
}

/**
 * `rpm`, `tpm`, `max_budget` and `budget_duration` of a deployment, `provider_budget_config` of its provider (contract 4.7): taken before an
 * attempt is made, as the caller's own are before the call. A deployment without room is passed over like one that is cooling.
 */
export class TargetLimits {
  readonly #options: TargetLimitsOptions
  readonly #providers = new WeakMap<LimitSettings, ReadonlyMap<string, HolderBudget>>()
  readonly #tags = new WeakMap<LimitSettings, ReadonlyMap<string, HolderBudget>>()
  readonly #compiled = new WeakMap<LimitedTarget, Compiled>()
  readonly #windows = new WeakMap<
    DeploymentLimits,
    { readonly timezone: string; readonly window: BudgetWindow | undefined }
  >()

  constructor(options: TargetLimitsOptions) {
    this.#options = options
  }

  /** Whether anything is to be asked before the deployment is called. */
  isLimited(target: LimitedTarget, settings: LimitSettings): boolean {
    if (target.limits === undefined && settings.providers.size === 0) return false
    return this.#rulesOf(target, settings).length > 0
  }

  /** What to tell the caller when no deployment of a group has room. @param refusals one for each of them */
  refused(refusals: readonly Refusal[], model: string): GatewayError {
    const now = this.#options.limiter.now()
    const soonest = Math.min(...refusals.map(({ resetsAt }) => (resetsAt === 0 ? longestRetryMs : resetsAt - now)))
    const retryAfterMs = Math.min(longestRetryMs, Math.max(1_000, refusals.some(isOnlyHeld) ? 1_000 : soonest))
    const budgets = new Set(refusals.filter(({ demand }) => demand.measure === 'budget').map(exceeded))
    const message =
      budgets.size > 0
        ? `No deployments available - crossed budget: ${[...budgets].join('')}`
        : `No deployments available for selected model, Try again in ${Math.ceil(retryAfterMs / 1000)} seconds. Passed model=${model}. The rpm or tpm of its deployments is used up.`
    return new GatewayError('no_deployment_available', message, { param: 'model', retryAfterMs })
  }

  /** Of the sums of the provider's calls. */
  windowOfProvider(provider: string, settings: LimitSettings): BudgetWindow | undefined {
    return this.#budgetOf('provider', provider, settings)?.window
  }

  /** Of the sums of the tag's calls. */
  windowOfTag(tag: string, settings: LimitSettings): BudgetWindow | undefined {
    return this.#budgetOf('tag', tag, settings)?.window
  }

  /** Of `tag_budget_config`; asked with the caller's own limits, because no other deployment would help. */
  rulesOfTags(tags: readonly string[], settings: LimitSettings): readonly Rule[] {
    return tags.flatMap((tag) => this.#budgetOf('tag', tag, settings)?.rule ?? [])
  }

  /** Of the sums of the deployment's calls. */
  windowOf(limits: DeploymentLimits | undefined, settings: LimitSettings): BudgetWindow | undefined {
    if (limits === undefined) return undefined
    const known = this.#windows.get(limits)
    if (known?.timezone === settings.timezone) return known.window
    const window = windowOf(limits.budgetDuration, settings)
    this.#windows.set(limits, { timezone: settings.timezone, window })
    return window
  }

  /** @param size what the call may use; asked only where it matters */
  async take(
    target: LimitedTarget,
    settings: LimitSettings,
    size: () => Amounts & { readonly group: string; readonly free: boolean },
  ): Promise<TargetTaking> {
    const { limiter, sizes, clock, figures } = this.#options
    const rules = this.#rulesOf(target, settings)
    const sized = rules.some(({ demand }) => demand.measure === 'tokens' || demand.measure === 'budget')
    const estimate = sized ? size() : undefined
    const amounts = estimate === undefined ? noAmounts : sizes.correct(estimate.group, estimate, clock.now())
    const demands: Demand[] = []
    addDemands(demands, rules, amounts, estimate?.free === true, settings, limiter.now())
    if (demands.length === 0) return { room: unlimited }
    const taking = await limiter.reserve(demands)
    if ('refusal' in taking) {
      figures.refuse(taking.refusal)
      return { ...taking, onlyHeld: isOnlyHeld(taking.refusal) }
    }
    return { room: roomOf(taking.reservation, demands, settings) }
  }

  #rulesOf(target: LimitedTarget, settings: LimitSettings): readonly Rule[] {
    const known = this.#compiled.get(target)
    if (known?.settings === settings) return known.rules
    const { id, limits, provider } = target
    const rules: Rule[] = []
    const add = (measure: Measure, limit: number | undefined, window?: BudgetWindow): void => {
      if (limit !== undefined) rules.push(ruleOf('deployment', id, measure, limit, this.#options.windowMs, window))
    }
    const ofProvider = this.#budgetOf('provider', provider, settings)
    if (ofProvider !== undefined) rules.push(ofProvider.rule)
    add('budget', limits?.maxBudget, this.windowOf(limits, settings))
    if (settings.deploymentRates) {
      add('requests', limits?.requestsPerMinute)
      add('tokens', limits?.tokensPerMinute)
    }
    this.#compiled.set(target, { settings, rules })
    return rules
  }

  #budgetOf(holder: 'provider' | 'tag', name: string, settings: LimitSettings): HolderBudget | undefined {
    const declared = holder === 'provider' ? settings.providers : settings.tags
    if (declared.size === 0) return undefined
    const known = holder === 'provider' ? this.#providers : this.#tags
    let budgets = known.get(settings)
    if (budgets === undefined) {
      budgets = new Map(
        [...declared].map(([each, { limit, period }]) => {
          const window = windowOf(period, settings)
          return [each, { window, rule: ruleOf(holder, each, 'budget', limit, this.#options.windowMs, window) }]
        }),
      )
      known.set(settings, budgets)
    }
    return budgets.get(name)
  }
}

const longestRetryMs = 60_000

/** Whether nothing but what calls under way hold keeps a call from a deployment: it may fit as soon as one ends. */
function isOnlyHeld({ demand, current, held }: Refusal): boolean {
  return demand.measure === 'budget' && demand.limit > 0 && held > 0 && current - held < demand.limit
}

function exceeded({ demand, current }: Refusal): string {
  const holder = demand.descriptor === 'provider' ? `provider ${demand.value}` : `deployment model_id: ${demand.value}`
  return `Exceeded budget for ${holder}: ${dollars(current)} >= ${dollars(demand.limit)}\n`
}

const unlimited: TargetRoom = { settle: () => undefined }

function roomOf(reservation: Reservation, demands: readonly Demand[], settings: LimitSettings): TargetRoom {
  return { settle: (outcome) => reservation.settle(demands.map((demand) => usedOf(demand, outcome, settings))) }
}

function ruleOf(
  descriptor: 'deployment' | 'provider' | 'tag',
  value: string,
  measure: Measure,
  limit: number,
  windowMs: number,
  window: BudgetWindow | undefined,
): Rule {
  const rolling: CounterWindow = { type: 'rolling', ms: windowMs }
  const demand: Demand = Object.freeze({
    counter: counterName(descriptor, value, measure),
    descriptor,
    value,
    measure,
    limit: Math.min(Math.floor(limit), Number.MAX_SAFE_INTEGER),
    amount: measure === 'requests' ? 1 : 0,
    window: measure === 'budget' ? undefined : rolling,
  })
  return Object.freeze({ demand, window })
}

function windowOf(text: string | undefined, settings: LimitSettings): BudgetWindow | undefined {
  const duration = text === undefined ? undefined : parseDuration(text)
  return duration === undefined
    ? undefined
    : new BudgetWindow({ duration, timezone: settings.timezone, anchor: undefined })
}
