import { setImmediate as turn } from 'node:timers/promises'
import { type LedgerScope, ledgerScopes } from '../../core/ledger/ledger.ts'
import type { Cell } from '../../core/ledger/tally.ts'
import { dayMs, utcDay } from '../../lib/utc-day.ts'
import { grainsOf, storedScope } from './grains.ts'
import { withSumNames } from './sum-names.ts'

const names = ['scope', 'holder', 'day', 'key_hash', 'model_group', 'provider', 'provider_model'] as const
const measures = [
  'calls',
  'failed',
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'cost',
  'uncosted',
] as const

/** Who a cell's calls count for. */
const holders: Readonly<Record<LedgerScope, (cell: Cell) => readonly string[]>> = {
  all: () => everybody,
  key: ({ key }) => some(key),
  user: ({ user }) => some(user),
  team: ({ team }) => some(team),
  organization: ({ organization }) => some(organization),
  'end-user': ({ endUser }) => some(endUser),
  tag: ({ tags }) => tags,
}

const everybody = ['']
const nobody: readonly string[] = []

function some(holder: string): readonly string[] {
  return holder === '' ? nobody : [holder]
}

/** What a cell's calls add to one row of `midflight_ledger_daily`. */
interface DailyRow {
  readonly scope: string
  readonly holder: string
  readonly day: string
  /** `undefined`: of all keys. */
  readonly key: string | undefined
  /** Has the models; `undefined`: of all models. */
  readonly model: Cell | undefined
  /** The cell itself, as long as it is the only one. */
  sums: Measures
  isOwn: boolean
}

type Measures = Pick<
  Cell,
  'calls' | 'failed' | 'inputTokens' | 'outputTokens' | 'cachedTokens' | 'cacheWriteTokens' | 'cost' | 'uncosted'
>

/** Cells are counted, and rows written out, in steps of some 2 ms, for which the event loop does not stand still. */
const stepCells = 100
const stepRows = 250

/**
 * What cells add to the daily sums of everybody, each key, user, team, organization, end user and tag.
 * @returns JSON lists of rows, for `addDailyRows`
 */
export async function dailyRows(cells: Iterable<Cell>): Promise<readonly string[]> {
  const rows = new Map<string, DailyRow>()
  let counted = 0
  for (const cell of cells) {
    addCell(rows, withSumNames(cell))
    counted += 1
    if (counted % stepCells === 0) await turn()
  }
  const lists: string[] = []
  for (const step of inSteps([...rows.values()], stepRows)) {
    if (lists.length > 0) await turn()
    lists.push(JSON.stringify(step.map(valuesOf)))
  }
  return lists
}

function* inSteps<Item>(items: readonly Item[], size: number): Iterable<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}

function addCell(rows: Map<string, DailyRow>, cell: Cell): void {
  const day = utcDay(cell.day * dayMs)
  const models = `${cell.modelGroup}\0${cell.provider}\0${cell.providerModel}`
  for (const scope of ledgerScopes) {
    for (const holder of holders[scope](cell)) {
      for (const grain of grainsOf(scope)) {
        const stored = storedScope(scope, grain)
        const key = grain === 'key' ? cell.key : undefined
        const model = grain === 'day' ? undefined : cell
        const name = `${stored}\0${holder}\0${day}\0${key ?? ''}\0${model === undefined ? '' : models}`
        const row = rows.get(name)
        if (row === undefined) rows.set(name, { scope: stored, holder, day, key, model, sums: cell, isOwn: false })
        else addTo(row, cell)
      }
    }
  }
}

function addTo(row: DailyRow, cell: Cell): void {
  if (!row.isOwn) {
    row.sums = { ...row.sums }
    row.isOwn = true
  }
  const { sums } = row
  sums.calls += cell.calls
  sums.failed += cell.failed
  sums.inputTokens += cell.inputTokens
  sums.outputTokens += cell.outputTokens
  sums.cachedTokens += cell.cachedTokens
  sums.cacheWriteTokens += cell.cacheWriteTokens
  sums.cost += cell.cost
  sums.uncosted += cell.uncosted
}

/** In the order of `columns`. */
function valuesOf({ scope, holder, day, key, model, sums }: DailyRow): readonly (string | number)[] {
  const { calls, failed, inputTokens, outputTokens, cachedTokens, cacheWriteTokens, cost, uncosted } = sums
  return [
    ...[scope, holder, day, key ?? '', model?.modelGroup ?? '', model?.provider ?? '', model?.providerModel ?? ''],
    ...[calls, failed, inputTokens, outputTokens, cachedTokens, cacheWriteTokens, cost, uncosted],
  ]
}

const columns = [...names, ...measures]
const cellsOfRow = columns.map((_, place) =>
  place < names.length ? `value ->> ${place}` : `CAST(value ->> ${place} AS BIGINT)`,
)
const from = {
  // Read as text, each value of a row would have its JSON parsed again.
  sqlite: 'jsonb_each(jsonb($1)) WHERE true',
  postgres: 'json_array_elements(CAST($1 AS json))',
} as const

const upsert = (dialect: keyof typeof from) => `
  INSERT INTO midflight_ledger_daily (${columns.join(', ')}) SELECT ${cellsOfRow.join(', ')} FROM ${from[dialect]}
  ON CONFLICT (${names.join(', ')}) DO UPDATE SET
    ${measures.map((name) => `${name} = midflight_ledger_daily.${name} + excluded.${name}`).join(', ')}`

/** Adds the rows of $1, a JSON list of them. */
export const addDailyRows = { sqlite: upsert('sqlite'), postgres: upsert('postgres') } as const
