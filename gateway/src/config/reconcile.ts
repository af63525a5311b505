import { GatewayError } from '../core/errors.ts'
import type { Problem } from '../core/problem.ts'
import type { Layer, Source, Verdict } from '../core/resource.ts'
import { Sequence } from '../lib/sequence.ts'
import { Assembly } from './assembly.ts'
import { LastGood } from './last-good.ts'
import { LayerTable } from './layer-table.ts'
import { Publication } from './publication.ts'
import type { Desk, Reconciler, ReconcilerOptions, Turn } from './reconciler.ts'
import { RevisionCount } from './revision-count.ts'
import { Standing } from './standing.ts'
import type { ConfigStatus } from './status.ts'
import { TurnPace } from './turn-pace.ts'
import { UsagePool } from './usage-pool.ts'

export function createReconciler(options: ReconcilerOptions): Reconciler {
  return new Loop(options)
}

/** Whatever happens outside becomes a turn here, and turns are taken one after the other. */
class Loop implements Reconciler {
  readonly #options: ReconcilerOptions
  readonly #sources: readonly Source[]
  readonly #pool: UsagePool
  readonly #lastGood: LastGood | undefined
  readonly #layers: LayerTable
  readonly #publication: Publication
  readonly #standing: Standing
  readonly #assembly: Assembly
  readonly #count: RevisionCount
  readonly #pace = new TurnPace()
  #life: 'new' | 'running' | 'stopped' = 'new'
  readonly #turns = new Sequence()
  /** A turn is still to come, which will see everything offered until then. */
  #turnAhead = false
  #timer: NodeJS.Timeout | undefined
  #refreshes: Promise<unknown> = Promise.resolve()
  #nextRefresh: Promise<Verdict> | undefined
  #forceNext = false

  constructor(options: ReconcilerOptions) {
    const { clock, dataDirectory, inputs, openPool, prices, sealer, slot } = options
    const onTurn = (turn: Turn): void => options.onTurn?.(turn)
    const onUnexpected = (error: unknown): void => this.#unexpected(error)
    const tell = (problem: Problem): void => onTurn({ type: 'last-good-failed', problem })
    this.#options = options
    this.#sources = options.sources.map(({ source }) => source)
    this.#pool = new UsagePool((key, cause) => onUnexpected(new Error(`${key} did not close`, { cause })))
    this.#lastGood = dataDirectory === undefined ? undefined : new LastGood(dataDirectory, clock, tell, sealer)
    this.#layers = new LayerTable(this.#sources.map(({ name }) => name))
    this.#publication = new Publication((next, onDrained) => slot.swap(next, onDrained), this.#lastGood)
    this.#count = new RevisionCount(options.numbering)
    this.#standing = new Standing({
      layers: this.#layers,
      publication: this.#publication,
      lastGood: this.#lastGood,
      clock,
      troubles: () => this.#sources.map(({ trouble }) => trouble).filter((found) => found !== undefined),
    })
    this.#assembly = new Assembly({
      sources: options.sources,
      layers: this.#layers,
      publication: this.#publication,
      standing: this.#standing,
      count: this.#count,
      lastGood: this.#lastGood,
      workshop: { inputs, openPool, pool: this.#pool, ...(prices === undefined ? {} : { prices }) },
      clock,
      retain: options.retain,
      onTurn,
      onUnexpected,
    })
  }

  start(): Promise<Verdict> {
    const started = this.#start()
    // A refresh that is asked for meanwhile comes after it.
    this.#refreshes = started.catch(() => undefined)
    return started
  }

  async pull(name: string): Promise<Layer | undefined> {
    const layer = await this.#source(name)?.refresh()
    if (layer !== undefined) this.#assembly.observe(layer)
    await this.#exclusive(() => this.#turn(false))
    return layer
  }

  turn<Result>(newest: Layer, work: (desk: Desk) => Promise<Result>): Promise<Result> {
    this.#assembly.observe(newest)
    return this.#turns.run(async () => {
      if (this.#life === 'stopped') throw new GatewayError('shutting_down', 'This replica is being stopped.')
      await this.#turn(false)
      return work(this.#desk())
    })
  }

  async countFrom(revision: number): Promise<void> {
    const ahead = this.#publication.revision
    if (ahead > revision) await this.#count.catchUp(ahead)
  }

  refresh({ force = false }: { readonly force?: boolean } = {}): Promise<Verdict> {
    this.#forceNext ||= force
    // Who asks while one is under way may have changed something after it was read, so a next one serves them all.
    this.#nextRefresh ??= this.#refreshes.then(() => this.#refresh())
    this.#refreshes = this.#nextRefresh.catch(() => undefined)
    return this.#nextRefresh
  }

  status(): ConfigStatus {
    return { ...this.#standing.status(), draining: this.#options.slot.draining }
  }

  async stop(): Promise<void> {
    this.#life = 'stopped'
    clearTimeout(this.#timer)
    await Promise.all([...this.#sources.map((source) => source.stop()), this.#options.inputs.stop()])
    await this.#refreshes
    await this.#turns.over()
    await this.#lastGood?.settled()
    this.#options.slot.close()
    await this.#pool.closed()
  }

  async #start(): Promise<Verdict> {
    await this.#publication.readCopy()
    await this.#options.inputs.start(() => this.#inputsChanged())
    const offer = (layer: Layer): void => {
      this.#assembly.observe(layer)
      this.#poke()
    }
    await Promise.all(this.#sources.map((source) => source.start(offer)))
    this.#presumeAway()
    if (this.#life === 'new') this.#life = 'running'
    return this.#exclusive(() => this.#turn(false))
  }

  /** A source that may be away for long goes on as it was before the start. */
  #presumeAway(): void {
    for (const { identity, layer } of this.#publication.copy?.layers ?? []) {
      const source = this.#source(layer.source)
      if (source?.trouble !== undefined && (source.identity ?? source.name) === identity) this.#layers.presume(layer)
    }
  }

  #inputsChanged(): void {
    this.#assembly.inputsChanged()
    this.#poke()
    for (const source of this.#sources) {
      if (source.inputs !== undefined) this.#refreshOne(source).catch((error) => this.#unexpected(error))
    }
  }

  async #refreshOne(source: Source): Promise<void> {
    const layer = await source.refresh()
    if (layer === undefined) return
    this.#assembly.observe(layer)
    this.#poke()
  }

  async #refresh(): Promise<Verdict> {
    this.#nextRefresh = undefined
    const force = this.#forceNext
    this.#forceNext = false
    await Promise.all([
      ...this.#sources.map((source) => source.refresh().then((layer) => layer && this.#assembly.observe(layer))),
      this.#options.inputs.refresh(),
    ])
    this.#assembly.inputsChanged()
    return this.#exclusive(() => this.#turn(force))
  }

  /** Something may have changed: take a turn, at once or when the pace allows. */
  #poke(): void {
    if (this.#life !== 'running' || this.#turnAhead) return
    this.#turnAhead = true
    const turn = (): void => void this.#exclusive(() => this.#turn(false))
    this.#timer = setTimeout(turn, this.#pace.delay(this.#options.clock.now()))
  }

  #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turns.run(work)
    result.catch((error) => this.#unexpected(error))
    return result
  }

  /** One pass of the loop: builds from the newest layers unless they are what serves, and publishes or refuses. */
  async #turn(force: boolean): Promise<Verdict> {
    this.#turnAhead = false
    if (this.#life !== 'running') return this.#standing.verdict
    const wanted = this.#assembly.wanted(force)
    if (wanted !== undefined) {
      this.#pace.started(this.#options.clock.now())
      await this.#assembly.build(wanted)
      const ofSources = this.#sources.flatMap(({ inputs }) => [...(inputs ?? [])])
      this.#options.inputs.retain(new Set([...this.#assembly.uris, ...ofSources]))
    }
    if (this.#standing.settle()) {
      this.#options.onTurn?.({ type: 'recovered', revision: this.#publication.revision })
    }
    return this.#standing.verdict
  }

  #desk(): Desk {
    return {
      served: this.#options.slot.current,
      verdict: this.#standing.verdict,
      prepare: (layer) => this.#assembly.candidate(layer),
    }
  }

  #source(name: string): Source | undefined {
    return this.#sources.find((source) => source.name === name)
  }

  #unexpected(error: unknown): void {
    if (this.#options.onUnexpected !== undefined) this.#options.onUnexpected(error)
    else process.emitWarning(error instanceof Error ? error : String(error))
  }
}
