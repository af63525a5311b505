import { type Problem, problemToLine } from '../core/problem.ts'
import type { Store } from '../core/store.ts'
import type { Turn } from './reconciler.ts'

/**
 * Keeps in the journal what was refused of a file, each refusal once: the loop tries again whenever something may have changed.
 * What was refused of a change by API is kept by the change itself.
 */
export class RefusalJournal {
  readonly #store: Pick<Store, 'health' | 'recordRefusal'>
  readonly #onFailure: (error: unknown) => void
  #last = ''

  constructor(store: Pick<Store, 'health' | 'recordRefusal'>, onFailure: (error: unknown) => void) {
    this.#store = store
    this.#onFailure = onFailure
  }

  onTurn(turn: Turn): void {
    if (turn.type === 'accepted' || turn.type === 'recovered') this.#last = ''
    if (turn.type === 'refused' && this.#store.health.up) this.#keep(turn.sources.join(' '), turn.problems)
  }

  #keep(source: string, problems: readonly Problem[]): void {
    const lines = problems.map(problemToLine).join('\n')
    if (lines === this.#last) return
    this.#last = lines
    const actor = { id: source, role: 'proxy_admin', via: source } as const
    this.#store.recordRefusal(actor, [], problems).catch(this.#onFailure)
  }
}
