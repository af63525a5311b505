import type { Generation, Revision } from '../core/brand.ts'
import type { Deployment } from '../core/deployment.ts'
import type { Inputs, InputUri } from '../core/input.ts'
import type { Problem } from '../core/problem.ts'
import type { KindName, Layer, Resource } from '../core/resource.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import { type CompileContext, compileResource, isCurrent, problemOf } from './compile.ts'
import { closeEntry, type Entry, holdEntry, releaseEntry } from './entry.ts'
import { kinds } from './kinds/index.ts'
import type { Kind } from './kinds/kind.ts'
import { settingsName } from './kinds/settings.ts'
import { checkNames } from './link.ts'
import { type Declared, mergeLayers } from './merge.ts'
import { buildModelIndex, type NameIndex } from './model-index.ts'
import { Pacer } from './pacer.ts'
import { declaredVariables } from './schema/settings.ts'
import type { DeclaredIndex, Snapshot } from './snapshot.ts'
import { TurnInputs } from './turn-inputs.ts'
import type { UsagePool } from './usage-pool.ts'

/** What preparing needs of the process. */
export interface Workshop {
  readonly inputs: Inputs
  readonly pool: UsagePool
  readonly openPool: (origin: string) => UpstreamPool
}

/** A configuration that can serve. It holds everything it needs open until it is released. */
export interface Prepared {
  readonly hash: string
  /** Whether it differs from what it was prepared after: in a resource, or in an input that one of them reads. */
  readonly changed: boolean
  readonly compiled: number
  readonly reused: number
  readonly entries: Entries
  readonly models: NameIndex
  readonly deployments: ReadonlyMap<string, Deployment>
  readonly settings: Entry<'settings'>
  readonly settingsResource: Resource
  readonly declared: DeclaredIndex
  /** Warnings, at today's places, by source. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>
  /** What it read of the outside, to be watched. */
  readonly uris: ReadonlySet<InputUri>
  /** Idempotent. */
  release(): void
}

export type Entries = { readonly [Name in KindName]: ReadonlyMap<string, Entry<Name>> }

export type Outcome =
  | { readonly accepted: true; readonly prepared: Prepared }
  | {
      readonly accepted: false
      /** Every problem, by the source whose layer has it. The sources with an error are refused. */
      readonly problems: ReadonlyMap<string, readonly Problem[]>
      readonly uris: ReadonlySet<InputUri>
    }

/**
 * Merges, checks, compiles and links all layers into a configuration that can serve, or says everything that is wrong.
 * Changes nothing that serves; holds nothing when it refuses or throws. Yields to the event loop every few ms.
 * @param layers lowest precedence first
 * @param previous what serves: entries of which nothing has changed are reused
 */
export async function prepare(
  layers: readonly Layer[],
  previous: Prepared | undefined,
  workshop: Workshop,
): Promise<Outcome> {
  const preparation = new Preparation(layers, previous, workshop)
  try {
    return await preparation.run()
  } catch (error) {
    preparation.abandon()
    throw error
  }
}

/** A prepared configuration under its numbers, ready to be published. */
export function snapshotOf(prepared: Prepared, revision: number, generation: number): Snapshot {
  return Object.freeze({
    // Numbered by the one loop, the only caller.
    revision: revision as Revision,
    generation: generation as Generation,
    hash: prepared.hash,
    models: prepared.models,
    settings: prepared.settings.value.settings,
    deployments: prepared.deployments,
    declared: prepared.declared,
  })
}

/** What is compiled where no source declares settings. */
const defaultSettings: Declared = {
  source: 'default',
  resource: {
    kind: 'settings',
    name: settingsName,
    spec: {},
    hash: 'default',
    origin: 'default',
    path: '',
    originOf: () => 'default',
  },
}

type Tables = { readonly [Name in KindName]: Map<string, Entry<Name>> }

class Preparation {
  readonly #layers: readonly Layer[]
  readonly #previous: Prepared | undefined
  readonly #workshop: Workshop
  readonly #pacer = new Pacer()
  readonly #tables: Tables = { credential: new Map(), deployment: new Map(), alias: new Map(), settings: new Map() }
  readonly #fresh: Entry[] = []
  readonly #problems = new Map<string, Problem[]>()
  /** Public names whose declaration has an error. */
  readonly #broken = new Set<string>()
  #reused = 0
  #refused = false

  constructor(layers: readonly Layer[], previous: Prepared | undefined, workshop: Workshop) {
    this.#layers = layers
    this.#previous = previous
    this.#workshop = workshop
  }

  async run(): Promise<Outcome> {
    for (const { source, problems } of this.#layers) for (const found of problems) this.#add(source, found)
    const merged = await mergeLayers(this.#layers, this.#pacer)
    const settings = merged.kinds.settings.get(settingsName) ?? defaultSettings
    const declared = { ...merged.kinds, settings: new Map([[settingsName, settings]]) }
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
    const entry = this.#tables.settings.get(settingsName)
    if (this.#refused || entry === undefined) {
      this.abandon()
      return { accepted: false, problems: this.#problems, uris: inputs.uris }
    }
    return {
      accepted: true,
      prepared: await this.#finish({
        hash: merged.hash,
        models,
        settings: entry,
        settingsResource: settings.resource,
        declared: declaredIndex(declared),
        uris: inputs.uris,
      }),
    }
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

  #context(
    inputs: TurnInputs,
    declared: { readonly [Name in KindName]: ReadonlyMap<string, Declared> },
  ): CompileContext {
    const tables = this.#tables
    return {
      inputs,
      pool: this.#workshop.pool,
      openPool: this.#workshop.openPool,
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
    for (const [name, { resource, source, sourceOf }] of declared) {
      const known = before?.get(name)
      if (known !== undefined && isCurrent(known, resource, context)) {
        this.#reused += 1
        table.set(name, known)
        for (const report of known.reports) this.#add(sourceOf?.(report.path) ?? source, problemOf(report, resource))
      } else {
        const result = await compileResource(kind, resource, context)
        if (result.entry === undefined) {
          this.#broken.add(publicName(resource))
        } else {
          this.#fresh.push(result.entry)
          table.set(name, result.entry)
        }
        const reports = result.entry === undefined ? result.reports : result.entry.reports
        for (const report of reports) this.#add(sourceOf?.(report.path) ?? source, problemOf(report, resource))
      }
      if (this.#pacer.due()) await this.#pacer.pause()
    }
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
      this.#add(owner.sourceOf?.(report.path) ?? owner.source, problemOf(report, owner.resource))
    }
  }

  #add(source: string, found: Problem): void {
    const list = this.#problems.get(source)
    if (list === undefined) this.#problems.set(source, [found])
    else list.push(found)
    if (found.severity === 'error') this.#refused = true
  }

  async #finish(
    parts: Pick<Prepared, 'hash' | 'models' | 'settings' | 'settingsResource' | 'declared' | 'uris'>,
  ): Promise<Prepared> {
    const held: Entry[] = []
    const deployments = new Map<string, Deployment>()
    for (const table of Object.values(this.#tables)) {
      for (const entry of table.values()) held.push(entry)
    }
    for (const [name, entry] of this.#tables.deployment) {
      deployments.set(name, entry.value.deployment)
      if (this.#pacer.due()) await this.#pacer.pause()
    }
    // Held in one go, at the end: until here an error abandons the fresh entries, from here on `release` gives all up.
    for (const entry of held) holdEntry(entry)
    let released = false
    return {
      ...parts,
      changed: this.#previous === undefined || this.#previous.hash !== parts.hash || this.#fresh.length > 0,
      compiled: this.#fresh.length,
      reused: this.#reused,
      entries: this.#tables,
      deployments,
      problems: this.#problems,
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

function declaredIndex(declared: { readonly [Name in KindName]: ReadonlyMap<string, Declared> }): DeclaredIndex {
  return {
    get(kind, name) {
      const found = declared[kind].get(name)
      return found && { source: found.source, origin: found.resource.origin, spec: found.resource.spec }
    },
    names: (kind) => declared[kind].keys(),
  }
}
