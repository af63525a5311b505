import type { InputUri } from '../core/input.ts'
import type { KindName, Layer } from '../core/resource.ts'
import { amend } from './amend.ts'
import { Compilation } from './compilation.ts'
import { ContentHash } from './content-hash.ts'
import { declaredIndex, defaultPrices, defaultSettings, isDefault, withDefaults } from './declared.ts'
import type { Entry } from './entry.ts'
import { Findings, rowSources } from './findings.ts'
import { Holding } from './holding.ts'
import { kinds } from './kinds/index.ts'
import type { Kind } from './kinds/kind.ts'
import { priceMap as priceMapKind, priceMapName } from './kinds/price-map.ts'
import { settings as settingsKind, settingsName } from './kinds/settings.ts'
import { checkNames } from './link.ts'
import { type Declared, mergeLayers } from './merge.ts'
import { buildModelIndex } from './model-index.ts'
import { Pacer } from './pacer.ts'
import type { Outcome, Prepared, Workshop } from './prepared.ts'
import { declaredVariables } from './schema/settings.ts'
import { TurnInputs } from './turn-inputs.ts'

export interface PrepareOptions {
  /** Sources whose resources are accepted one by one this time, besides those that always are. */
  readonly tolerant?: ReadonlySet<string>
  /** Counts the changes of inputs: with the number of what serves, nothing that it read has changed since. */
  readonly inputsAt?: number
}

/**
 * Merges, checks, compiles and links all layers into a configuration that can serve, or says everything that is wrong.
 * Changes nothing that serves; holds nothing when it refuses or throws. Yields to the event loop every few ms.
 * @param layers lowest precedence first
 * @param previous what serves: entries of which nothing has changed are reused; where only rows have changed, all the rest is
 */
export async function prepare(
  layers: readonly Layer[],
  previous: Prepared | undefined,
  workshop: Workshop,
  { tolerant = new Set(), inputsAt }: PrepareOptions = {},
): Promise<Outcome> {
  const how = { tolerant, inputsAt }
  const amended = previous === undefined ? undefined : await amend(layers, previous, workshop, how)
  if (amended !== undefined) return amended
  const preparation = new Preparation(layers, previous, workshop, how)
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
  /** Sources of rows, whose order means nothing. */
  readonly #rowSources: ReadonlySet<string>
  readonly #inputsAt: number | undefined
  readonly #pacer = new Pacer()
  readonly #findings: Findings
  readonly #tables: Tables = {
    credential: new Map(),
    deployment: new Map(),
    alias: new Map(),
    'price-map': new Map(),
    settings: new Map(),
  }
  readonly #hash = new ContentHash()
  #compilation: Compilation | undefined
  #reused = 0

  constructor(
    layers: readonly Layer[],
    previous: Prepared | undefined,
    workshop: Workshop,
    { tolerant, inputsAt }: { readonly tolerant: ReadonlySet<string>; readonly inputsAt: number | undefined },
  ) {
    this.#layers = layers
    this.#previous = previous
    this.#workshop = workshop
    this.#rowSources = rowSources(layers)
    this.#inputsAt = inputsAt
    this.#findings = new Findings(layers, tolerant)
  }

  async run(): Promise<Outcome> {
    const findings = this.#findings
    const { kinds: found, shadowed } = await mergeLayers(this.#layers, this.#pacer)
    findings.addShadowed(shadowed)
    const declared = withDefaults(found)
    const settings = declared.settings.get(settingsName) ?? defaultSettings
    const inputs = new TurnInputs(this.#workshop.inputs, declaredVariables(settings.resource.spec))
    await this.#readAgain(inputs)
    const compilation = new Compilation(this.#workshop, inputs, this.#tables, declared, findings)
    this.#compilation = compilation
    for (const kind of kinds) await this.#compileAll(kind, declared[kind.name], compilation)
    const models = await buildModelIndex(
      Array.from(this.#tables.deployment.values(), (entry) => entry.value),
      Array.from(this.#tables.alias.values(), (entry) => entry.value),
      this.#previous?.models,
      this.#pacer,
    )
    const references = this.#tables.settings.get(settingsName)?.value.references ?? []
    findings.addLinks(await checkNames(models, references, findings.broken, this.#pacer), declared)
    await this.#addDefaults(compilation)
    const entry = this.#tables.settings.get(settingsName)
    if (findings.refused || entry === undefined) {
      this.abandon()
      return { accepted: false, problems: findings.bySource, uris: inputs.uris }
    }
    const { held, versions } = this.#everything()
    if (this.#pacer.due()) await this.#pacer.pause()
    const hash = this.#hash.digest()
    // Held in one go, at the end: until here an error abandons the fresh entries, from here on `release` gives all up.
    const holding = Holding.of(held)
    return {
      accepted: true,
      prepared: {
        hash,
        changed: this.#previous?.hash !== hash || compilation.fresh.length > 0,
        compiled: compilation.fresh.length,
        reused: this.#reused,
        entries: this.#tables,
        models,
        deployments: models.deployments,
        settings: entry,
        settingsResource: settings.resource,
        declared: declaredIndex(declared),
        problems: findings.bySource,
        tolerated: findings.tolerated,
        uris: inputs.uris,
        holding,
        basis: {
          layers: this.#layers,
          inputsAt: this.#inputsAt,
          declared,
          shadowed,
          remarks: findings.remarks,
          failed: findings.failed,
          versions,
          content: this.#hash,
        },
        release: () => holding.release(),
      },
    }
  }

  abandon(): void {
    this.#compilation?.abandon()
  }

  /**
   * What serves where nothing that is declared can: the defaults for settings of rows alone; for a stored map that cannot be had the one
   * that comes with the gateway, which is better than none.
   */
  async #addDefaults(compilation: Compilation): Promise<void> {
    if (this.#findings.refused) return
    if (!this.#tables['price-map'].has(priceMapName)) {
      const entry = await compilation.compileDefault(priceMapKind, defaultPrices)
      if (entry !== undefined) this.#tables['price-map'].set(priceMapName, entry)
    }
    if (!this.#tables.settings.has(settingsName)) {
      const entry = await compilation.compileDefault(settingsKind, defaultSettings)
      if (entry !== undefined) this.#tables.settings.set(settingsName, entry)
    }
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

  async #compileAll<Name extends KindName>(
    kind: Kind<Name>,
    declared: ReadonlyMap<string, Declared>,
    compilation: Compilation,
  ): Promise<void> {
    const before: ReadonlyMap<string, Entry<Name>> | undefined = this.#previous?.entries[kind.name]
    const table: Map<string, Entry<Name>> = this.#tables[kind.name]
    for (const [name, found] of declared) {
      const known = before?.get(name)
      const reused = known !== undefined && compilation.reuses(known, found)
      if (reused) this.#reused += 1
      const entry = reused ? known : await compilation.compile(kind, found, known)
      if (entry !== undefined) {
        table.set(name, entry)
        this.#count(entry, found)
      }
      if (this.#pacer.due()) await this.#pacer.pause()
    }
  }

  #count(entry: Entry, found: Declared): void {
    // What stands in for settings and prices that nobody declares is nobody's content.
    if (isDefault(found)) return
    if (found.parts === undefined && this.#rowSources.has(found.source)) this.#hash.addRow(entry)
    else this.#hash.add(entry)
  }

  #everything(): { readonly held: readonly Entry[]; readonly versions: ReadonlyMap<InputUri, string> } {
    const held: Entry[] = []
    const versions = new Map<InputUri, string>()
    for (const table of Object.values(this.#tables)) {
      for (const entry of table.values()) {
        held.push(entry)
        for (const { uri, version } of entry.inputs) versions.set(uri, version)
      }
    }
    return { held, versions }
  }
}
