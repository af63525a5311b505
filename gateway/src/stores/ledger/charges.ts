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
const number = (name: (typeof columns)[number][0]) => `CAST(row.value ->> ${cell(name)} AS BIGINT)`

const select = (rows: string) => `
  SELECT row.value ->> ${chargesCell} AS charges, SUM(${number('cost')}) AS every_cost,
    SUM(CASE WHEN known.id IS NULL THEN ${number('cost')} ELSE 0 END) AS fresh_cost, MAX(${number('ended_at')}) AS at
  FROM ${rows} AS row
    LEFT JOIN midflight_ledger AS known
    ON known.started_at = ${number('started_at')} AND known.id = row.value ->> ${cell('id')}
  WHERE row.value ->> ${chargesCell} IS NOT NULL
  GROUP BY row.value ->> ${chargesCell}`

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
