import type { DailyDimension, DailyQuery, DailySum } from '../../core/ledger/ledger.ts'
import type { Dialect } from '../dialect.ts'
import { scopeFor } from './grains.ts'
import { sumName } from './sum-names.ts'

/** A statement with its values, `$1` on. */
interface Statement {
  readonly text: string
  readonly values: readonly (string | number)[]
}

/** Conditions that all hold, with their values. */
class Where {
  readonly values: (string | number)[] = []
  readonly #conditions: string[] = []

  /** @param condition with `?` where the value goes */
  and(condition: string, value: string | number | undefined): void {
    if (value === undefined) return
    this.values.push(value)
    this.#conditions.push(condition.replace('?', `$${this.values.length}`))
  }

  toString(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`
  }
}

const dimensionColumns: Readonly<Record<DailyDimension, string>> = {
  holder: 'holder',
  day: 'day',
  key: 'key_hash',
  modelGroup: 'model_group',
  provider: 'provider',
  model: 'provider_model',
}

const sumColumns = {
  calls: 'calls',
  failed: 'failed',
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
  cachedTokens: 'cached_tokens',
  cacheWriteTokens: 'cache_write_tokens',
  cost: 'cost',
  uncosted: 'uncosted',
} as const

/** Of more holders the days are read through. */
const fewHolders = 20

export function dailyStatement(query: DailyQuery, { by, isAmong }: Pick<Dialect, 'by' | 'isAmong'>): Statement {
  const where = new Where()
  where.and('scope = ?', scopeFor(query))
  where.and(isAmong('holder', '?'), query.holders && JSON.stringify(query.holders.map(sumName)))
  where.and('day >= ?', query.from)
  where.and('day <= ?', query.to)
  where.and('model_group = ?', nameOf(query.model))
  where.and('provider = ?', nameOf(query.provider))
  where.and('key_hash = ?', nameOf(query.key))
  const isOfFew = query.holders !== undefined && query.scope !== 'all' && query.holders.length <= fewHolders
  const index = isOfFew ? by('midflight_ledger_daily_holder') : ''
  const dimensions = query.by.map((dimension) => dimensionColumns[dimension])
  const sums = Object.values(sumColumns).map((column) => `${sumOf(column)} AS ${column}`)
  const grouped = dimensions.length === 0 ? '' : `GROUP BY ${dimensions.join(', ')} ORDER BY ${dimensions.join(', ')}`
  return {
    text: `SELECT ${[...dimensions, ...sums].join(', ')} FROM midflight_ledger_daily${index} ${where} ${grouped}`,
    values: where.values,
  }
}

function nameOf(asked: string | undefined): string | undefined {
  return asked === undefined ? undefined : sumName(asked)
}

/** Money of many years is no safe integer, and is read as text. PostgreSQL's sums of large numbers are text anyway. */
function sumOf(column: string): string {
  return column === 'cost' ? 'CAST(SUM(cost) AS TEXT)' : `SUM(${column})`
}

/** @param row of `dailyStatement` */
export function dailySumOf(row: Readonly<Record<string, unknown>>, by: readonly DailyDimension[]): DailySum {
  const text = (dimension: DailyDimension) =>
    by.includes(dimension) ? String(row[dimensionColumns[dimension]] ?? '') : ''
  const sum = (name: keyof typeof sumColumns) => Number(row[sumColumns[name]] ?? 0)
  return {
    holder: text('holder'),
    day: text('day'),
    key: text('key'),
    modelGroup: text('modelGroup'),
    provider: text('provider'),
    model: text('model'),
    calls: sum('calls'),
    failed: sum('failed'),
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    cachedTokens: sum('cachedTokens'),
    cacheWriteTokens: sum('cacheWriteTokens'),
    cost: sum('cost'),
    uncosted: sum('uncosted'),
  }
}
