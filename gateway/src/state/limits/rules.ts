import { type CounterWindow, counterName, type Demand, type Measure } from '../../core/limit.ts'
import type { Customer, Limits, ModelLimits, Principal } from '../../core/principal.ts'
import { memberId } from '../../core/record.ts'
import type { LimitSettings } from '../../core/settings.ts'
import { type Spender, type SpenderKind, spenderName } from '../../core/spend.ts'
import { parseDuration, type WindowRule, windowEnds } from './budget-window.ts'

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

interface Holder {
  readonly kind: SpenderKind
  readonly value: string
  readonly limits: Limits
  /** Whether its budget counts; LiteLLM lets a user's own budget rest when the key belongs to a team. */
  readonly budgeted: boolean
}

const modelKinds: Readonly<Partial<Record<SpenderKind, SpenderKind>>> = {
  api_key: 'model_per_key',
  user: 'model_per_user',
  team: 'model_per_team',
  team_member: 'model_per_team_member',
  organization: 'model_per_organization',
  end_user: 'model_per_end_user',
}

/** Callers may name any model; beyond so many the sets are made anew each time. */
const maxModels = 1_000

/**
 * Limits of callers as rules, made once per principal and model. A principal is immutable and replaced when a record changes, so
 * what hangs on it is never stale; what hangs on the settings is checked.
 */
export class Rules {
  readonly #windowMs: number
  readonly #sets = new WeakMap<
    Principal,
    { readonly settings: LimitSettings; readonly byModel: Map<string, RuleSet> }
  >()
  readonly #customers = new WeakMap<
    Customer,
    { readonly settings: LimitSettings; readonly byModel: Map<string, RuleSet> }
  >()

  /** @param windowMs of requests and tokens */
  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  ofPrincipal(principal: Principal, model: string, settings: LimitSettings): RuleSet {
    const known = this.#sets.get(principal)
    const found = known?.settings === settings ? known.byModel.get(model) : undefined
    if (found !== undefined) return found
    const made = this.#setOf(holdersOf(principal), model, settings, true)
    if (known?.settings === settings) remember(known.byModel, model, made)
    else this.#sets.set(principal, { settings, byModel: new Map([[model, made]]) })
    return made
  }

  ofCustomer(customer: Customer, model: string, settings: LimitSettings): RuleSet {
    const known = this.#customers.get(customer)
    const found = known?.settings === settings ? known.byModel.get(model) : undefined
    if (found !== undefined) return found
    const made = this.#setOf([customerHolder(customer, settings)], model, settings, false)
    if (known?.settings === settings) remember(known.byModel, model, made)
    else this.#customers.set(customer, { settings, byModel: new Map([[model, made]]) })
    return made
  }

  #setOf(holders: readonly Holder[], model: string, settings: LimitSettings, whole: boolean): RuleSet {
    const budgets: Rule[] = []
    const rates: Rule[] = []
    const spenders: SpenderRule[] = []
    for (const holder of holders) {
      const { kind, value, limits } = holder
      const window = windowOf(limits.budgetDuration, limits.budgetResetAt, settings)
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
      const window = windowOf(settings.budgetDuration, undefined, settings)
      spenders.push({ name: 'proxy:', window, softBudget: undefined, kind: 'proxy' })
      this.#add(budgets, 'proxy', '', 'budget', settings.maxBudget, window)
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
      const window = windowOf(limits.budgetDuration, undefined, settings)
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
}

function holdersOf(principal: Principal): readonly Holder[] {
  const { key, user, team, member, organization } = principal
  const holders: Holder[] = []
  if (key !== undefined) holders.push({ kind: 'api_key', value: key.id, limits: key.limits, budgeted: true })
  if (team !== undefined) holders.push({ kind: 'team', value: team.id, limits: team.limits, budgeted: true })
  if (member !== undefined) {
    const value = memberId(member.teamId, member.userId)
    holders.push({ kind: 'team_member', value, limits: member.limits, budgeted: true })
  }
  if (principal.userId !== '') {
    const limits = user?.limits ?? unlimited
    holders.push({ kind: 'user', value: principal.userId, limits, budgeted: team === undefined })
  }
  if (organization !== undefined) {
    holders.push({ kind: 'organization', value: organization.id, limits: organization.limits, budgeted: true })
  }
  return holders
}

/** A customer without a budget of its own has the one that the settings give to all. */
function customerHolder(customer: Customer, settings: LimitSettings): Holder {
  const { limits } = customer
  const given =
    limits.maxBudget !== undefined || settings.maxEndUserBudget === undefined
      ? limits
      : { ...limits, maxBudget: settings.maxEndUserBudget, any: true }
  return { kind: 'end_user', value: customer.id, limits: given, budgeted: true }
}

const unlimited: Limits = Object.freeze({
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  maxParallel: undefined,
  maxBudget: undefined,
  softBudget: undefined,
  budgetDuration: undefined,
  models: new Map(),
  any: false,
})

function windowOf(
  duration: string | undefined,
  anchor: number | undefined,
  settings: LimitSettings,
): BudgetWindow | undefined {
  const parsed = duration === undefined ? undefined : parseDuration(duration)
  return parsed === undefined ? undefined : new BudgetWindow({ duration: parsed, timezone: settings.timezone, anchor })
}

function remember(sets: Map<string, RuleSet>, model: string, set: RuleSet): void {
  if (sets.size < maxModels) sets.set(model, set)
}
