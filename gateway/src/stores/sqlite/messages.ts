import type { SqlRow, SqlValue } from '../sql.ts'

/**
 * The connections in the thread. `write` has the only one that writes, `read` answers statements by themselves, `view` holds the
 * consistent view of one transaction that reads.
 */
export type Lane = 'write' | 'read' | 'view'

export interface Statement {
  readonly text: string
  readonly parameters: readonly SqlValue[]
  /** The one parameter is a JSON list of lists of values; the statement is run for each. */
  readonly each?: boolean
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
  | { readonly type: 'rows'; readonly id: number; readonly rows: readonly SqlRow[] }
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
