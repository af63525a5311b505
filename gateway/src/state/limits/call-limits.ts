import type { Demand, Limiter, Reservation, Taking } from '../../core/limit.ts'
import type { Customer, Principal } from '../../core/principal.ts'
import type { LimitSettings } from '../../core/settings.ts'
import type { Usage } from '../../core/usage.ts'
import type { LimitFigures } from './figures.ts'
import { OutputSizes } from './output-sizes.ts'
import { refusalError } from './refusal.ts'
import { type Rule, type RuleSet, Rules, type SpenderRule } from './rules.ts'
import type { Spend, SpendBook } from './spend.ts'

export interface CallLimitsOptions {
  readonly limiter: Limiter
  readonly spending: SpendBook
  readonly figures: LimitFigures
  /** Of requests and tokens, ms; `LITELLM_RATE_LIMIT_WINDOW_SIZE`. */
  readonly windowMs: number
  /** Told once per budget window when a holder has passed its soft budget. */
  readonly onSoftBudget: (holder: string, spent: number, softBudget: number) => void
}

/** Whom a call concerns. */
export interface LimitedCall {
  readonly principal: Principal
  readonly customer: Customer | undefined
  /** Named by the request, whether or not there is a row of it. */
  readonly endUser: string | undefined
  /** The name that is routed. */
  readonly model: string
  readonly settings: LimitSettings
}

/** How much a call may use, as far as one can know before it is made. */
export interface CallSize {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Billionths of a dollar, at the dearest of the deployments; 0 where no price is known. */
  readonly cost: number
  /** Every deployment is known to cost nothing: no budget is asked. */
  readonly free: boolean
}

/** What came of a call. */
export interface CallOutcome {
  readonly succeeded: boolean
  readonly usage: Usage | undefined
  /** Billionths of a dollar; `undefined`: unknown, if anything was used at all. */
  readonly cost: number | undefined
  readonly tags: readonly string[]
  /** `undefined`: no deployment answered. */
  readonly served: { readonly group: string; readonly provider: string; readonly deployment: string } | undefined
}

/** Room that a call has taken. */
export interface Admission {
  readonly demands: readonly Demand[]
  readonly reservation: Reservation
}

const noSize: CallSize = { inputTokens: 0, outputTokens: 0, cost: 0, free: false }
const maxWarned = 10_000

/** Limits and budgets of calls: asked before a call is made, told what it came to. */
export class CallLimits {
  readonly outputs = new OutputSizes()
  readonly #options: CallLimitsOptions
  readonly #rules: Rules
  readonly #warned = new Map<string, number>()

  constructor(options: CallLimitsOptions) {
    this.#options = options
    this.#rules = new Rules(options.windowMs)
  }

  /**
   * Takes room for a call, at once where nothing or memory limits it.
   * @param size asked only when the call's size matters
   * @throws GatewayError `rate_limit_exceeded` (429), `budget_exceeded` (422), also by rejection
   */
  admit(call: LimitedCall, size: () => CallSize): Admission | undefined | Promise<Admission> {
    const own = this.#rules.ofPrincipal(call.principal, call.model, call.settings)
    const customer = this.#customerRules(call)
    if (own.rules.length === 0 && (customer === undefined || customer.rules.length === 0)) return undefined
    const sized = own.sized || customer?.sized === true ? size() : noSize
    const demands: Demand[] = []
    const now = this.#options.limiter.now()
    addDemands(demands, own.rules, sized, call.settings, now)
    if (customer !== undefined) addDemands(demands, customer.rules, sized, call.settings, now)
    if (demands.length === 0) return undefined
    const taking = this.#options.limiter.reserve(demands)
    return taking instanceof Promise
      ? taking.then((taken) => this.#admitted(call, demands, taken))
      : this.#admitted(call, demands, taking)
  }

  /** To be told of every call that was admitted, once, whatever came of it. */
  settle(call: LimitedCall, admission: Admission | undefined, outcome: CallOutcome, clockNow: number): void {
    const { usage, served } = outcome
    const cost = outcome.cost ?? 0
    if (usage !== undefined && outcome.cost === undefined) this.#options.figures.uncosted += 1
    if (usage !== undefined && served !== undefined) this.outputs.add(served.group, usage.outputTokens, clockNow)
    admission?.reservation.settle(admission.demands.map((demand) => usedOf(demand, outcome, call.settings)))
    if (cost > 0) this.#spend(call, outcome, cost)
  }

  /** What the caller's key has spent so far, billionths of a dollar; `undefined` where this process does not know. */
  keySpend(call: LimitedCall, admission: Admission | undefined): number | undefined {
    const { key } = call.principal
    if (key === undefined) return undefined
    const known = this.#options.spending.known(`api_key:${key.id}`)
    if (known !== undefined || admission === undefined) return known
    const index = admission.demands.findIndex(
      ({ descriptor, measure }) => descriptor === 'api_key' && measure === 'budget',
    )
    const demand = admission.demands[index]
    const left = admission.reservation.remaining[index]
    // Before the first write only the counter knows; at its end it does not tell how far it is beyond.
    return demand === undefined || left === undefined || left === 0 ? undefined : demand.limit - left - demand.amount
  }

  #admitted(call: LimitedCall, demands: readonly Demand[], taking: Taking): Admission {
    if ('reservation' in taking) return { demands, reservation: taking.reservation }
    this.#options.figures.refuse(taking.refusal)
    throw refusalError(taking.refusal, call.principal, this.#options.limiter.now())
  }

  #customerRules(call: LimitedCall): RuleSet | undefined {
    return call.customer === undefined ? undefined : this.#rules.ofCustomer(call.customer, call.model, call.settings)
  }

  #spend(call: LimitedCall, { served, tags }: CallOutcome, cost: number): void {
    const now = this.#options.limiter.now()
    const spends: Spend[] = []
    const add = (rule: SpenderRule) => {
      const ends = rule.window?.ends(now)
      spends.push({
        spender: rule.name,
        amount: cost,
        window: ends === undefined ? undefined : { start: ends[0], end: ends[1] },
      })
    }
    const own = this.#rules.ofPrincipal(call.principal, call.model, call.settings)
    const customer = this.#customerRules(call)
    own.spenders.forEach(add)
    customer?.spenders.forEach(add)
    const named = (spender: string) => spends.push({ spender, amount: cost, window: undefined })
    if (customer === undefined && call.endUser !== undefined) named(`end_user:${call.endUser}`)
    for (const tag of tags) named(`tag:${tag}`)
    if (served !== undefined) {
      named(`model:${served.group}`)
      named(`provider:${served.provider}`)
      named(`deployment:${served.deployment}`)
    }
    this.#options.spending.add(spends)
    for (const rule of own.spenders) this.#checkSoftBudget(rule, now)
    if (customer !== undefined) for (const rule of customer.spenders) this.#checkSoftBudget(rule, now)
  }

  #checkSoftBudget(rule: SpenderRule, now: number): void {
    if (rule.softBudget === undefined) return
    const spent = this.#options.spending.known(rule.name)
    if (spent === undefined || spent < rule.softBudget) return
    this.#options.figures.passSoftBudget(rule.kind)
    const windowEnd = rule.window?.ends(now)[1] ?? 0
    if (this.#warned.get(rule.name) === windowEnd) return
    if (this.#warned.size >= maxWarned) this.#warned.clear()
    this.#warned.set(rule.name, windowEnd)
    this.#options.onSoftBudget(rule.name, spent, rule.softBudget)
  }
}

function addDemands(
  demands: Demand[],
  rules: readonly Rule[],
  size: CallSize,
  settings: LimitSettings,
  now: number,
): void {
  for (const { demand, window } of rules) {
    if (demand.measure === 'tokens') {
      demands.push({ ...demand, amount: countedTokens(size.inputTokens, size.outputTokens, settings) })
    } else if (demand.measure === 'budget') {
      // A model that costs nothing can be used when the money is gone; a budget of 0 is a way to block somebody.
      if (size.free && demand.limit > 0) continue
      demands.push({
        ...demand,
        amount: size.cost,
        window: window === undefined ? undefined : { type: 'calendar', ends: window.ends(now) },
      })
    } else {
      demands.push(demand)
    }
  }
}

function usedOf(demand: Demand, { succeeded, usage, cost }: CallOutcome, settings: LimitSettings): number {
  switch (demand.measure) {
    case 'requests':
    case 'parallel':
      return demand.amount
    case 'tokens':
      if (usage !== undefined) return countedTokens(usage.inputTokens, usage.outputTokens, settings)
      // A provider that told nothing of an answer has sent one: what was taken for it stays taken.
      return succeeded ? demand.amount : 0
    case 'budget':
      return cost ?? 0
    default:
      return demand.measure satisfies never
  }
}

function countedTokens(input: number, output: number, { countedTokens: which }: LimitSettings): number {
  if (which === 'input') return input
  return which === 'output' ? output : input + output
}
