import type { ReplicaConfirmation } from '../core/change.ts'
import type { ReplicaRow, Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'

export interface ConfirmationsOptions {
  readonly store: Pick<Store, 'replicas'>
  /** Of this process, which runs everything that it has committed. */
  readonly id: string
  readonly clock: Clock
  /** Calls back when a replica may have reported. */
  readonly onReplica: (listener: () => void) => () => void
  readonly leaseMs: number
}

/** Where a report's hint was lost, or there are no hints. */
const lookAgainMs = 100

/**
 * Waits until every replica that may act on what it knows has reported the revision.
 * @param how.waitMs stops waiting after so long, ms
 * @param how.revocation does not stop before every lease that was given on an older state has run out
 */
export async function confirmations(
  options: ConfirmationsOptions,
  revision: number,
  how: { readonly waitMs: number | undefined; readonly revocation: boolean },
): Promise<readonly ReplicaConfirmation[]> {
  const { clock, id } = options
  const startedAt = clock.now()
  // A lease that is extended later was extended after a look that saw the revision.
  const leasesEndAt = startedAt + options.leaseMs
  const endsAt = Math.max(startedAt + (how.waitMs ?? 0), how.revocation ? leasesEndAt : 0)
  const found = new Map<string, ReplicaConfirmation>([[id, { id, revision, state: 'applied' }]])
  const reports = new Reports(options.onReplica)
  try {
    for (;;) {
      const rows = await options.store.replicas().catch(() => undefined)
      for (const row of rows ?? []) if (row.id !== id) note(found, row, revision)
      // A row that is gone is a replica that has left.
      if (rows !== undefined) forgetGone(found, rows, id)
      const now = clock.now()
      const waiting = Array.from(found.values()).some(({ state }) => state === 'pending')
      if (rows !== undefined && !waiting) break
      if (now >= endsAt) break
      await reports.next(Math.min(lookAgainMs, endsAt - now))
    }
  } finally {
    reports.close()
  }
  const leasesAreOver = how.revocation && clock.now() >= leasesEndAt
  return Array.from(found.values(), (each) =>
    each.state === 'pending' && leasesAreOver ? { ...each, state: 'lease-expired' } : each,
  )
}

function note(found: Map<string, ReplicaConfirmation>, row: ReplicaRow, revision: number): void {
  const { id } = row
  const runs = row.revision
  if (runs >= revision) {
    if (row.leaseLeftMs > 0 || found.has(id)) found.set(id, { id, revision: runs, state: 'applied' })
  } else if (row.leaseLeftMs > 0) {
    found.set(id, { id, revision: runs, state: 'pending' })
  } else if (found.has(id)) {
    found.set(id, { id, revision: runs, state: 'lease-expired' })
  }
}

function forgetGone(found: Map<string, ReplicaConfirmation>, rows: readonly ReplicaRow[], self: string): void {
  const there = new Set(rows.map((row) => row.id))
  for (const id of found.keys()) if (id !== self && !there.has(id)) found.delete(id)
}

/** Hints that a replica has reported; one that comes between two waits ends the second at once. */
class Reports {
  readonly #unsubscribe: () => void
  #came = false
  #wake: () => void = () => undefined

  constructor(onReplica: (listener: () => void) => () => void) {
    this.#unsubscribe = onReplica(() => {
      this.#came = true
      this.#wake()
    })
  }

  async next(withinMs: number): Promise<void> {
    if (!this.#came) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#came = false
  }

  close(): void {
    this.#unsubscribe()
    this.#wake()
  }
}
