import type { PriceLoader } from '../core/cost/price-loader.ts'
import { GatewayError } from '../core/errors.ts'
import type { Inputs, InputUri } from '../core/input.ts'
import { isError, type Problem, problem, problemToLine } from '../core/problem.ts'
import type { Layer, Source, Verdict } from '../core/resource.ts'
import type { Clock } from '../lib/clock.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import type { Sealer } from './kept-resource.ts'
import { priceMapName } from './kinds/price-map.ts'
import { LastGood } from './last-good.ts'
import { LayerTable } from './layer-table.ts'
import type { Numbering } from './numbering.ts'
import { type Outcome, type Prepared, prepare, type Workshop } from './prepare.ts'
import { Publication } from './publication.ts'
import { RevisionCount } from './revision-count.ts'
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
  /** Absent: every price is unknown. */
  readonly prices?: PriceLoader
  /** Where `last-good.json` is kept; `undefined` keeps none. */
  readonly dataDirectory: string | undefined
  /** Seals what `last-good.json` has of a store; without it nothing of a store is kept there. */
  readonly sealer?: Sealer
  readonly clock: Clock
  /** Where revisions come from; they are counted here without. */
  readonly numbering?: Numbering
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
  /** Reads one source again and answers what came of it. @returns as well what it is now, `undefined` while it is away */
  pull(source: string): Promise<Layer | undefined>
  /**
   * Gives `work` the loop's turn: nothing else is published until it ends. What was offered before is published first.
   * Rejects as `work` does.
   * @param newest of a source, read just now
   */
  turn<Result>(newest: Layer, work: (desk: Desk) => Promise<Result>): Promise<Result>
  /** The store's head. Where it is behind what was counted here while it was away, it is moved on. */
  countFrom(revision: number): Promise<void>
  status(): ConfigStatus
  /**
   * To be called after the last call has ended: stops sources and inputs, finishes the last-good copy, retires the running
   * snapshot and waits until its connections are closed.
   */
  stop(): Promise<void>
}

/** What may be done in a turn of one's own. */
export interface Desk {
  /** The running snapshot; `undefined` while nothing serves. */
  readonly served: Snapshot | undefined
  readonly verdict: Verdict
  /**
   * Prepares what serves with this layer, accepted by rows, in place of its source's. Refused when that brings an error that was
   * not there before, in whichever source.
   */
  prepare(layer: Layer): Promise<Trial>
}

/** A configuration that could serve, to be published or released; or why it cannot. */
export type Trial =
  | { readonly accepted: false; readonly problems: readonly Problem[] }
  | {
      readonly accepted: true
      /** Warnings that were not there before. */
      readonly problems: readonly Problem[]
      /** Names that callers could use. */
      readonly models: readonly string[]
      /** @param layer the same resources, as the store has them now */
      publish(layer: Layer, revision: number): Snapshot
      release(): void
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
  readonly #count: RevisionCount
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
    this.#count = new RevisionCount(options.numbering)
    this.#layers = new LayerTable(sources.map(({ source }) => source.name))
    const pool = new UsagePool((key, cause) => this.#unexpected(new Error(`${key} did not close`, { cause })))
    this.#workshop = { inputs, openPool, pool, ...(options.prices === undefined ? {} : { prices: options.prices }) }
    const tell = (found: Problem): void => this.#tell({ type: 'last-good-failed', problem: found })
    this.#lastGood = dataDirectory === undefined ? undefined : new LastGood(dataDirectory, clock, tell, options.sealer)
    this.#publication = new Publication((next, onDrained) => slot.swap(next, onDrained), this.#lastGood)
  }

  start(): Promise<Verdict> {
    const started = this.#start()
    // A refresh that is asked for meanwhile comes after it.
    this.#refreshes = started.catch(() => undefined)
    return started
  }

  async pull(name: string): Promise<Layer | undefined> {
    const source = this.#options.sources.find((configured) => configured.source.name === name)?.source
    const layer = await source?.refresh()
    if (layer !== undefined) this.#observe(layer)
    await this.#exclusive(() => this.#turn(false))
    return layer
  }

  turn<Result>(newest: Layer, work: (desk: Desk) => Promise<Result>): Promise<Result> {
    this.#observe(newest)
    const result = this.#turns.then(async () => {
      if (this.#life === 'stopped') throw new GatewayError('shutting_down', 'This replica is being stopped.')
      await this.#turn(false)
      return work(this.#desk())
    })
    this.#turns = result.catch(() => undefined)
    return result
  }

  async #start(): Promise<Verdict> {
    await this.#publication.readCopy()
    await this.#options.inputs.start(() => this.#inputsChanged())
    const offer = (layer: Layer): void => {
      this.#observe(layer)
      this.#poke()
    }
    await Promise.all(this.#options.sources.map(({ source }) => source.start(offer)))
    this.#presumeAway()
    if (this.#life === 'new') this.#life = 'running'
    return this.#exclusive(() => this.#turn(false))
  }

  async countFrom(revision: number): Promise<void> {
    const ahead = this.#publication.revision
    if (ahead > revision) await this.#count.catchUp(ahead)
  }

  /** A source that may be away for long goes on as it was before the start. */
  #presumeAway(): void {
    for (const { identity, layer } of this.#publication.copy?.layers ?? []) {
      const source = this.#options.sources.find((configured) => configured.source.name === layer.source)?.source
      if (source?.trouble !== undefined && (source.identity ?? source.name) === identity) this.#layers.presume(layer)
    }
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
      state: stateOf(served?.deployments.size, {
        fromDisk: this.#layers.servesFromDisk,
        stale: this.#isStale,
        impaired: this.#layers.servesPresumed || this.#troubles.length > 0 || (served?.tolerated.length ?? 0) > 0,
      }),
      revision,
      generation,
      hash: served?.hash,
      priceMap: served?.entries['price-map'].get(priceMapName)?.value.book.hash,
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
    const everRefused = new Set<string>()
    let layers: readonly Layer[] | undefined = wanted
    let tolerant: ReadonlySet<string> = new Set()
    while (layers !== undefined && this.#isComplete(layers)) {
      const startedAt = this.#clock.now()
      const guarded: readonly Layer[] = force ? layers : layers.map((layer) => this.#guarded(layer))
      const outcome: Outcome = await prepare(guarded, this.#publication.served, this.#workshop, tolerant)
      const durationMs = this.#clock.now() - startedAt
      if (outcome.accepted) {
        this.#servedInputsEpoch = inputsEpoch
        const revision = await this.#revisionFor(outcome.prepared, layers)
        this.#accept(outcome.prepared, layers, { durationMs, from: 'sources', revision, stillRefused: everRefused })
        return
      }
      const refused = this.#refuse(layers, outcome, epoch)
      for (const source of refused) everRefused.add(source)
      const problems = Array.from(outcome.problems.values()).flat()
      this.#tell({ type: 'refused', problems, sources: [...refused], durationMs })
      // A source with an error holds up neither the others nor the inputs that its accepted layer reads.
      const next: readonly Layer[] | undefined = this.#layers.withoutRefused(layers, refused)
      if (next !== undefined) {
        layers = next
        if (this.#servedInputsEpoch === inputsEpoch && this.#layers.isAccepted(layers)) return
      } else {
        // What was accepted once and is at fault now, e.g. for a credential that the database has no more, must not hold up the rest.
        const anythingNew = layers.some((layer) => layer.acceptance === 'rows' && !this.#layers.isAccepted([layer]))
        if (!anythingNew || tolerant.size > 0 || !this.#layers.isAccepted(layers.filter(isRefused(refused)))) return
        tolerant = refused
      }
    }
  }

  /** Rows vanish one by one, each by a word of its own; only documents can be cut short. */
  #guarded(layer: Layer): Layer {
    return layer.acceptance === 'rows' ? layer : guard(layer, this.#layers.acceptedOf(layer.source))
  }

  /** The number to publish under; `undefined`: what serves is what was prepared. */
  #revisionFor(prepared: Prepared, layers: readonly Layer[]): Promise<number | undefined> {
    const { revision, served } = this.#publication
    return this.#count.next({
      prepared,
      layers,
      inputsEpoch: this.#servedInputsEpoch,
      served: served === undefined ? undefined : { revision },
      floor: this.#publication.floor(prepared.hash),
    })
  }

  #desk(): Desk {
    return {
      served: this.#options.slot.current,
      verdict: this.#verdict,
      prepare: (layer) => this.#try(layer),
    }
  }

  async #try(layer: Layer): Promise<Trial> {
    const { served } = this.#publication
    const inputsEpoch = this.#inputsEpoch
    const startedAt = this.#clock.now()
    const layers = this.#layers.acceptedWith(layer)
    if (!this.#isComplete(layers)) {
      throw new GatewayError('not_ready', 'No configuration has been accepted yet; GET /config/status tells why.')
    }
    const others = layers.filter(({ source }) => source !== layer.source).map(({ source }) => source)
    const outcome = await prepare(layers, served, this.#workshop, new Set(others))
    const durationMs = this.#clock.now() - startedAt
    const before = new Set(this.#problems.map(problemToLine))
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
      models: prepared.models.names,
      publish: (stored, revision) => {
        this.#observe(stored)
        this.#servedInputsEpoch = inputsEpoch
        const final = layers.map((each) => (each.source === stored.source ? stored : each))
        const stillRefused = new Set(this.#layers.outstanding.keys())
        return this.#accept(prepared, final, { durationMs, from: 'sources', revision, stillRefused })
      },
      release: () => prepared.release(),
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

  #accept(prepared: Prepared, layers: readonly Layer[], how: Acceptance & { readonly revision: number }): Snapshot
  #accept(prepared: Prepared, layers: readonly Layer[], how: Acceptance): Snapshot | undefined
  #accept(prepared: Prepared, layers: readonly Layer[], how: Acceptance): Snapshot | undefined {
    this.#layers.accept(layers, this.#clock.wall(), how.from === 'disk', how.stillRefused)
    this.#warnings = prepared.problems
    const snapshot = this.#publish(prepared, layers, how)
    if (snapshot === undefined) return undefined
    this.#options.retain?.(snapshot)
    const { compiled, reused } = prepared
    const { durationMs } = how
    this.#tell({ type: 'accepted', snapshot, problems: this.#problems, durationMs, compiled, reused })
    return snapshot
  }

  #publish(prepared: Prepared, layers: readonly Layer[], { from, revision }: Acceptance): Snapshot | undefined {
    if (from === 'disk') return this.#publication.publishCopy(prepared)
    if (revision === undefined) {
      this.#publication.confirm(prepared)
      return undefined
    }
    const kept = layers.map((layer) => ({ identity: this.#identities.get(layer.source) ?? layer.source, layer }))
    return this.#publication.publish(prepared, kept, revision)
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
      this.#accept(outcome.prepared, layers, { durationMs: this.#clock.now() - startedAt, from: 'disk' })
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
      this.#troubles,
      ...this.#warnings.values(),
      this.#publication.restartProblems,
    ])
  }

  /** Of sources that are away. */
  get #troubles(): readonly Problem[] {
    return this.#options.sources.map(({ source }) => source.trouble).filter((found) => found !== undefined)
  }

  #tell(turn: Turn): void {
    this.#options.onTurn?.(turn)
  }

  #unexpected(error: unknown): void {
    if (this.#options.onUnexpected !== undefined) this.#options.onUnexpected(error)
    else process.emitWarning(error instanceof Error ? error : String(error))
  }
}

interface Acceptance {
  readonly durationMs: number
  readonly from: 'sources' | 'disk'
  /** Absent for what is on disk, and for what serves already. */
  readonly revision?: number | undefined
  /** Sources of which something is tolerated but not accepted. */
  readonly stillRefused?: ReadonlySet<string>
}

function isRefused(refused: ReadonlySet<string>): (layer: Layer) => boolean {
  return ({ source }) => refused.has(source)
}
