import type { Ledger } from '../../../core/ledger/ledger.ts'
import type { Names } from './names.ts'

/** What the pages over the ledger's sums are given. */
export interface SpendPorts {
  readonly ledger: Ledger
  readonly names: Names
  /** Unix ms. */
  readonly now: () => number
}
