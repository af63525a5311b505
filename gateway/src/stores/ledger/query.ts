import type { CallQuery, DailyDimension, DailyQuery, DailySum } from '../../core/ledger.ts'
import { columnList } from './columns.ts'
import { scopeFor } from './grains.ts'

/** A statement with its values, `$1` on. */
export interface Statement {
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

  after(row: CallQuery['after']): void {
    if (row === undefined) return
    const places = [row.startedAt, row.id].map((value) => `$${this.values.push(value)}`)
    this.#conditions.push(`(started_at, id) > (${places.join(', ')})`)
  }

  in(column: string, list: readonly string[] | undefined): void {
    if (list === undefined) return
    const places = list.map((value) => `$${this.values.push(value)}`)
    this.#conditions.push(places.length === 0 ? '1 = 0' : `${column} IN (${places.join(', ')})`)
  }

  is(condition: string): void {
    this.#conditions.push(condition)
  }

  toString(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`
  }
}

const sortColumns = {
  started_at: 'started_at',
  ended_at: 'ended_at',
  model: 'provider_model',
  cost: 'COALESCE(cost, 0)',
  tokens: '(COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0))',
  duration: '(ended_at - started_at)',
}

/** A page of calls, and the count of all that match, which stops at `most`. */
export function callStatements(
  query: CallQuery,
  most: number,
): { readonly page: Statement; readonly count: Statement } {
  const where = new Where()
  where.and('started_at >= ?', query.from)
  where.and('started_at < ?', query.to)
  where.and('call_id = ?', query.callId)
  where.and('key_hash = ?', query.key)
  where.and('user_id = ?', query.user)
  where.and('team_id = ?', query.team)
  // The indexes have only calls that have one.
  if (query.user) where.is(`user_id <> ''`)
  if (query.team) where.is(`team_id <> ''`)
  where.and('organization_id = ?', query.organization)
  where.and('end_user = ?', query.endUser)
  where.and('key_alias = ?', query.keyAlias)
  where.and('status = ?', query.status)
  where.and('error = ?', query.error)
  where.and('provider_model = ?', query.model)
  where.and('model_group = ?', query.modelGroup)
  where.and('deployment = ?', query.deployment)
  where.and('cost >= ?', query.minCost)
  where.and('cost <= ?', query.maxCost)
  if (query.failed !== undefined) where.is(query.failed ? 'status >= 400' : 'status < 400')
  where.after(query.after)
  const { values } = where
  const direction = query.ascending === true ? 'ASC' : 'DESC'
  const order = `${sortColumns[query.sort ?? 'started_at']} ${direction}, id ${direction}`
  const places = [`$${values.length + 1}`, `$${values.length + 2}`]
  return {
    page: {
      text: `SELECT ${columnList} FROM midflight_ledger ${where} ORDER BY ${order} LIMIT ${places[0]} OFFSET ${places[1]}`,
      values: [...values, query.limit, query.offset ?? 0],
    },
    count: {
      text: `SELECT COUNT(*) AS total FROM (SELECT 1 AS one FROM midflight_ledger ${where} LIMIT ${places[0]}) AS matching`,
      values: [...values, most],
    },
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

export function dailyStatement(query: DailyQuery): Statement {
  const where = new Where()
  where.and('scope = ?', scopeFor(query))
  where.in('holder', query.holders)
  where.and('day >= ?', query.from)
  where.and('day <= ?', query.to)
  where.and('model_group = ?', query.model)
  where.and('provider = ?', query.provider)
  where.and('key_hash = ?', query.key)
  const dimensions = query.by.map((dimension) => dimensionColumns[dimension])
  const sums = Object.values(sumColumns).map((column) => `CAST(SUM(${column}) AS TEXT) AS ${column}`)
  const grouped = dimensions.length === 0 ? '' : `GROUP BY ${dimensions.join(', ')} ORDER BY ${dimensions.join(', ')}`
  return {
    text: `SELECT ${[...dimensions, ...sums].join(', ')} FROM midflight_ledger_daily ${where} ${grouped}`,
    values: where.values,
  }
}

/** @param row of `dailyStatement`; sums come as text, because money of many years is no safe integer */
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
