import { GatewayError } from '../core/errors.ts'
import type { InputUri } from '../core/input.ts'
import { isError, type Problem, problem, problemToLine } from '../core/problem.ts'
import type { Layer } from '../core/resource.ts'
import type { Clock } from '../lib/clock.ts'
import { reasonOf } from '../lib/reason.ts'
import type { LastGood } from './last-good.ts'
import type { LayerTable } from './layer-table.ts'
import { prepare } from './prepare.ts'
import type { Outcome, Prepared, Workshop } from './prepared.ts'
import type { Publication } from './publication.ts'
import type { Candidate, ConfiguredSource, Turn } from './reconciler.ts'
import type { RevisionCount } from './revision-count.ts'
import { guard } from './shrink-guard.ts'
import type { Snapshot } from './snapshot.ts'
import type { Standing } from './standing.ts'

export interface AssemblyOptions {
  readonly sources: readonly ConfiguredSource[]
  readonly layers: LayerTable
  readonly publication: Publication
  readonly standing: Standing
  readonly count: RevisionCount
  readonly lastGood: LastGood | undefined
  readonly workshop: Workshop
  readonly clock: Clock
  readonly retain: ((snapshot: Snapshot) => void) | undefined
  readonly onTurn: (turn: Turn) => void
  readonly onUnexpected: (error: unknown) => void
}

/** What a build is to start from. */
export interface Wanted {
  readonly layers: readonly Layer[]
  readonly epoch: number
  readonly force: boolean
}

interface Acceptance {
  readonly durationMs: number
  readonly from: 'sources' | 'disk'
  /** Absent for what is on disk, and for what serves already. */
  readonly revision?: number | undefined
  /** Sources of which something is tolerated but not accepted. */
  readonly stillRefused?: ReadonlySet<string>
}

/** From layers to what serves: built, and published or refused. One caller at a time. */
export class Assembly {
  readonly #options: AssemblyOptions
  /** Of each source, by name. */
  readonly #identities: ReadonlyMap<string, string>
  /** Counts changes of layers and inputs: what was refused before the last one is worth another try. */
  #epoch = 0
  #triedEpoch = -1
  /** Counts changes of inputs alone. */
  #inputsEpoch = 0
  /** With which inputs the layers that serve were built, or found to be still current. */
  #servedInputsEpoch = -1
  #copyUris: ReadonlySet<InputUri> = new Set()

  constructor(options: AssemblyOptions) {
    this.#options = options
    this.#identities = new Map(options.sources.map(({ source }) => [source.name, source.identity ?? source.name]))
  }

  observe(layer: Layer): void {
    if (this.#options.layers.observe(layer, this.#options.clock.wall())) this.#epoch += 1
  }

  inputsChanged(): void {
    this.#inputsEpoch += 1
    this.#epoch += 1
  }

  /** Inputs of what serves, and of what was refused: that they change is what may make it acceptable. */
  get uris(): ReadonlySet<InputUri> {
    const { publication, layers } = this.#options
    return new Set([...(publication.served?.uris ?? this.#copyUris), ...layers.refusedUris])
  }

  /** `undefined`: all that is known serves, or was refused since anything changed. @param force build all the same */
  wanted(force: boolean): Wanted | undefined {
    const { layers, standing } = this.#options
    const epoch = this.#epoch
    const newest = layers.wanted(epoch, force)
    const current = layers.serves(newest) && this.#inputsEpoch === this.#servedInputsEpoch
    const isNew = epoch !== this.#triedEpoch && !current
    this.#triedEpoch = epoch
    return isNew || standing.failure !== undefined || force ? { layers: newest, epoch, force } : undefined
  }

  /** Builds, and publishes or refuses. While nothing serves the copy on disk does. */
  async build(wanted: Wanted): Promise<void> {
    const { publication, standing } = this.#options
    standing.failure = undefined
    await this.#attempt(() => this.#build(wanted))
    if (publication.served === undefined) await this.#attempt(() => this.#serveLastGood())
  }

  /** Prepares what serves with this layer in place of its source's; as `Desk.prepare`. */
  async candidate(layer: Layer): Promise<Candidate> {
    const { clock, layers: table, publication, standing, workshop } = this.#options
    const { served } = publication
    const inputsEpoch = this.#inputsEpoch
    const startedAt = clock.now()
    const layers = table.acceptedWith(layer)
    if (!this.#isComplete(layers)) {
      throw new GatewayError('not_ready', 'No configuration has been accepted yet; GET /config/status tells why.')
    }
    const others = layers.filter(({ source }) => source !== layer.source).map(({ source }) => source)
    const outcome = await prepare(layers, served, workshop, { tolerant: new Set(others), inputsAt: inputsEpoch })
    const durationMs = clock.now() - startedAt
    const before = new Set(standing.problems.map(problemToLine))
    const isNew = (found: Problem): boolean => !before.has(problemToLine(found))
    if (!outcome.accepted) return { accepted: false, problems: Array.from(outcome.problems.values()).flat() }
    const { prepared } = outcome
    const errors = prepared.tolerated.filter(isNew)
    if (errors.length > 0) {
      prepared.release()
      return { accepted: false, problems: errors }
    }
    return {
      accepted: true,
      problems: Array.from(prepared.problems.values()).flat().filter(isNew),
      get models() {
        return prepared.models.names
      },
      publish: (stored, revision) => {
        this.observe(stored)
        this.#servedInputsEpoch = inputsEpoch
        const final = layers.map((each) => (each.source === stored.source ? stored : each))
        const stillRefused = new Set(table.outstanding.keys())
        return this.#accept(prepared, final, { durationMs, from: 'sources', revision, stillRefused })
      },
      release: () => prepared.release(),
    }
  }

  /** The one catch of a turn: a defect leaves what serves as it is, and shows in the status. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const reason = reasonOf(error)
      this.#options.standing.failure = problem('build_failed', { origin: 'gateway', path: '' }, { reason })
      this.#options.onUnexpected(error)
    }
  }

  async #build({ layers: wanted, epoch, force }: Wanted): Promise<void> {
    const { clock, layers: table, publication, workshop, onTurn } = this.#options
    const inputsEpoch = this.#inputsEpoch
    const everRefused = new Set<string>()
    let layers: readonly Layer[] | undefined = wanted
    let tolerant: ReadonlySet<string> = new Set()
    while (layers !== undefined && this.#isComplete(layers)) {
      const startedAt = clock.now()
      const guarded: readonly Layer[] = force ? layers : layers.map((layer) => this.#guarded(layer))
      const outcome: Outcome = await prepare(guarded, publication.served, workshop, { tolerant, inputsAt: inputsEpoch })
      const durationMs = clock.now() - startedAt
      if (outcome.accepted) {
        this.#servedInputsEpoch = inputsEpoch
        const revision = await this.#revisionFor(outcome.prepared, layers)
        this.#accept(outcome.prepared, layers, { durationMs, from: 'sources', revision, stillRefused: everRefused })
        return
      }
      const refused = this.#refuse(layers, outcome, epoch)
      for (const source of refused) everRefused.add(source)
      const problems = Array.from(outcome.problems.values()).flat()
      onTurn({ type: 'refused', problems, sources: [...refused], durationMs })
      // A source with an error holds up neither the others nor the inputs that its accepted layer reads.
      const next: readonly Layer[] | undefined = table.withoutRefused(layers, refused)
      if (next !== undefined) {
        layers = next
        if (this.#servedInputsEpoch === inputsEpoch && table.isAccepted(layers)) return
      } else {
        // What was accepted once and is at fault now, e.g. for a credential that the database has no more, must not hold up the rest.
        const anythingNew = layers.some((layer) => layer.acceptance === 'rows' && !table.isAccepted([layer]))
        if (!anythingNew || tolerant.size > 0 || !table.isAccepted(layers.filter(isRefused(refused)))) return
        tolerant = refused
      }
    }
  }

  /** Rows vanish one by one, each by a word of its own; only documents can be cut short. */
  #guarded(layer: Layer): Layer {
    return layer.acceptance === 'rows' ? layer : guard(layer, this.#options.layers.acceptedOf(layer.source))
  }

  /** The number to publish under; `undefined`: what serves is what was prepared. */
  #revisionFor(prepared: Prepared, layers: readonly Layer[]): Promise<number | undefined> {
    const { count, publication } = this.#options
    const { revision, served } = publication
    return count.next({
      prepared,
      layers,
      inputsEpoch: this.#servedInputsEpoch,
      served: served === undefined ? undefined : { revision },
      floor: publication.floor(prepared.hash),
    })
  }

  #isComplete(layers: readonly Layer[]): boolean {
    return this.#options.sources.every(
      ({ source, required }) => !required || layers.some((layer) => layer.source === source.name),
    )
  }

  #refuse(
    layers: readonly Layer[],
    { problems, uris }: Extract<Outcome, { accepted: false }>,
    epoch: number,
  ): ReadonlySet<string> {
    const refused = new Set<string>()
    for (const layer of layers) {
      const found = problems.get(layer.source) ?? []
      if (!found.some(isError)) continue
      refused.add(layer.source)
      this.#options.layers.refuse({ layer, epoch, problems: found, uris })
    }
    return refused
  }

  #accept(prepared: Prepared, layers: readonly Layer[], how: Acceptance & { readonly revision: number }): Snapshot
  #accept(prepared: Prepared, layers: readonly Layer[], how: Acceptance): Snapshot | undefined
  #accept(prepared: Prepared, layers: readonly Layer[], how: Acceptance): Snapshot | undefined {
    const { clock, layers: table, standing, retain, onTurn } = this.#options
    table.accept(layers, clock.wall(), how.from === 'disk', how.stillRefused)
    standing.warnings = prepared.problems
    const snapshot = this.#publish(prepared, layers, how)
    if (snapshot === undefined) return undefined
    retain?.(snapshot)
    const { compiled, reused } = prepared
    const { durationMs } = how
    onTurn({ type: 'accepted', snapshot, problems: standing.problems, durationMs, compiled, reused })
    return snapshot
  }

  #publish(prepared: Prepared, layers: readonly Layer[], { from, revision }: Acceptance): Snapshot | undefined {
    const { publication } = this.#options
    if (from === 'disk') return publication.publishCopy(prepared)
    if (revision === undefined) {
      publication.confirm(prepared)
      return undefined
    }
    const kept = layers.map((layer) => ({ identity: this.#identities.get(layer.source) ?? layer.source, layer }))
    return publication.publish(prepared, kept, revision)
  }

  async #serveLastGood(): Promise<void> {
    const { clock, lastGood, publication, workshop } = this.#options
    const { copy } = publication
    if (copy === undefined) return
    const layers = copy.layers.map(({ layer }) => layer)
    const ours = copy.layers.every(({ identity, layer }) => this.#identities.get(layer.source) === identity)
    if (!ours || !this.#isComplete(layers)) {
      lastGood?.distrust('it was made from other sources')
      return
    }
    const inputsEpoch = this.#inputsEpoch
    const startedAt = clock.now()
    const outcome = await prepare(layers, undefined, workshop)
    if (outcome.accepted) {
      this.#servedInputsEpoch = inputsEpoch
      this.#accept(outcome.prepared, layers, { durationMs: clock.now() - startedAt, from: 'disk' })
      return
    }
    this.#copyUris = outcome.uris
    const [first] = Array.from(outcome.problems.values()).flat().filter(isError)
    lastGood?.distrust(first === undefined ? 'it is not valid any more' : problemToLine(first))
  }
}

function isRefused(refused: ReadonlySet<string>): (layer: Layer) => boolean {
  return ({ source }) => refused.has(source)
}
