import type { BootOptions } from '../boot.ts'
import { storeNumbering } from '../config/numbering.ts'
import { createReconciler } from '../config/reconcile.ts'
import type { Reconciler, ReconcilerOptions, Turn } from '../config/reconciler.ts'
import { RefusalJournal } from '../config/refusal-journal.ts'
import type { Slot } from '../config/slot.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { problemToLine } from '../core/problem.ts'
import type { Source } from '../core/resource.ts'
import type { Store } from '../core/store.ts'
import { systemClock } from '../lib/clock.ts'
import { openPool } from '../lib/http-client/open-pool.ts'
import type { Log } from '../lib/log.ts'
import type { DeploymentStates } from '../state/deployment-state.ts'
import type { Traffic } from '../state/traffic.ts'

interface ConfigOptions extends Required<Pick<ReconcilerOptions, 'inputs' | 'prices' | 'sealer'>> {
  readonly boot: BootOptions
  readonly log: Log
  readonly slot: Slot
  /** The file; what it says may be changed by the store, which may be away. */
  readonly declared: Source
  readonly stored: Source
  readonly store: Store
  /** What the process remembers of deployments, for as long as a snapshot names them. */
  readonly remembered: { readonly states: DeploymentStates; readonly traffic: Traffic }
  readonly onTurn: (turn: Turn) => void
}

/** The reconcile loop over the file and the store; its turns are logged, and what it refuses goes into the journal. */
export function openConfig(options: ConfigOptions): Reconciler {
  const { boot, log, store, remembered } = options
  const refusals = new RefusalJournal(store, (error) => log.warn('config.journal.failed', { error }))
  return createReconciler({
    sources: [
      { source: options.declared, required: true },
      { source: options.stored, required: false },
    ],
    numbering: storeNumbering(store),
    sealer: options.sealer,
    inputs: options.inputs,
    slot: options.slot,
    openPool,
    prices: options.prices,
    dataDirectory: boot.dataDirectory,
    clock: systemClock,
    // Nobody waits for it, and whoever made the change waits for what comes next.
    retain: (snapshot) => void setImmediate(forgetOthers, snapshot, remembered),
    onUnexpected: (error) => log.error('config.turn.failed', { error }),
    onTurn(turn) {
      logTurn(turn, log)
      options.onTurn(turn)
      refusals.onTurn(turn)
    },
  })
}

/** Drops what is remembered of deployments that the snapshot does not name. */
function forgetOthers({ deployments }: Snapshot, { states, traffic }: ConfigOptions['remembered']): void {
  states.retain((id) => deployments.has(id))
  traffic.retain((_group, deployment) => deployment === '' || deployments.has(deployment))
}

function logTurn(turn: Turn, log: Log): void {
  switch (turn.type) {
    case 'accepted':
      log.info('config.snapshot.published', {
        revision: turn.snapshot.revision,
        generation: turn.snapshot.generation,
        durationMs: Math.round(turn.durationMs),
        compiled: turn.compiled,
        reused: turn.reused,
        warnings: turn.problems.map(problemToLine),
      })
      return
    case 'refused':
      log.error('config.snapshot.refused', { sources: turn.sources, problems: turn.problems.map(problemToLine) })
      return
    case 'recovered':
      log.info('config.recovered', { revision: turn.revision })
      return
    case 'last-good-failed':
      log.warn('config.last-good.failed', { problem: problemToLine(turn.problem) })
      return
    default:
      turn satisfies never
  }
}
