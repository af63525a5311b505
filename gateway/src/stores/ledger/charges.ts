import type { Charge, ChargedCalls } from '../../core/spend.ts'
import type { SqlSession } from '../sql.ts'
import { chargesCell, columns } from './columns.ts'

/** Adds to sums what new rows cost, in the transaction that keeps the rows; so a sum has exactly the calls that the ledger has. */
export type AddCharges = (session: SqlSession, calls: readonly ChargedCalls[]) => Promise<void>

/** Calls of one spender set and cost known: what a row has in its last cell, `[name]` or `[name, start, end]` for each. */
type Cell = readonly (readonly [string] | readonly [string, number, number])[]

/** @returns the last cell of a row; null: the call is charged to nobody, or is added up some other way */
export function cellOf(charges: readonly Charge[]): Cell | null {
  if (charges.length === 0) return null
  return charges.map(({ spender, window }) =>
    window === undefined ? ([spender] as const) : ([spender, window.start, window.end] as const),
  )
}

const cell = (name: (typeof columns)[number][0]) => columns.findIndex(([column]) => column === name)
const number = (name: (typeof columns)[number][0]) => `CAST(value ->> ${cell(name)} AS BIGINT) AS ${name}`

/** Cells are taken out once: SQLite would else do it again wherever a word of them stands. */
const select = (rows: string) => `
  WITH row AS MATERIALIZED (
    SELECT value ->> ${chargesCell} AS charges, value ->> ${cell('id')} AS id,
      ${number('started_at')}, ${number('ended_at')}, ${number('cost')} FROM ${rows}
  )
  SELECT charges, SUM(cost) AS every_cost, MAX(ended_at) AS at, SUM(CASE WHEN EXISTS (
      SELECT 1 FROM midflight_ledger AS known WHERE known.started_at = row.started_at AND known.id = row.id
    ) THEN 0 ELSE cost END) AS fresh_cost
  FROM row WHERE charges IS NOT NULL GROUP BY charges`

const selects = {
  sqlite: select('jsonb_each(jsonb($1))'),
  postgres: select('json_array_elements(CAST($1 AS json))'),
} as const

/**
 * What the rows of $1 cost, by whom it is charged to: calls of the same key and model agree in it, so there are few. To be asked before the
 * rows are kept, where nobody else keeps any.
 */
export async function chargedCalls(session: SqlSession, rows: string): Promise<readonly ChargedCalls[]> {
  const found = await session.query(selects[session.dialect], [rows])
  return found.map(({ charges, every_cost, fresh_cost, at }) => ({
    // Written by `cellOf`.
    charges: (JSON.parse(String(charges)) as Cell).map(([spender, start, end]) => ({
      spender,
      window: start === undefined || end === undefined ? undefined : { start, end },
    })),
    every: Number(every_cost),
    fresh: Number(fresh_cost),
    at: Number(at),
  }))
}
