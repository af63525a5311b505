import type { SqlRow, SqlValue } from '../sql.ts'

/**
 * The connections in the thread. `write` has the only one that writes, `read` answers statements by themselves, `view` holds the
 * consistent view of one transaction that reads.
 */
export type Lane = 'write' | 'read' | 'view'

export interface Statement {
  readonly text: string
  readonly parameters: readonly SqlValue[]
}

/** Rows one after the other: thirty thousand objects, with the names of their columns in each, take ten times as long to pass over. */
export interface Table {
  readonly columns: readonly string[]
  /** As many as there are columns for each row. */
  readonly values: readonly SqlValue[]
}

export function rowsOf({ columns, values }: Table): readonly SqlRow[] {
  const rows: SqlRow[] = []
  for (let from = 0; from < values.length; from += columns.length) {
    const row: Record<string, SqlValue> = {}
    for (const [index, column] of columns.entries()) row[column] = values[from + index] ?? null
    rows.push(row)
  }
  return rows
}

export type Request =
  | {
      readonly type: 'run'
      readonly id: number
      readonly lane: Lane
      /** Run in order up to the first that fails; the rows of the one named by `answer` are answered. */
      readonly statements: readonly Statement[]
      readonly answer: number
      /** Whether a failure rolls the transaction back. */
      readonly undo: boolean
    }
  | { readonly type: 'watch'; readonly on: boolean }
  | { readonly type: 'close' }

export type Reply =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'rows'; readonly id: number; readonly table: Table }
  | {
      readonly type: 'error'
      readonly id: number
      /** `locked`: another process writes. `bug`: the statement is wrong. */
      readonly kind: 'away' | 'busy' | 'locked' | 'bug'
      readonly message: string
    }
  /** Something was committed, here or by another process. */
  | { readonly type: 'changed' }

export interface ThreadOptions {
  readonly file: string
  /** `false`: the `read` lane only. */
  readonly writes: boolean
}
