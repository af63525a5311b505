import { setTimeout as sleep } from 'node:timers/promises'
import type { GatewayError } from '../../core/errors.ts'
import type { Demand, Limiter, Refusal, Reservation, Taking } from '../../core/limit.ts'
import type { LimitSettings } from '../../core/settings.ts'
import type { Charge } from '../../core/spend.ts'
import type { Clock } from '../../lib/clock.ts'
import { CallCharges } from './call-charges.ts'
import { CallSizes, noAmounts } from './call-sizes.ts'
import { addDemands, usedOf, whole } from './demands.ts'
import type { LimitFigures } from './figures.ts'
import {
  type CallOutcome,
  type CallSize,
  type ChargedOutcome,
  hasBudget,
  type LimitedCall,
  rulesOfEndUser,
} from './limited-call.ts'
import { refusalError } from './refusal.ts'
import { type RuleSet, Rules } from './rules.ts'
import type { SpendBook } from './spend.ts'
import { TargetLimits } from './target-limits.ts'

export interface CallLimitsOptions {
  readonly limiter: Limiter
  readonly clock: Clock
  readonly spending: SpendBook
  readonly figures: LimitFigures
  /** Of requests and tokens, ms; `LITELLM_RATE_LIMIT_WINDOW_SIZE`. */
  readonly windowMs: number
  /** Told once per budget window when a holder has passed its soft budget. */
  readonly onSoftBudget: (holder: string, spent: number, softBudget: number) => void
}

/** Room that a call has taken. */
export interface Admission {
  readonly demands: readonly Demand[]
  readonly reservation: Reservation
  /** As it was estimated; `undefined`: nothing asked for it. */
  readonly size: CallSize | undefined
}

const nobody: readonly never[] = []
const longestBudgetWaitMs = 5_000
/** Tokens are refused with a 429, which clients repeat by themselves. */
const longestTokenWaitMs = 2_000
const maxWaiting = 2_000

/** A call that asks for room. */
interface Ask {
  readonly call: LimitedCall
  readonly rules: readonly RuleSet[]
  readonly size: CallSize | undefined
}

/** Limits and budgets of calls: asked before a call is made, told what it came to. */
export class CallLimits {
  readonly sizes = new CallSizes()
  /** Of deployments and providers. */
  readonly targets: TargetLimits
  readonly #options: CallLimitsOptions
  readonly #rules: Rules
  readonly #charges: CallCharges
  #waiting = 0
  /** Tokens that calls of this process have taken and not settled, by counter. */
  readonly #underWay = new Map<string, number>()

  constructor(options: CallLimitsOptions) {
    this.#options = options
    this.#rules = new Rules(options.windowMs)
    this.targets = new TargetLimits({ ...options, sizes: this.sizes })
    this.#charges = new CallCharges({ ...options, rules: this.#rules, targets: this.targets })
  }

  /**
   * Takes room for a call, at once where nothing or memory limits it.
   * @param estimate asked only when the call's size matters: how much it may use, cost at the dearest of the deployments, 0 where no price is known
   * @throws GatewayError `rate_limit_exceeded` (429), `budget_exceeded` (422), also by rejection
   */
  admit(call: LimitedCall, estimate: () => CallSize): Admission | undefined | Promise<Admission> {
    const own = this.#rules.ofPrincipal(call.principal, call.model, call.settings)
    const endUser = rulesOfEndUser(this.#rules, call)
    const tags = this.#tagRules(call)
    if (own.rules.length === 0 && !isLimiting(endUser) && tags.length === 0) return undefined
    const rules = [own, endUser, ...tags].filter((set) => set !== undefined)
    const size = rules.some(({ sized }) => sized) ? estimate() : undefined
    const ask: Ask = { call, rules, size }
    const demands = this.#demands(ask)
    if (demands.length === 0) return undefined
    const taking = this.#options.limiter.reserve(demands)
    return taking instanceof Promise
      ? taking.then((taken) => this.#admitted(ask, demands, taken))
      : this.#admitted(ask, demands, taking)
  }

  /** To be told of every call that was admitted, once, whatever came of it. */
  settle(call: LimitedCall, admission: Admission | undefined, outcome: CallOutcome): void {
    const { usage, served } = outcome
    const cost = whole(outcome.cost ?? 0)
    if (usage !== undefined && outcome.cost === undefined) this.#options.figures.uncosted += 1
    if (usage !== undefined && served !== undefined) {
      const used = { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, cost }
      // After a fallback another group answered than was estimated.
      const size = admission?.size?.group === served.group ? admission.size : undefined
      this.sizes.add(served.group, used, size, this.#options.clock.now())
    }
    if (admission !== undefined) this.#giveBack(admission, outcome, call.settings)
  }

  /**
   * Adds what a call cost to everybody's sums; once, before its caller is told the end.
   * @returns who is charged, for the call's row
   */
  charge(call: LimitedCall, outcome: ChargedOutcome, row: 'row' | 'no-row'): readonly Charge[] {
    return this.#charges.charge(call, outcome, row)
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

  #demands({ call, rules, size }: Ask): readonly Demand[] {
    const { clock, limiter } = this.#options
    const amounts = size === undefined ? noAmounts : this.sizes.correct(size.group, size, clock.now())
    const demands: Demand[] = []
    const now = limiter.now()
    for (const set of rules) addDemands(demands, set.rules, amounts, size?.free === true, call.settings, now)
    return demands
  }

  #admitted(ask: Ask, demands: readonly Demand[], taking: Taking): Admission | Promise<Admission> {
    if ('reservation' in taking) return this.#admission(ask, demands, taking.reservation)
    if (this.#isOnlyHeld(taking.refusal, ask) && this.#waiting < maxWaiting) return this.#wait(ask, taking.refusal)
    throw this.#refused(ask.call, taking.refusal)
  }

  #admission({ size }: Ask, demands: readonly Demand[], reservation: Reservation): Admission {
    for (const { measure, counter, amount } of demands) {
      if (measure === 'tokens') this.#underWay.set(counter, (this.#underWay.get(counter) ?? 0) + amount)
    }
    return { demands, reservation, size }
  }

  /** Calls under way hold what is left, and will give back what they do not use: to refuse now would be too early. */
  async #wait(ask: Ask, first: Refusal): Promise<Admission> {
    const { clock, limiter } = this.#options
    const until = clock.now() + (first.demand.measure === 'budget' ? longestBudgetWaitMs : longestTokenWaitMs)
    this.#waiting += 1
    try {
      for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 200)) {
        await sleep(pauseMs * (0.75 + Math.random() / 2))
        // Answers that came meanwhile may have corrected the estimate.
        const demands = this.#demands(ask)
        const taking = await limiter.reserve(demands)
        if ('reservation' in taking) return this.#admission(ask, demands, taking.reservation)
        if (!this.#isOnlyHeld(taking.refusal, ask) || clock.now() > until) throw this.#refused(ask.call, taking.refusal)
      }
    } finally {
      this.#waiting -= 1
    }
  }

  /**
   * Whether nothing but what calls under way hold keeps a call out. Of money every place knows what is held; of tokens this process
   * knows its own, and that of a group without an answer yet far too much is held.
   */
  #isOnlyHeld({ demand, current, held }: Refusal, { size }: Ask): boolean {
    if (demand.limit === 0) return false
    if (demand.measure === 'budget') return held > 0 && current - held < demand.limit
    if (demand.measure !== 'tokens') return false
    const underWay = this.#underWay.get(demand.counter) ?? 0
    return current - underWay < demand.limit || (size !== undefined && !this.sizes.isKnown(size.group))
  }

  #refused(call: LimitedCall, refusal: Refusal): GatewayError {
    this.#options.figures.refuse(refusal)
    return refusalError(refusal, call.principal, this.#options.limiter.now())
  }

  #giveBack({ demands, reservation }: Admission, outcome: CallOutcome, settings: LimitSettings): void {
    reservation.settle(demands.map((demand) => usedOf(demand, outcome, settings)))
    for (const { measure, counter, amount } of demands) {
      if (measure !== 'tokens') continue
      const left = (this.#underWay.get(counter) ?? 0) - amount
      if (left > 0) this.#underWay.set(counter, left)
      else this.#underWay.delete(counter)
    }
  }

  /** Of the tags' records; `tag_budget_config` bounds those whose record says nothing of money. */
  #tagRules({ tags, tagged, settings }: LimitedCall): readonly RuleSet[] {
    if (tagged.length === 0 && settings.tags.size === 0) return nobody
    const sets = tagged.map((tag) => this.#rules.ofTag(tag, settings)).filter(isLimiting)
    if (settings.tags.size === 0) return sets
    const others =
      tagged.length === 0 ? tags : tags.filter((name) => !tagged.some((tag) => tag.id === name && hasBudget(tag)))
    const rules = this.targets.rulesOfTags(others, settings)
    return rules.length === 0 ? sets : [...sets, { rules, spenders: nobody, sized: true }]
  }
}

function isLimiting(set: RuleSet | undefined): boolean {
  return set !== undefined && set.rules.length > 0
}
