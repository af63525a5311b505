import type { Row } from './row.ts'

/** A regenerated key that counts as its successor until its grace period ends (contract 3.4). */
export interface RetiredKey {
  readonly id: string
  /** Hash of the key that took its place. */
  readonly successor: string
  /** Unix ms. */
  readonly until: number
}

/** @returns `undefined` for a row that names no successor or no end: such a key is refused */
export function compileRetiredKey(row: Row): RetiredKey | undefined {
  const successor = row.text('active_token_id')
  const until = row.time('revoke_at')
  if (successor !== undefined && until !== undefined) return Object.freeze({ id: row.id, successor, until })
  if (successor === undefined) row.odd('active_token_id', 'the hash of a key')
  if (until === undefined) row.odd('revoke_at', 'a time')
  return undefined
}
