import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { LedgerHealth } from '../api/admin/configuration/status.ts'
import type { CallLedger } from '../calls/ports.ts'
import type { Ledger } from '../core/ledger/ledger.ts'
import type { LedgerRow } from '../core/ledger/row.ts'
import type { SettledCall } from '../core/ledger/settled-call.ts'
import type { Charge } from '../core/spend.ts'
import { type LedgerSink, Mover } from '../ledger/mover.ts'
import { Outbox } from '../ledger/outbox.ts'
import { startUpkeep } from '../ledger/upkeep.ts'
import type { Clock } from '../lib/clock.ts'
import { createIds } from '../lib/ids.ts'
import type { Log } from '../lib/log.ts'
import { recordBeforeSends, type Sender } from '../lib/turn-end.ts'
import type { SpendBook } from '../state/limits/spend.ts'
import { createLedger } from '../stores/ledger/ledger.ts'
import type { SqlDatabase } from '../stores/sql.ts'

/** Time for the rows of the last calls to reach the store when the process ends; what is left waits on disk (reliability 3.2). */
const lastFlushMs = 5_000

export interface CallKeeping {
  readonly calls: CallLedger
  readonly ledger: Ledger
  readonly health: () => LedgerHealth
  start(): void
  stop(): Promise<void>
}

interface CallKeepingOptions {
  readonly database: SqlDatabase
  readonly dataDirectory: string
  readonly log: Log
  readonly clock: Clock
  /** How old rows may become, ms; `undefined`: for ever. */
  readonly retentionMs: () => number | undefined
  /** Whose sums the rows' costs are added to. */
  readonly spending: SpendBook
}

/** Ledger, outbox and mover, wired. */
export function openCallKeeping(options: CallKeepingOptions): CallKeeping {
  const { database, dataDirectory, log, clock, retentionMs, spending } = options
  const ledger = createLedger(database)
  const outbox = new Outbox({
    directory: join(dataDirectory, 'ledger'),
    owner: `${process.pid}-${randomBytes(6).toString('hex')}`,
    clock,
    onDisk({ failing, reason }) {
      if (failing) log.error('ledger.disk.failed', { reason, policy: 'rows are held in memory' })
      else log.info('ledger.disk.back', {})
    },
  })
  const sink: LedgerSink = {
    append: (block, origin) => spending.moving(origin === 'self', block.tally, (add) => ledger.append(block, add)),
  }
  const mover = new Mover({ outbox, sink, clock, report: (event, facts) => log.warn(event, facts) })
  const rows = new TurnRows(outbox)
  const bring = () => {
    rows.flush()
    return mover.flush()
  }
  spending.keptBy(bring)
  let upkeep: { stop(): void } | undefined
  return {
    ledger: readAfter(bring, ledger),
    calls: rows,
    health: () => ({
      disk: outbox.failure,
      store: mover.failure,
      backlogBytes: mover.backlogBytes,
      full: outbox.full,
    }),
    start() {
      mover.start()
      upkeep = startUpkeep({
        prune: (before) => ledger.prune(before),
        merge: (now) => ledger.merge(now),
        ageMs: retentionMs,
        clock,
        report: (event, facts) => log.info(event, facts),
      })
    },
    async stop() {
      upkeep?.stop()
      rows.flush()
      await mover.stop(lastFlushMs)
    },
  }
}

/** The ledger with all calls that this process has answered. While the store is away, reading says so. */
function readAfter(bring: () => Promise<void>, ledger: Ledger): Ledger {
  const brought = () => bring().catch(() => undefined)
  return {
    calls: (query) => brought().then(() => ledger.calls(query)),
    daily: (query) => brought().then(() => ledger.daily(query)),
  }
}

/** What calls keep their rows in: those of one turn are on disk, in one write, before any answer of that turn is sent. */
class TurnRows implements CallLedger, Sender {
  readonly newId = createIds()
  readonly #outbox: Outbox
  readonly #rows: LedgerRow[] = []

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  get full(): boolean {
    return this.#outbox.full
  }

  keep(call: SettledCall, charges: readonly Charge[]): void {
    if (this.#rows.length === 0) recordBeforeSends(this)
    this.#rows.push({ call, charges })
  }

  flush(): void {
    if (this.#rows.length === 0) return
    this.#outbox.append(this.#rows)
    this.#rows.length = 0
  }
}
