import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { LedgerHealth } from '../api/admin/configuration/status.ts'
import type { CallLedger } from '../calls/account.ts'
import type { Ledger } from '../core/ledger.ts'
import type { SettledCall } from '../core/settled-call.ts'
import type { Charge } from '../core/spend.ts'
import { type LedgerSink, Mover } from '../ledger/mover.ts'
import { Outbox } from '../ledger/outbox.ts'
import { startRetention } from '../ledger/retention.ts'
import type { Clock } from '../lib/clock.ts'
import { createIds } from '../lib/ids.ts'
import type { Log } from '../lib/log.ts'
import { recordBeforeSends, type Sender } from '../lib/turn-end.ts'
import type { SpendBook } from '../state/limits/spend.ts'
import { createLedger } from '../stores/ledger/ledger.ts'
import { rowOf } from '../stores/ledger/row.ts'
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
    append: (text, origin) => spending.moving(origin === 'self', (add) => ledger.append(text, add)),
  }
  const mover = new Mover({ outbox, sink, clock, report: (event, facts) => log.warn(event, facts) })
  const newId = createIds()
  const rows = new TurnRows(outbox)
  spending.keptBy(() => {
    rows.flush()
    return mover.flush()
  })
  let retention: { stop(): void } | undefined
  return {
    ledger,
    calls: {
      keep: (call, charges) => rows.keep(call, charges),
      newId,
      get full() {
        return outbox.full
      },
    },
    health: () => ({
      disk: outbox.failure,
      store: mover.failure,
      backlogBytes: mover.backlogBytes,
      full: outbox.full,
    }),
    start() {
      mover.start()
      retention = startRetention({
        prune: (before) => ledger.prune(before),
        ageMs: retentionMs,
        clock,
        report: (event, facts) => log.info(event, facts),
      })
    },
    async stop() {
      retention?.stop()
      rows.flush()
      await mover.stop(lastFlushMs)
    },
  }
}

/** The rows of one turn, on disk in one write before any answer of that turn is sent. */
class TurnRows implements Sender {
  readonly #outbox: Outbox
  #rows = ''

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  keep(call: SettledCall, charges: readonly Charge[]): void {
    if (this.#rows === '') recordBeforeSends(this)
    else this.#rows += '\n'
    this.#rows += rowOf(call, charges)
  }

  flush(): void {
    if (this.#rows === '') return
    const rows = this.#rows
    this.#rows = ''
    this.#outbox.append(rows)
  }
}
