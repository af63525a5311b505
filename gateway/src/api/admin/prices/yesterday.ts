import { costOf } from '../../../core/cost/cost-of.ts'
import type { PriceBook } from '../../../core/cost/price-book.ts'
import { GatewayError } from '../../../core/errors.ts'
import type { DailySum, Ledger } from '../../../core/ledger/ledger.ts'
import { nanoToUsd } from '../../../core/money.ts'
import { dayMs, utcDay } from '../../../lib/utc-day.ts'

/** What yesterday's calls cost by two maps, dollars. */
export interface Yesterday {
  readonly day: string
  readonly calls: number
  readonly cost_before: number
  readonly cost_after: number
  /** Calls whose model one of the maps has no price for; they are in neither sum. */
  readonly calls_without_price: number
}

/** What was called yesterday, by model. */
export interface CallsOfYesterday {
  readonly day: string
  readonly sums: readonly DailySum[]
}

/** @returns `undefined` while the store is away */
export async function callsOfYesterday(
  ledger: Pick<Ledger, 'daily'>,
  now: number,
): Promise<CallsOfYesterday | undefined> {
  const day = utcDay(now - dayMs)
  try {
    return { day, sums: await ledger.daily({ scope: 'all', from: day, to: day, by: ['provider', 'model'] }) }
  } catch (error) {
    // A map is reloaded; what it would have meant is not worth a failure.
    if (error instanceof GatewayError) return undefined
    throw error
  }
}

/** An estimate: of each model the average call of the day, at list prices, without discounts, margins and deployments' own prices. */
export function yesterdayUnder({ day, sums }: CallsOfYesterday, before: PriceBook, after: PriceBook): Yesterday {
  const total = { calls: 0, unpriced: 0, before: 0, after: 0 }
  for (const sum of sums) {
    const [old, fresh] = [before, after].map((book) => estimate(book, sum))
    total.calls += sum.calls
    if (old === undefined || fresh === undefined) {
      total.unpriced += sum.calls
      continue
    }
    total.before += old
    total.after += fresh
  }
  return {
    day,
    calls: total.calls,
    cost_before: nanoToUsd(total.before),
    cost_after: nanoToUsd(total.after),
    calls_without_price: total.unpriced,
  }
}

function estimate(book: PriceBook, sum: DailySum): number | undefined {
  // A call that failed used nothing, or next to nothing.
  const calls = sum.calls - sum.failed
  if (calls <= 0 || sum.inputTokens + sum.outputTokens === 0) return undefined
  const price = book.findModel(sum.provider, sum.model)
  if (price === undefined) return undefined
  // Prices above a size are those of the average call: the day as a whole is larger than any size.
  const average = (tokens: number): number => Math.round(tokens / calls)
  const cost = costOf(
    {
      inputTokens: average(sum.inputTokens),
      outputTokens: average(sum.outputTokens),
      cachedInputTokens: average(sum.cachedTokens),
      cacheWriteTokens: average(sum.cacheWriteTokens),
    },
    price,
  )
  return cost === undefined ? undefined : cost.total * calls
}
