import type { Inputs, InputUri } from '../core/input.ts'
import { isError, type Problem, problem, problemToLine } from '../core/problem.ts'
import type { Layer, Source, Verdict } from '../core/resource.ts'
import type { Clock } from '../lib/clock.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import { LastGood } from './last-good.ts'
import { LayerTable } from './layer-table.ts'
import { type Outcome, type Prepared, prepare, type Workshop } from './prepare.ts'
import { Publication } from './publication.ts'
import { guard } from './shrink-guard.ts'
import type { Slot } from './slot.ts'
import type { Snapshot } from './snapshot.ts'
import { type ConfigStatus, distinct, stateOf } from './status.ts'
import { TurnPace } from './turn-pace.ts'
import { UsagePool } from './usage-pool.ts'

export interface ConfiguredSource {
  readonly source: Source
  /** Nothing is built before it has spoken. */
  readonly required: boolean
}

export interface ReconcilerOptions {
  /** Lowest precedence first: of two resources with one kind and name the later source's counts. */
  readonly sources: readonly ConfiguredSource[]
  readonly inputs: Inputs
  readonly slot: Slot
  readonly openPool: (origin: string) => UpstreamPool
  /** Where `last-good.json` is kept; `undefined` keeps none. */
  readonly dataDirectory: string | undefined
  readonly clock: Clock
  /** Called after each publish, to drop the state of deployments that no snapshot names any more. */
  readonly retain?: (snapshot: Snapshot) => void
  /** Told of every turn that changed something or was refused; for the log and the metrics. */
  readonly onTurn?: (turn: Turn) => void
  /** Told of what should not happen: a defect of the gateway, or connections that do not close. Default: a process warning. */
  readonly onUnexpected?: (error: unknown) => void
}

/** One pass of the loop that had an effect. */
export type Turn =
  | {
      readonly type: 'accepted'
      readonly snapshot: Snapshot
      readonly problems: readonly Problem[]
      /** Of the whole preparation, ms; other work of the process runs in between. */
      readonly durationMs: number
      readonly compiled: number
      readonly reused: number
    }
  | {
      readonly type: 'refused'
      readonly problems: readonly Problem[]
      /** Sources whose newest content was refused. */
      readonly sources: readonly string[]
      readonly durationMs: number
    }
  /** The last accepted configuration could not be kept on disk, or could not be read at start. */
  | { readonly type: 'last-good-failed'; readonly problem: Problem }

/** The one loop: everything that changes the configuration enters here, and only here is a snapshot published. */
export interface Reconciler {
  /**
   * Starts the sources and inputs and takes the first turn. Resolves with its verdict; when nothing could be accepted and
   * no last-good copy exists `applied` is false and the slot stays empty until a later offer is accepted.
   */
  start(): Promise<Verdict>
  /**
   * Reads all sources and inputs again and answers what came of it. Callers that ask while a refresh runs share the next one.
   * @param options.force accept a layer even if most of its deployments have vanished
   */
  refresh(options?: { readonly force?: boolean }): Promise<Verdict>
  status(): ConfigStatus
  /**
   * To be called after the last call has ended: stops sources and inputs, finishes the last-good copy, retires the running
   * snapshot and waits until its connections are closed.
   */
  stop(): Promise<void>
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  return new Loop(options)
}

class Loop implements Reconciler {
  readonly #options: ReconcilerOptions
  readonly #clock: Clock
  readonly #workshop: Workshop
  readonly #lastGood: LastGood | undefined
  readonly #publication: Publication
  readonly #layers: LayerTable
  /** Of each source, by name. */
  readonly #identities: ReadonlyMap<string, string>
  readonly #pace = new TurnPace()
  #life: 'new' | 'running' | 'stopped' = 'new'
  /** Turns are taken one after the other. */
  #turns: Promise<unknown> = Promise.resolve()
  /** A turn is still to come, which will see everything offered until then. */
  #turnAhead = false
  #timer: NodeJS.Timeout | undefined
  #refreshes: Promise<unknown> = Promise.resolve()
  #nextRefresh: Promise<Verdict> | undefined
  #forceNext = false

  #warnings: ReadonlyMap<string, readonly Problem[]> = new Map()
  /** Counts changes of layers and inputs: what was refused before the last one is worth another try. */
  #epoch = 0
  #triedEpoch = -1
  /** Counts changes of inputs alone. */
  #inputsEpoch = 0
  /** With which inputs the layers that serve were built, or found to be still current. */
  #servedInputsEpoch = -1
  #copyUris: ReadonlySet<InputUri> = new Set()
  #staleSince: number | undefined
  /** Why the last turn could not even be finished. */
  #failure: Problem | undefined

  constructor(options: ReconcilerOptions) {
    const { clock, dataDirectory, inputs, openPool, slot, sources } = options
    this.#options = options
    this.#clock = clock
    this.#identities = new Map(sources.map(({ source }) => [source.name, source.identity ?? source.name]))
    this.#layers = new LayerTable(sources.map(({ source }) => source.name))
    const pool = new UsagePool((key, cause) => this.#unexpected(new Error(`${key} did not close`, { cause })))
    this.#workshop = { inputs, openPool, pool }
    const tell = (found: Problem): void => this.#tell({ type: 'last-good-failed', problem: found })
    this.#lastGood = dataDirectory === undefined ? undefined : new LastGood(dataDirectory, clock, tell)
    this.#publication = new Publication((next, onDrained) => slot.swap(next, onDrained), this.#lastGood)
  }

  start(): Promise<Verdict> {
    const started = this.#start()
    // A refresh that is asked for meanwhile comes after it.
    this.#refreshes = started.catch(() => undefined)
    return started
  }

  async #start(): Promise<Verdict> {
    await this.#publication.readCopy()
    await this.#options.inputs.start(() => this.#inputsChanged())
    const offer = (layer: Layer): void => {
      this.#observe(layer)
      this.#poke()
    }
    await Promise.all(this.#options.sources.map(({ source }) => source.start(offer)))
    if (this.#life === 'new') this.#life = 'running'
    return this.#exclusive(() => this.#turn(false))
  }

  refresh({ force = false }: { readonly force?: boolean } = {}): Promise<Verdict> {
    this.#forceNext ||= force
    // Who asks while one is under way may have changed something after it was read, so a next one serves them all.
    this.#nextRefresh ??= this.#refreshes.then(() => this.#refresh())
    this.#refreshes = this.#nextRefresh.catch(() => undefined)
    return this.#nextRefresh
  }

  status(): ConfigStatus {
    const { served, revision, generation, restartRequired } = this.#publication
    return {
      state: stateOf(served?.deployments.size, this.#layers.servesFromDisk, this.#isStale),
      revision,
      generation,
      hash: served?.hash,
      sources: this.#layers.statuses(this.#warnings),
      problems: this.#problems,
      servingStaleSince: this.#staleSince,
      draining: this.#options.slot.draining,
      restartRequired,
      lastGood: this.#lastGood?.status,
    }
  }

  async stop(): Promise<void> {
    this.#life = 'stopped'
    clearTimeout(this.#timer)
    await Promise.all([...this.#options.sources.map(({ source }) => source.stop()), this.#options.inputs.stop()])
    await this.#refreshes
    await this.#turns
    await this.#lastGood?.settled()
    this.#options.slot.close()
    await this.#workshop.pool.closed()
  }

  #inputsChanged(): void {
    this.#countInputs()
    this.#poke()
    for (const { source } of this.#options.sources) {
      if (source.inputs !== undefined) this.#refreshOne(source).catch((error) => this.#unexpected(error))
    }
  }

  async #refreshOne(source: Source): Promise<void> {
    const layer = await source.refresh()
    if (layer === undefined) return
    this.#observe(layer)
    this.#poke()
  }

  #observe(layer: Layer): void {
    if (this.#layers.observe(layer, this.#clock.wall())) this.#epoch += 1
  }

  #countInputs(): void {
    this.#inputsEpoch += 1
    this.#epoch += 1
  }

  /** Something may have changed: take a turn, at once or when the pace allows. */
  #poke(): void {
    if (this.#life !== 'running' || this.#turnAhead) return
    this.#turnAhead = true
    const turn = (): void => void this.#exclusive(() => this.#turn(false))
    this.#timer = setTimeout(turn, this.#pace.delay(this.#clock.now()))
  }

  async #refresh(): Promise<Verdict> {
    this.#nextRefresh = undefined
    const force = this.#forceNext
    this.#forceNext = false
    await Promise.all([
      ...this.#options.sources.map(({ source }) => source.refresh().then((layer) => layer && this.#observe(layer))),
      this.#options.inputs.refresh(),
    ])
    this.#countInputs()
    return this.#exclusive(() => this.#turn(force))
  }

  #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turns.then(work)
    this.#turns = result.catch((error) => this.#unexpected(error))
    return result
  }

  /** One pass of the loop: builds from the newest layers unless they are what serves, and publishes or refuses. */
  async #turn(force: boolean): Promise<Verdict> {
    this.#turnAhead = false
    if (this.#life !== 'running') return this.#verdict
    const epoch = this.#epoch
    const wanted = this.#layers.wanted(epoch, force)
    const current = this.#layers.serves(wanted) && this.#inputsEpoch === this.#servedInputsEpoch
    if ((epoch !== this.#triedEpoch && !current) || this.#failure !== undefined || force) {
      this.#pace.started(this.#clock.now())
      this.#failure = undefined
      await this.#attempt(() => this.#build(wanted, epoch, force))
      if (this.#publication.served === undefined) await this.#attempt(() => this.#serveLastGood())
      this.#watch()
    }
    this.#triedEpoch = epoch
    this.#staleSince = this.#isStale ? (this.#staleSince ?? this.#clock.wall()) : undefined
    return this.#verdict
  }

  /** Inputs of what serves, and of what was refused: that they change is what may make it acceptable. */
  #watch(): void {
    const ofSources = this.#options.sources.flatMap(({ source }) => [...(source.inputs ?? [])])
    const served = this.#publication.served?.uris ?? this.#copyUris
    this.#options.inputs.retain(new Set([...served, ...this.#layers.refusedUris, ...ofSources]))
  }

  /** The one catch of a turn: a defect leaves what serves as it is, and shows in the status. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#failure = problem('build_failed', { origin: 'gateway', path: '' }, { reason })
      this.#unexpected(error)
    }
  }

  async #build(wanted: readonly Layer[], epoch: number, force: boolean): Promise<void> {
    const inputsEpoch = this.#inputsEpoch
    let layers: readonly Layer[] | undefined = wanted
    while (layers !== undefined && this.#isComplete(layers)) {
      const startedAt = this.#clock.now()
      const guarded = force ? layers : layers.map((layer) => guard(layer, this.#layers.acceptedOf(layer.source)))
      const outcome = await prepare(guarded, this.#publication.served, this.#workshop)
      const durationMs = this.#clock.now() - startedAt
      if (outcome.accepted) {
        this.#servedInputsEpoch = inputsEpoch
        this.#accept(outcome.prepared, layers, durationMs, 'sources')
        return
      }
      const refused = this.#refuse(layers, outcome, epoch)
      const problems = Array.from(outcome.problems.values()).flat()
      this.#tell({ type: 'refused', problems, sources: [...refused], durationMs })
      // A source with an error holds up neither the others nor the inputs that its accepted layer reads.
      layers = this.#layers.withoutRefused(layers, refused)
      if (layers !== undefined && this.#servedInputsEpoch === inputsEpoch && this.#layers.isAccepted(layers)) return
    }
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
      this.#layers.refuse({ layer, epoch, problems: found, uris })
    }
    return refused
  }

  #accept(prepared: Prepared, layers: readonly Layer[], durationMs: number, from: 'sources' | 'disk'): void {
    this.#layers.accept(layers, this.#clock.wall(), from === 'disk')
    this.#warnings = prepared.problems
    const kept = layers.map((layer) => ({ identity: this.#identities.get(layer.source) ?? layer.source, layer }))
    const snapshot =
      from === 'disk' ? this.#publication.publishCopy(prepared) : this.#publication.publish(prepared, kept)
    if (snapshot === undefined) return
    this.#options.retain?.(snapshot)
    const { compiled, reused } = prepared
    this.#tell({ type: 'accepted', snapshot, problems: this.#problems, durationMs, compiled, reused })
  }

  async #serveLastGood(): Promise<void> {
    const { copy } = this.#publication
    if (copy === undefined) return
    const layers = copy.layers.map(({ layer }) => layer)
    const ours = copy.layers.every(({ identity, layer }) => this.#identities.get(layer.source) === identity)
    if (!ours || !this.#isComplete(layers)) {
      this.#lastGood?.distrust('it was made from other sources')
      return
    }
    const inputsEpoch = this.#inputsEpoch
    const startedAt = this.#clock.now()
    const outcome = await prepare(layers, undefined, this.#workshop)
    if (outcome.accepted) {
      this.#servedInputsEpoch = inputsEpoch
      this.#accept(outcome.prepared, layers, this.#clock.now() - startedAt, 'disk')
      return
    }
    this.#copyUris = outcome.uris
    const [first] = Array.from(outcome.problems.values()).flat().filter(isError)
    this.#lastGood?.distrust(first === undefined ? 'it is not valid any more' : problemToLine(first))
  }

  get #verdict(): Verdict {
    const { served, revision, generation } = this.#publication
    const applied = served !== undefined && !this.#isStale && !this.#layers.servesFromDisk
    return { applied, revision, generation, problems: this.#problems }
  }

  /** Whether something newer than what serves is known and was refused. */
  get #isStale(): boolean {
    return this.#failure !== undefined || this.#layers.outstanding.size > 0
  }

  /** What keeps the newest from serving, then the warnings of what serves. */
  get #problems(): readonly Problem[] {
    return distinct([
      this.#failure === undefined ? [] : [this.#failure],
      ...this.#layers.outstanding.values(),
      ...this.#warnings.values(),
      this.#publication.restartProblems,
    ])
  }

  #tell(turn: Turn): void {
    this.#options.onTurn?.(turn)
  }

  #unexpected(error: unknown): void {
    if (this.#options.onUnexpected !== undefined) this.#options.onUnexpected(error)
    else process.emitWarning(error instanceof Error ? error : String(error))
  }
}
