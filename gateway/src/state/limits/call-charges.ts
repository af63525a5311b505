import type { Limiter } from '../../core/limit.ts'
import { type Charge, spenderName } from '../../core/spend.ts'
import { whole } from './demands.ts'
import type { LimitFigures } from './figures.ts'
import { type ChargedOutcome, hasBudget, type LimitedCall, rulesOfEndUser } from './limited-call.ts'
import type { BudgetWindow, Rules, SpenderRule } from './rules.ts'
import type { SpendBook } from './spend.ts'
import type { TargetLimits } from './target-limits.ts'

export interface CallChargesOptions {
  readonly limiter: Pick<Limiter, 'now'>
  readonly rules: Rules
  readonly targets: TargetLimits
  readonly spending: SpendBook
  readonly figures: LimitFigures
  /** Told once per budget window when a holder has passed its soft budget. */
  readonly onSoftBudget: (holder: string, spent: number, softBudget: number) => void
}

const nobody: readonly never[] = []
const maxWarned = 10_000
const maxNames = 20_000

/** Whose sums the cost of a call is added to: caller, end user, tags, and whoever answered. */
export class CallCharges {
  readonly #options: CallChargesOptions
  readonly #names = {
    model: new Map<string, string>(),
    provider: new Map<string, string>(),
    deployment: new Map<string, string>(),
  }
  /** End of the window in which its soft budget was last told of, by holder. */
  readonly #warned = new Map<string, number>()

  constructor(options: CallChargesOptions) {
    this.#options = options
  }

  /**
   * Adds what a call cost to everybody's sums; once, before its caller is told the end.
   * @returns who is charged, for the call's row
   */
  charge(call: LimitedCall, outcome: ChargedOutcome, row: 'row' | 'no-row'): readonly Charge[] {
    const cost = whole(outcome.cost ?? 0)
    if (cost === 0) return nobody
    const { limiter, rules, spending } = this.#options
    const now = limiter.now()
    const own = rules.spendersOf(call.principal, call.model, call.settings)
    const ofEndUser = rulesOfEndUser(rules, call)?.spenders ?? nobody
    const charges: Charge[] = []
    for (const rule of own) charges.push(chargeOf(rule.name, rule.window, now))
    for (const rule of ofEndUser) charges.push(chargeOf(rule.name, rule.window, now))
    if (ofEndUser === nobody && call.endUser !== undefined) {
      charges.push(chargeOf(spenderName({ kind: 'end_user', value: call.endUser }), undefined, now))
    }
    const ofTags = this.#chargedTags(charges, call, now)
    this.#pushOthers(charges, call, outcome, now)
    spending.charge(charges, cost, now, row)
    for (const rule of own) if (rule.softBudget !== undefined) this.#checkSoftBudget(rule, now)
    for (const rule of ofEndUser) if (rule.softBudget !== undefined) this.#checkSoftBudget(rule, now)
    for (const rule of ofTags) if (rule.softBudget !== undefined) this.#checkSoftBudget(rule, now)
    return charges
  }

  /** @returns the sums of those tags that have a record */
  #chargedTags(charges: Charge[], { tags, tagged, settings }: LimitedCall, now: number): readonly SpenderRule[] {
    const recorded: SpenderRule[] = []
    for (const name of tags) {
      const record = tagged.find(({ id }) => id === name)
      const [own] = record === undefined ? nobody : this.#options.rules.ofTag(record, settings).spenders
      if (own !== undefined) recorded.push(own)
      // One counter has one window: that of the limit that holds.
      const window =
        settings.tags.has(name) && !hasBudget(record) ? this.#options.targets.windowOfTag(name, settings) : own?.window
      charges.push(chargeOf(own?.name ?? spenderName({ kind: 'tag', value: name }), window, now))
    }
    return recorded
  }

  #pushOthers(charges: Charge[], call: LimitedCall, { served }: ChargedOutcome, now: number): void {
    if (served === undefined) return
    const { group, deployment } = served
    charges.push(chargeOf(this.#nameOf('model', group), undefined, now))
    const ofProvider = this.#options.targets.windowOfProvider(deployment.provider, call.settings)
    charges.push(chargeOf(this.#nameOf('provider', deployment.provider), ofProvider, now))
    const ofDeployment = this.#options.targets.windowOf(deployment.limits, call.settings)
    charges.push(chargeOf(this.#nameOf('deployment', deployment.id), ofDeployment, now))
  }

  /** Joined once: a joined text is hashed anew with every call. */
  #nameOf(kind: 'model' | 'provider' | 'deployment', value: string): string {
    const names = this.#names[kind]
    let name = names.get(value)
    if (name === undefined) {
      if (names.size >= maxNames) names.clear()
      name = spenderName({ kind, value })
      names.set(value, name)
    }
    return name
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

function chargeOf(spender: string, window: BudgetWindow | undefined, now: number): Charge {
  if (window === undefined) return { spender, window: undefined }
  const [start, end] = window.ends(now)
  return { spender, window: { start, end } }
}
