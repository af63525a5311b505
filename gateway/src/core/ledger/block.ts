import type { Tally } from './tally.ts'

/** Rows that are brought to the store together: all of one file of the outbox. */
export interface LedgerBlock {
  /** The outbox's owner and the file's number. Blocks of one writer are brought in order, so a number says which are known already. */
  readonly writer: string
  readonly number: number
  /** Lines of `lineOf`, each with its line end, in UTF-8. */
  readonly lines: Uint8Array
  readonly tally: Tally
}
