import { type PriceLoader, unpriced } from '../core/cost/price-loader.ts'
import type { Inputs, InputUri } from '../core/input.ts'
import { problem } from '../core/problem.ts'
import type { KindName, Layer, Resource } from '../core/resource.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import { type CompileContext, compileResource, isCurrent, problemOf } from './compile.ts'
import { ContentHash } from './content-hash.ts'
import {
  type DeclaredKinds,
  declaredIndex,
  defaultPrices,
  defaultSettings,
  isDefault,
  withDefaults,
} from './declared.ts'
import { closeEntry, type Entry, holdEntry, releaseEntry } from './entry.ts'
import { Findings, rowSources } from './findings.ts'
import { kinds } from './kinds/index.ts'
import type { Kind, Report } from './kinds/kind.ts'
import { priceMap as priceMapKind, priceMapName } from './kinds/price-map.ts'
import { settings as settingsKind, settingsName } from './kinds/settings.ts'
import { checkNames } from './link.ts'
import { type Declared, mergeLayers } from './merge.ts'
import { buildModelIndex, type NameIndex } from './model-index.ts'
import { Pacer } from './pacer.ts'
import type { Outcome, Prepared } from './prepared.ts'
import { declaredVariables } from './schema/settings.ts'
import { TurnInputs } from './turn-inputs.ts'
import type { UsagePool } from './usage-pool.ts'

/** What preparing needs of the process. */
export interface Workshop {
  readonly inputs: Inputs
  readonly pool: UsagePool
  readonly openPool: (origin: string) => UpstreamPool
  /** Absent where nothing is to be costed: every price is unknown then. */
  readonly prices?: PriceLoader
}

/**
 * Merges, checks, compiles and links all layers into a configuration that can serve, or says everything that is wrong.
 * Changes nothing that serves; holds nothing when it refuses or throws. Yields to the event loop every few ms.
 * @param layers lowest precedence first
 * @param previous what serves: entries of which nothing has changed are reused
 * @param tolerant sources whose resources are accepted one by one this time, besides those that always are
 */
export async function prepare(
  layers: readonly Layer[],
  previous: Prepared | undefined,
  workshop: Workshop,
  tolerant: ReadonlySet<string> = new Set(),
): Promise<Outcome> {
  const preparation = new Preparation(layers, previous, workshop, tolerant)
  try {
    return await preparation.run()
  } catch (error) {
    preparation.abandon()
    throw error
  }
}

type Tables = { readonly [Name in KindName]: Map<string, Entry<Name>> }

class Preparation {
  readonly #layers: readonly Layer[]
  readonly #previous: Prepared | undefined
  readonly #workshop: Workshop
  readonly #pacer = new Pacer()
  readonly #tables: Tables = {
    credential: new Map(),
    deployment: new Map(),
    alias: new Map(),
    'price-map': new Map(),
    settings: new Map(),
  }
  readonly #fresh: Entry[] = []
  readonly #findings: Findings
  /** Public names whose declaration has an error. */
  readonly #broken = new Set<string>()
  /** Sources of rows, whose order means nothing. */
  readonly #rowSources: ReadonlySet<string>
  readonly #hash = new ContentHash()
  #reused = 0

  constructor(
    layers: readonly Layer[],
    previous: Prepared | undefined,
    workshop: Workshop,
    tolerant: ReadonlySet<string>,
  ) {
    this.#layers = layers
    this.#previous = previous
    this.#workshop = workshop
    this.#findings = new Findings(layers, tolerant)
    this.#rowSources = rowSources(layers)
  }

  async run(): Promise<Outcome> {
    const merged = await mergeLayers(this.#layers, this.#pacer)
    for (const { declared, by } of merged.shadowed) {
      const { kind, name, origin, path } = declared.resource
      this.#findings.add(declared.source, problem('declared_twice', { origin, path }, { kind, name, by: by.origin }))
    }
    const declared = withDefaults(merged.kinds)
    const settings = declared.settings.get(settingsName) ?? defaultSettings
    const inputs = new TurnInputs(this.#workshop.inputs, declaredVariables(settings.resource.spec))
    await this.#readAgain(inputs)
    const context = this.#context(inputs, declared)
    for (const kind of kinds) await this.#compileAll(kind, declared[kind.name], context)
    const models = await buildModelIndex(
      Array.from(this.#tables.deployment.values(), (entry) => entry.value),
      Array.from(this.#tables.alias.values(), (entry) => entry.value),
      this.#previous?.models,
      this.#pacer,
    )
    await this.#checkNames(models, declared, settings)
    if (!this.#tables['price-map'].has(priceMapName)) await this.#withBundledPrices(context)
    const entry = this.#tables.settings.get(settingsName) ?? (await this.#withoutSettings(context))
    if (this.#findings.refused || entry === undefined) {
      this.abandon()
      return { accepted: false, problems: this.#findings.bySource, uris: inputs.uris }
    }
    return {
      accepted: true,
      prepared: await this.#finish({
        hash: this.#hash.digest(),
        models,
        settings: entry,
        settingsResource: settings.resource,
        declared: declaredIndex(declared),
        uris: inputs.uris,
      }),
    }
  }

  /** Settings of rows alone, and at fault: the defaults serve. */
  async #withoutSettings(context: CompileContext): Promise<Entry<'settings'> | undefined> {
    if (this.#findings.refused) return undefined
    const result = await compileResource(settingsKind, defaultSettings.resource, context)
    if (result.entry === undefined) return undefined
    this.#fresh.push(result.entry)
    this.#tables.settings.set(settingsName, result.entry)
    return result.entry
  }

  /** A stored map that cannot be had, and none that served before: the one that comes with the gateway is better than none. */
  async #withBundledPrices(context: CompileContext): Promise<void> {
    if (this.#findings.refused) return
    const { entry } = await compileResource(priceMapKind, defaultPrices.resource, context)
    if (entry === undefined) return
    this.#fresh.push(entry)
    this.#tables['price-map'].set(priceMapName, entry)
  }

  /** Gives up what was opened for nothing. */
  abandon(): void {
    for (const entry of this.#fresh) closeEntry(entry)
    this.#fresh.length = 0
  }

  /** The versions that the previous entries are compared with. */
  async #readAgain(inputs: TurnInputs): Promise<void> {
    if (this.#previous === undefined) return
    const seen = new Set<InputUri>()
    for (const table of Object.values(this.#previous.entries)) {
      for (const entry of table.values()) {
        for (const { uri } of entry.inputs) {
          if (seen.has(uri)) continue
          seen.add(uri)
          await inputs.observe(uri)
        }
        if (this.#pacer.due()) await this.#pacer.pause()
      }
    }
  }

  #context(inputs: TurnInputs, declared: DeclaredKinds): CompileContext {
    const tables = this.#tables
    return {
      inputs,
      pool: this.#workshop.pool,
      openPool: this.#workshop.openPool,
      prices: this.#workshop.prices ?? unpriced,
      entryOf: (kind, name) => tables[kind].get(name),
      namesOf: (kind) => declared[kind].keys(),
      suggestionsLeft: 50,
    }
  }

  async #compileAll<Name extends KindName>(
    kind: Kind<Name>,
    declared: ReadonlyMap<string, Declared>,
    context: CompileContext,
  ): Promise<void> {
    const before: ReadonlyMap<string, Entry<Name>> | undefined = this.#previous?.entries[kind.name]
    const table: Map<string, Entry<Name>> = this.#tables[kind.name]
    for (const [name, found] of declared) {
      const known = before?.get(name)
      if (known !== undefined && isCurrent(known, found.resource, context)) {
        this.#reused += 1
        table.set(name, known)
        this.#count(known, found)
        this.#addReports(known.reports, found)
      } else {
        const entry = await this.#compile(kind, found, known, context)
        if (entry !== undefined) {
          table.set(name, entry)
          this.#count(entry, found)
        }
      }
      if (this.#pacer.due()) await this.#pacer.pause()
    }
  }

  /** The new entry; where it cannot be had and its source's rows stand alone, what was accepted last. */
  async #compile<Name extends KindName>(
    kind: Kind<Name>,
    declared: Declared,
    known: Entry<Name> | undefined,
    context: CompileContext,
  ): Promise<Entry<Name> | undefined> {
    const result = await compileResource(kind, declared.resource, context)
    if (result.entry !== undefined) {
      this.#fresh.push(result.entry)
      this.#addReports(result.entry.reports, declared)
      return result.entry
    }
    this.#addReports(result.reports, declared)
    this.#broken.add(publicName(declared.resource))
    if (this.#findings.refused) return undefined
    const { parts } = declared
    if (parts === undefined) return known === undefined ? undefined : this.#keep(known, context)
    // Of settings the part that is at fault is left out; the other may have changed, so the last version of both will not do.
    const sound = parts.find(({ source }) => !this.#findings.isTolerant(source))
    return sound === undefined ? undefined : this.#compile(kind, sound, known, context)
  }

  /** Goes on with an entry although what it was made from has changed. Its inputs are still watched. */
  #keep<Name extends KindName>(entry: Entry<Name>, { inputs }: CompileContext): Entry<Name> {
    for (const { uri } of entry.inputs) inputs.known(uri)
    return entry
  }

  #addReports(reports: readonly Report[], { resource, source, sourceOf }: Declared): void {
    for (const report of reports) this.#findings.add(sourceOf?.(report.path) ?? source, problemOf(report, resource))
  }

  async #checkNames(
    models: NameIndex,
    declared: { readonly alias: ReadonlyMap<string, Declared> },
    settings: Declared,
  ): Promise<void> {
    const references = this.#tables.settings.get(settingsName)?.value.references ?? []
    for (const { alias, report } of await checkNames(models, references, this.#broken, this.#pacer)) {
      const owner = alias === undefined ? settings : declared.alias.get(alias)
      if (owner === undefined) continue
      this.#findings.add(owner.sourceOf?.(report.path) ?? owner.source, problemOf(report, owner.resource))
    }
  }

  #count(entry: Entry, found: Declared): void {
    // What stands in for settings and prices that nobody declares is nobody's content.
    if (isDefault(found)) return
    this.#hash.add(entry, found.parts === undefined && this.#rowSources.has(found.source))
  }

  async #finish(
    parts: Pick<Prepared, 'hash' | 'models' | 'settings' | 'settingsResource' | 'declared' | 'uris'>,
  ): Promise<Prepared> {
    const held: Entry[] = []
    for (const table of Object.values(this.#tables)) {
      for (const entry of table.values()) held.push(entry)
    }
    if (this.#pacer.due()) await this.#pacer.pause()
    // Held in one go, at the end: until here an error abandons the fresh entries, from here on `release` gives all up.
    for (const entry of held) holdEntry(entry)
    let released = false
    return {
      ...parts,
      changed: this.#previous === undefined || this.#previous.hash !== parts.hash || this.#fresh.length > 0,
      compiled: this.#fresh.length,
      reused: this.#reused,
      entries: this.#tables,
      deployments: parts.models.deployments,
      problems: this.#findings.bySource,
      tolerated: this.#findings.tolerated,
      release() {
        if (released) return
        released = true
        for (const entry of held) releaseEntry(entry)
      },
    }
  }
}

/** What callers would call it. */
function publicName({ kind, name, spec }: Resource): string {
  const { model_name: declared } = spec
  return kind === 'deployment' && typeof declared === 'string' ? declared : name
}
