import type { InputUri } from '../core/input.ts'
import type { Layer } from '../core/resource.ts'
import { PatchedMap } from '../lib/patched-map.ts'
import { Compilation } from './compilation.ts'
import { ContentHash } from './content-hash.ts'
import { type DeclaredKinds, declaredIndex } from './declared.ts'
import type { Entry } from './entry.ts'
import { Findings } from './findings.ts'
import { deployment as deploymentKind } from './kinds/deployment.ts'
import { checkNames } from './link.ts'
import type { Declared } from './merge.ts'
import { amendModelIndex, type NameIndex } from './model-index.ts'
import { Pacer } from './pacer.ts'
import type { Entries, Outcome, Prepared, Workshop } from './prepared.ts'
import { declaredVariables } from './schema/settings.ts'
import { TurnInputs } from './turn-inputs.ts'

/** With more the whole is built, which takes the work of many from the event loop in pieces. */
const mostChanges = 500

interface AmendOptions {
  readonly tolerant: ReadonlySet<string>
  readonly inputsAt: number | undefined
}

/** Deployments of the last layer, as they are now; `undefined`: there is none of that name. */
type Declarations = ReadonlyMap<string, Declared | undefined>

/** Of one deployment; `undefined`: it did, or does, not serve. */
interface Alteration {
  readonly name: string
  readonly before: Entry<'deployment'> | undefined
  readonly after: Entry<'deployment'> | undefined
}

/**
 * Makes what `prepare` would make of it from what serves, where nothing but deployments of a layer of rows has changed: the work is that
 * of what changed, whatever there is besides.
 * @returns `undefined` where it cannot: then nothing is changed, and nothing held
 */
export async function amend(
  layers: readonly Layer[],
  previous: Prepared,
  workshop: Workshop,
  how: AmendOptions,
): Promise<Outcome | undefined> {
  const declarations = changesIn(layers, previous, how.inputsAt)
  if (declarations === undefined) return undefined
  const amendment = new Amendment(layers, previous, declarations, workshop, how)
  try {
    return await amendment.run()
  } catch (error) {
    amendment.abandon()
    throw error
  }
}

class Amendment {
  readonly #layers: readonly Layer[]
  readonly #previous: Prepared
  readonly #declarations: Declarations
  /** Of all kinds, with the declarations. */
  readonly #declared: DeclaredKinds
  readonly #inputsAt: number | undefined
  readonly #inputs: TurnInputs
  readonly #findings: Findings
  readonly #compilation: Compilation

  constructor(
    layers: readonly Layer[],
    previous: Prepared,
    declarations: Declarations,
    workshop: Workshop,
    { tolerant, inputsAt }: AmendOptions,
  ) {
    const { declared } = previous.basis
    this.#layers = layers
    this.#previous = previous
    this.#declarations = declarations
    this.#declared = { ...declared, deployment: PatchedMap.of(declared.deployment).patched(declarations) }
    this.#inputsAt = inputsAt
    this.#inputs = new TurnInputs(workshop.inputs, declaredVariables(previous.settingsResource.spec))
    this.#findings = new Findings(layers, tolerant)
    this.#compilation = new Compilation(workshop, this.#inputs, previous.entries, this.#declared, this.#findings)
  }

  async run(): Promise<Outcome | undefined> {
    this.#findWhatStays()
    const alterations = await this.#compile()
    if (this.#comesLate(alterations) || this.#compilation.hasRead(this.#previous.basis.versions)) {
      this.abandon()
      return undefined
    }
    const entries = this.#entriesWith(alterations)
    const models = amendModelIndex(
      this.#previous.models,
      alterations.map(({ before, after }) => ({ before: before?.value, after: after?.value })),
      () => Array.from(entries.deployment.values(), ({ value }) => value),
      Array.from(entries.alias.values(), ({ value }) => value),
    )
    const findings = this.#findings
    const { references } = this.#previous.settings.value
    findings.addLinks(await checkNames(models, references, findings.broken, new Pacer()), this.#declared)
    if (!findings.refused) return { accepted: true, prepared: this.#prepared(alterations, entries, models) }
    this.abandon()
    return { accepted: false, problems: findings.bySource, uris: this.#uris }
  }

  abandon(): void {
    this.#compilation.abandon()
  }

  /** What is reported of all that has not changed. */
  #findWhatStays(): void {
    const { shadowed, remarks } = this.#previous.basis
    this.#findings.addShadowed(shadowed)
    for (const { declared, reports } of remarks) {
      const { kind, name } = declared.resource
      if (kind !== 'deployment' || !this.#declarations.has(name)) this.#findings.addReports(reports, declared)
    }
  }

  async #compile(): Promise<readonly Alteration[]> {
    const alterations: Alteration[] = []
    for (const [name, declared] of this.#declarations) {
      const before = this.#previous.entries.deployment.get(name)
      const after = declared === undefined ? undefined : await this.#entryOf(declared, before)
      if (before !== after) alterations.push({ name, before, after })
    }
    return alterations
  }

  async #entryOf(declared: Declared, known: Entry<'deployment'> | undefined): Promise<Entry<'deployment'> | undefined> {
    for (const { uri } of known?.inputs ?? []) await this.#inputs.observe(uri)
    if (known !== undefined && this.#compilation.reuses(known, declared)) return known
    return this.#compilation.compile(deploymentKind, declared, known)
  }

  /** Of what could not be compiled before and can now: it would come last, and it was declared before others. */
  #comesLate(alterations: readonly Alteration[]): boolean {
    const { deployment: before } = this.#previous.basis.declared
    return alterations.some((each) => each.before === undefined && each.after !== undefined && before.has(each.name))
  }

  #entriesWith(alterations: readonly Alteration[]): Entries {
    const { entries } = this.#previous
    const changes = alterations.map(({ name, after }) => [name, after] as const)
    return { ...entries, deployment: PatchedMap.of(entries.deployment).patched(changes) }
  }

  #prepared(alterations: readonly Alteration[], entries: Entries, models: NameIndex): Prepared {
    const previous = this.#previous
    const { fresh } = this.#compilation
    const { bySource, tolerated, remarks, failed } = this.#findings
    const content = contentWith(previous.basis.content, alterations)
    const hash = content.digest()
    const replaced = alterations.flatMap(({ before }) => (before === undefined ? [] : [before]))
    const holding = previous.holding.amended(() => everyEntry(entries), { fresh, replaced })
    const versions = fresh.flatMap(({ inputs }) => inputs.map(({ uri, version }) => [uri, version] as const))
    return {
      hash,
      changed: previous.hash !== hash || fresh.length > 0,
      compiled: fresh.length,
      reused: count(entries) - fresh.length,
      entries,
      models,
      deployments: models.deployments,
      settings: previous.settings,
      settingsResource: previous.settingsResource,
      declared: declaredIndex(this.#declared),
      problems: bySource,
      tolerated,
      uris: this.#uris,
      holding,
      basis: {
        layers: this.#layers,
        inputsAt: this.#inputsAt,
        declared: this.#declared,
        shadowed: previous.basis.shadowed,
        remarks,
        failed,
        versions: PatchedMap.of(previous.basis.versions).patched(versions),
        content,
      },
      release: () => holding.release(),
    }
  }

  /** The same set where nothing is added: it may be large. */
  get #uris(): ReadonlySet<InputUri> {
    const { uris: known } = this.#previous
    const { uris } = this.#inputs
    return uris.isSubsetOf(known) ? known : new Set([...known, ...uris])
  }
}

/** What has changed since; `undefined` where that is not known, or is more than deployments that only the last layer declares. */
function changesIn(
  layers: readonly Layer[],
  { basis }: Prepared,
  inputsAt: number | undefined,
): Declarations | undefined {
  const last = layers.at(-1)
  const before = basis.layers.at(-1)
  if (inputsAt === undefined || basis.inputsAt !== inputsAt || last === undefined || before === undefined)
    return undefined
  if (last.acceptance !== 'rows' || layers.length !== basis.layers.length) return undefined
  const others = layers.slice(0, -1)
  if (others.some((layer, index) => layer !== basis.layers[index])) return undefined
  const changes = last.changesSince?.(before)
  if (changes === undefined || changes.length > mostChanges) return undefined
  const declarations = new Map<string, Declared | undefined>()
  // What could not be compiled is tried again in each turn.
  for (const { kind, name, source } of basis.failed) {
    if (kind !== 'deployment' || source !== last.source) return undefined
    declarations.set(name, basis.declared.deployment.get(name))
  }
  for (const { kind, name, resource } of changes) {
    if (kind !== 'deployment' || others.some((layer) => deploymentsOf(layer).has(name))) return undefined
    declarations.set(name, resource === undefined ? undefined : { resource, source: last.source })
  }
  return declarations
}

const deployments = new WeakMap<Layer, ReadonlySet<string>>()

function deploymentsOf(layer: Layer): ReadonlySet<string> {
  const known = deployments.get(layer)
  if (known !== undefined) return known
  const names = new Set(layer.resources.filter(({ kind }) => kind === 'deployment').map(({ name }) => name))
  deployments.set(layer, names)
  return names
}

function contentWith(before: ContentHash, alterations: readonly Alteration[]): ContentHash {
  const content = new ContentHash(before)
  for (const { before: gone, after } of alterations) {
    if (gone !== undefined) content.removeRow(gone)
    if (after !== undefined) content.addRow(after)
  }
  return content
}

function* everyEntry(entries: Entries): Generator<Entry> {
  for (const table of Object.values(entries)) yield* table.values()
}

function count(entries: Entries): number {
  return Object.values(entries).reduce((sum, table) => sum + table.size, 0)
}
