import { parseDuration } from '../../core/duration.ts'
import { type CounterWindow, counterName, type Demand, type Measure } from '../../core/limit.ts'
import {
  type Customer,
  type Limits,
  type ModelLimits,
  noLimits,
  type Principal,
  type Tag,
} from '../../core/principal.ts'
import type { LimitSettings } from '../../core/settings.ts'
import { type Spender, type SpenderKind, spenderName } from '../../core/spend.ts'
import { Recent } from '../../lib/recent.ts'
import { type WindowRule, windowEnds } from './budget-window.ts'
import { endUserHolder, type Holder, holdersOf, isLimited, limitsOf, modelWithLimits } from './holders.ts'

/** One limit of one holder, ready to become a demand. */
export interface Rule {
  /** Its amount is 1, or still open (0) for tokens and budget. */
  readonly demand: Demand
  readonly window: BudgetWindow | undefined
}

/** Whose sum a call's cost is added to. */
export interface SpenderRule {
  readonly name: string
  readonly window: BudgetWindow | undefined
  /** Passing it is told, and refuses nothing. */
  readonly softBudget: number | undefined
  readonly kind: SpenderKind
}

export interface RuleSet {
  /** Budgets first, as LiteLLM checks them: what is over budget is told so, whatever its rate. */
  readonly rules: readonly Rule[]
  readonly spenders: readonly SpenderRule[]
  /** Whether any rule counts tokens or money, so that the call's size matters. */
  readonly sized: boolean
}

/** The ends of a budget's windows, worked out once per window. */
export class BudgetWindow {
  readonly #rule: WindowRule
  #ends: [number, number, number] = [0, 0, 0]

  constructor(rule: WindowRule) {
    this.#rule = rule
  }

  /** @param now Unix ms */
  ends(now: number): readonly [number, number, number] {
    if (now < this.#ends[0] || now >= this.#ends[1]) this.#ends = windowEnds(this.#rule, now)
    return this.#ends
  }
}

const modelKinds: Readonly<Partial<Record<SpenderKind, SpenderKind>>> = {
  api_key: 'model_per_key',
  user: 'model_per_user',
  team: 'model_per_team',
  team_member: 'model_per_team_member',
  organization: 'model_per_organization',
  end_user: 'model_per_end_user',
}

/** Of callers with limits so many are kept ready twice; those of others are made anew in a few microseconds. */
const maxCallers = 5_000
/** Windows of budgets are kept for so many different durations and anchors. */
const maxWindows = 4_096

/**
 * Limits of callers as rules, made once for those who were seen of late: what callers without limits take is nothing. A principal is
 * immutable and replaced when a record changes, so what hangs on it is never stale; what hangs on the settings is checked.
 */
export class Rules {
  readonly #windowMs: number
  readonly #sets = new Recent<Principal | EndUser | Tag, Sets>(maxCallers)
  readonly #endUsers = new Recent<string, EndUser>(maxCallers)
  readonly #ofProxy = new WeakMap<LimitSettings, RuleSet>()
  /** By what they are made of: most keys have one of few durations. */
  readonly #windows = new Map<string, BudgetWindow>()

  /** @param windowMs of requests and tokens */
  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  ofPrincipal(principal: Principal, model: string, settings: LimitSettings): RuleSet {
    if (!isLimited(principal, settings)) return this.#proxyRules(settings)
    return this.#known(principal, modelWithLimits(limitsOf(principal), model), settings, (name) =>
      this.#setOf(holdersOf(principal, settings), name, settings, true),
    )
  }

  /**
   * @param customer his record, if there is one
   * @param usual what who has no limits of his own may use
   * @returns `undefined` for one without record and limits, as most are
   */
  ofEndUser(
    id: string,
    customer: Customer | undefined,
    usual: Limits | undefined,
    model: string,
    settings: LimitSettings,
  ): RuleSet | undefined {
    // Limits of one's own leave out the usual ones, as in LiteLLM.
    const own = customer?.limits.any === true ? customer.limits : (usual ?? noLimits)
    if (customer === undefined && !own.any && settings.maxEndUserBudget === undefined) return undefined
    const make = (name: string) => this.#setOf([endUserHolder(id, own, settings)], name, settings, false)
    return this.#known(customer ?? this.#named(id), modelWithLimits([own], model), settings, make, usual)
  }

  /** One object for an end user of whom there is no record: what is kept of a holder hangs on an object. */
  #named(id: string): EndUser {
    let named = this.#endUsers.get(id)
    if (named === undefined) {
      named = { id }
      this.#endUsers.set(id, named)
    }
    return named
  }

  ofTag(tag: Tag, settings: LimitSettings): RuleSet {
    const holder: Holder = { kind: 'tag', value: tag.id, limits: tag.limits, budgeted: true }
    return this.#known(tag, '', settings, () => this.#setOf([holder], '', settings, false))
  }

  /** Whose sums the cost of a call is added to. */
  spendersOf(principal: Principal, model: string, settings: LimitSettings): readonly SpenderRule[] {
    if (isLimited(principal, settings)) return this.ofPrincipal(principal, model, settings).spenders
    const spenders = holdersOf(principal, settings).map(
      (holder): SpenderRule => ({
        name: spenderName(holder),
        window: undefined,
        softBudget: undefined,
        kind: holder.kind,
      }),
    )
    spenders.push(...this.#proxyRules(settings).spenders)
    return spenders
  }

  /** Callers whose rules are kept. */
  get size(): number {
    return this.#sets.size
  }

  #known(
    holder: Principal | EndUser | Tag,
    model: string,
    settings: LimitSettings,
    make: (model: string) => RuleSet,
    usual?: Limits,
  ): RuleSet {
    let sets = this.#sets.get(holder)
    if (sets?.settings !== settings || sets.usual !== usual) {
      sets = { settings, usual, byModel: new Map() }
      this.#sets.set(holder, sets)
    }
    let set = sets.byModel.get(model)
    if (set === undefined) {
      set = make(model)
      sets.byModel.set(model, set)
    }
    return set
  }

  /** What limits a caller without limits of its own. */
  #proxyRules(settings: LimitSettings): RuleSet {
    let set = this.#ofProxy.get(settings)
    if (set === undefined) {
      set = this.#setOf([], '', settings, true)
      this.#ofProxy.set(settings, set)
    }
    return set
  }

  #setOf(holders: readonly Holder[], model: string, settings: LimitSettings, whole: boolean): RuleSet {
    const budgets: Rule[] = []
    const rates: Rule[] = []
    const spenders: SpenderRule[] = []
    for (const holder of holders) {
      const { kind, value, limits } = holder
      const window = this.#windowOf(limits.budgetDuration, limits.budgetResetAt, settings)
      spenders.push({ name: spenderName(holder), window, softBudget: limits.softBudget, kind })
      if (holder.budgeted) this.#add(budgets, kind, value, 'budget', limits.maxBudget, window)
      this.#add(rates, kind, value, 'requests', limits.requestsPerMinute)
      this.#add(rates, kind, value, 'tokens', limits.tokensPerMinute)
      this.#add(rates, kind, value, 'parallel', limits.maxParallel)
    }
    for (const { kind, value, limits } of holders) {
      const ofModel = limits.models.get(model)
      const modelKind = modelKinds[kind]
      if (ofModel === undefined || modelKind === undefined) continue
      const holder: Spender = { kind: modelKind, value: `${value}:${model}` }
      this.#addModel(holder, ofModel, settings, budgets, rates, spenders)
    }
    if (whole) {
      const window = this.#windowOf(settings.budgetDuration, undefined, settings)
      spenders.push({ name: 'proxy:', window, softBudget: undefined, kind: 'proxy' })
      this.#add(budgets, 'proxy', '', 'budget', settings.maxBudget, window)
      this.#add(rates, 'proxy', '', 'parallel', settings.maxParallel)
    }
    const rules = [...budgets, ...rates]
    const sized = rules.some(({ demand }) => demand.measure === 'tokens' || demand.measure === 'budget')
    return Object.freeze({ rules, spenders, sized })
  }

  #addModel(
    holder: Spender,
    limits: ModelLimits,
    settings: LimitSettings,
    budgets: Rule[],
    rates: Rule[],
    spenders: SpenderRule[],
  ): void {
    const { kind, value } = holder
    if (limits.maxBudget !== undefined) {
      const window = this.#windowOf(limits.budgetDuration, undefined, settings)
      spenders.push({ name: spenderName(holder), window, softBudget: undefined, kind })
      this.#add(budgets, kind, value, 'budget', limits.maxBudget, window)
    }
    this.#add(rates, kind, value, 'requests', limits.requestsPerMinute)
    this.#add(rates, kind, value, 'tokens', limits.tokensPerMinute)
  }

  #add(
    rules: Rule[],
    descriptor: SpenderKind,
    value: string,
    measure: Measure,
    limit: number | undefined,
    window?: BudgetWindow,
  ): void {
    if (limit === undefined) return
    const amount = measure === 'requests' || measure === 'parallel' ? 1 : 0
    const rolling: CounterWindow | undefined =
      measure === 'requests' || measure === 'tokens' ? { type: 'rolling', ms: this.#windowMs } : undefined
    const counter = counterName(descriptor, value, measure)
    const demand = Object.freeze({
      counter,
      descriptor,
      value,
      measure,
      // Counters are whole numbers; half a request is none.
      limit: Math.min(Math.floor(limit), Number.MAX_SAFE_INTEGER),
      amount,
      window: rolling,
    })
    rules.push(Object.freeze({ demand, window }))
  }

  #windowOf(
    duration: string | undefined,
    anchor: number | undefined,
    settings: LimitSettings,
  ): BudgetWindow | undefined {
    if (duration === undefined) return undefined
    const name = `${duration} ${anchor ?? ''} ${settings.timezone}`
    const known = this.#windows.get(name)
    if (known !== undefined) return known
    const parsed = parseDuration(duration)
    if (parsed === undefined) return undefined
    if (this.#windows.size >= maxWindows) this.#windows.clear()
    const window = new BudgetWindow({ duration: parsed, timezone: settings.timezone, anchor })
    this.#windows.set(name, window)
    return window
  }
}

/** Whoever is named as one; a customer is one with a record. */
interface EndUser {
  readonly id: string
}

interface Sets {
  readonly settings: LimitSettings
  readonly usual: Limits | undefined
  /** By the model that has limits of its own; '' for all others. */
  readonly byModel: Map<string, RuleSet>
}
