import type { LimitSettings } from '../../core/settings.ts'
import { parseDuration } from './budget-window.ts'
import { BudgetWindow } from './rules.ts'
import type { SpendBook } from './spend.ts'

interface ProviderBudget {
  readonly spender: string
  /** Billionths of a dollar. */
  readonly limit: number
  readonly window: BudgetWindow | undefined
}

/**
 * `provider_budget_config` (contract 4.7): a provider whose budget is spent gets no calls until its period is over. Nothing is
 * reserved: what other replicas spent is known within a second, so calls under way may pass the budget.
 */
export class ProviderBudgets {
  readonly #spending: Pick<SpendBook, 'known' | 'learn'>
  readonly #compiled = new WeakMap<LimitSettings, ReadonlyMap<string, ProviderBudget>>()

  constructor(spending: Pick<SpendBook, 'known' | 'learn'>) {
    this.#spending = spending
  }

  /** The end of the provider's window, for its sums. */
  windowOf(provider: string, settings: LimitSettings): BudgetWindow | undefined {
    return this.#of(provider, settings)?.window
  }

  /** Whether the provider may be called. A sum that is not known yet is read, and counts from the next call on. */
  isOpen(provider: string, settings: LimitSettings): boolean {
    const budget = this.#of(provider, settings)
    if (budget === undefined) return true
    if (budget.limit === 0) return false
    const spent = this.#spending.known(budget.spender)
    if (spent === undefined) this.#spending.learn(budget.spender)
    return spent === undefined || spent < budget.limit
  }

  #of(provider: string, settings: LimitSettings): ProviderBudget | undefined {
    if (settings.providers.size === 0) return undefined
    let budgets = this.#compiled.get(settings)
    if (budgets === undefined) {
      budgets = compile(settings)
      this.#compiled.set(settings, budgets)
    }
    return budgets.get(provider)
  }
}

function compile(settings: LimitSettings): ReadonlyMap<string, ProviderBudget> {
  const budgets = new Map<string, ProviderBudget>()
  for (const [provider, { limit, period }] of settings.providers) {
    const duration = parseDuration(period)
    const window =
      duration === undefined
        ? undefined
        : new BudgetWindow({ duration, timezone: settings.timezone, anchor: undefined })
    budgets.set(provider, { spender: `provider:${provider}`, limit, window })
  }
  return budgets
}
