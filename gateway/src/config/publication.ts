import type { Problem } from '../core/problem.ts'
import type { LastGood, LastGoodCopy } from './last-good.ts'
import { type Prepared, snapshotOf } from './prepared.ts'
import { BootValues } from './restart-required.ts'
import type { Snapshot } from './snapshot.ts'

/** `Slot.swap` */
type Swap = (next: Snapshot, onDrained: () => void) => void

/** What serves: numbered, put into the slot, and copied to disk. Nothing here can refuse. */
export class Publication {
  readonly #swap: Swap
  readonly #lastGood: LastGood | undefined
  #served: Prepared | undefined
  #revision = 0
  #generation = 0
  #bootValues: BootValues | undefined
  /** What was on disk at the start, until something of the sources serves. */
  #copy: LastGoodCopy | undefined

  constructor(swap: Swap, lastGood: LastGood | undefined) {
    this.#swap = swap
    this.#lastGood = lastGood
  }

  get served(): Prepared | undefined {
    return this.#served
  }

  /** 0 while nothing serves. */
  get revision(): number {
    return this.#revision
  }

  get generation(): number {
    return this.#generation
  }

  get copy(): LastGoodCopy | undefined {
    return this.#copy
  }

  /** Keys that differ from what the process started with and are read at start only. */
  get restartRequired(): readonly string[] {
    return this.#served === undefined ? [] : (this.#bootValues?.changed(this.#served.settingsResource) ?? [])
  }

  get restartProblems(): readonly Problem[] {
    return this.#served === undefined ? [] : (this.#bootValues?.problems(this.#served.settingsResource) ?? [])
  }

  async readCopy(): Promise<void> {
    this.#copy = await this.#lastGood?.read()
  }

  /** Puts what the sources declare into service. @param revision greater than `floor` */
  publish(prepared: Prepared, layers: LastGoodCopy['layers'], revision: number): Snapshot {
    const copy = this.#copy
    this.#copy = undefined
    const snapshot = this.#serve(prepared, revision)
    const { hash } = snapshot
    if (copy?.revision !== revision || copy.hash !== hash) this.#lastGood?.keep({ revision, hash, layers })
    return snapshot
  }

  /** What was prepared serves already; that it does is now confirmed by the sources. */
  confirm(prepared: Prepared): void {
    this.#copy = undefined
    prepared.release()
    // What is made next from what serves is compared with the newest that was found to be the same.
    if (this.#served !== undefined) this.#served = { ...this.#served, basis: prepared.basis }
  }

  /**
   * The next revision is to be greater. Never goes backwards: the first acceptance after a start goes on with the number of the
   * copy, if it is the same configuration.
   */
  floor(hash: string): number {
    if (this.#served !== undefined) return this.#revision
    if (this.#copy === undefined) return 0
    return this.#copy.hash === hash ? this.#copy.revision - 1 : this.#copy.revision
  }

  /** Puts the copy into service, under the revision it had. */
  publishCopy(prepared: Prepared): Snapshot {
    return this.#serve(prepared, this.#copy?.revision ?? 0)
  }

  #serve(prepared: Prepared, revision: number): Snapshot {
    this.#revision = revision
    this.#generation += 1
    const snapshot = snapshotOf(prepared, revision, this.#generation)
    prepared.holding.succeed()
    this.#swap(snapshot, () => prepared.release())
    this.#served = prepared
    this.#bootValues ??= new BootValues(prepared.settingsResource)
    return snapshot
  }
}
