import type { InputUri } from '../core/input.ts'
import type { Layer, Resource } from '../core/resource.ts'
import { PatchedMap } from '../lib/patched-map.ts'
import { Compilation } from './compilation.ts'
import { ContentHash } from './content-hash.ts'
import { declaredIndex } from './declared.ts'
import type { Entry } from './entry.ts'
import { Findings } from './findings.ts'
import { deployment as deploymentKind } from './kinds/deployment.ts'
import { checkNames } from './link.ts'
import type { Declared } from './merge.ts'
import { amendModelIndex } from './model-index.ts'
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

/** Deployments of the last layer, and what they are now; `undefined`: there is none of that name. */
type Changed = ReadonlyMap<string, Resource | undefined>

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
  { tolerant, inputsAt }: AmendOptions,
): Promise<Outcome | undefined> {
  const { basis } = previous
  const last = layers.at(-1)
  const changed = last === undefined ? undefined : changesIn(layers, last, previous, inputsAt)
  if (last === undefined || changed === undefined) return undefined
  const findings = new Findings(layers, tolerant)
  findings.addShadowed(basis.shadowed)
  for (const { declared, reports } of basis.remarks) {
    const { kind, name } = declared.resource
    if (kind !== 'deployment' || !changed.has(name)) findings.addReports(reports, declared)
  }
  const declarations = Array.from(changed, ([name, resource]): [string, Declared | undefined] => [
    name,
    resource === undefined ? undefined : { resource, source: last.source },
  ])
  const declared = {
    ...basis.declared,
    deployment: PatchedMap.of(basis.declared.deployment).patched(declarations),
  }
  const inputs = new TurnInputs(workshop.inputs, declaredVariables(previous.settingsResource.spec))
  const compilation = new Compilation(workshop, inputs, previous.entries, declared, findings)
  try {
    const alterations: Alteration[] = []
    for (const [name, found] of declarations) {
      const before = previous.entries.deployment.get(name)
      const after = found === undefined ? undefined : await entryOf(found, before, compilation)
      if (before !== after) alterations.push({ name, before, after })
    }
    // It would come last, and it was declared before others.
    const comesLate = alterations.some(
      ({ name, before, after }) => before === undefined && after !== undefined && basis.declared.deployment.has(name),
    )
    if (comesLate || compilation.hasRead(basis.versions)) {
      compilation.abandon()
      return undefined
    }
    const entries: Entries = {
      ...previous.entries,
      deployment: PatchedMap.of(previous.entries.deployment).patched(
        alterations.map(({ name, after }) => [name, after] as const),
      ),
    }
    const models = amendModelIndex(
      previous.models,
      alterations.map(({ before, after }) => ({ before: before?.value, after: after?.value })),
      () => Array.from(entries.deployment.values(), ({ value }) => value),
      Array.from(entries.alias.values(), ({ value }) => value),
    )
    const { references } = previous.settings.value
    for (const { alias, report } of await checkNames(models, references, findings.broken, new Pacer())) {
      const owner = alias === undefined ? declared.settings.values().next().value : declared.alias.get(alias)
      if (owner !== undefined) findings.addReport(report, owner)
    }
    const uris = withAll(previous.uris, inputs.uris)
    if (findings.refused) {
      compilation.abandon()
      return { accepted: false, problems: findings.bySource, uris }
    }
    const content = new ContentHash(basis.content)
    for (const { before, after } of alterations) {
      if (before !== undefined) content.removeRow(before)
      if (after !== undefined) content.addRow(after)
    }
    const { fresh } = compilation
    const hash = content.digest()
    const replaced = alterations.flatMap(({ before }) => (before === undefined ? [] : [before]))
    const holding = previous.holding.amended(() => everyEntry(entries), { fresh, replaced })
    const versions = fresh.flatMap((entry) => entry.inputs.map(({ uri, version }) => [uri, version] as const))
    return {
      accepted: true,
      prepared: {
        hash,
        changed: previous.hash !== hash || fresh.length > 0,
        compiled: fresh.length,
        reused: count(entries) - fresh.length,
        entries,
        models,
        deployments: models.deployments,
        settings: previous.settings,
        settingsResource: previous.settingsResource,
        declared: declaredIndex(declared),
        problems: findings.bySource,
        tolerated: findings.tolerated,
        uris,
        holding,
        basis: {
          layers,
          inputsAt,
          declared,
          shadowed: basis.shadowed,
          remarks: findings.remarks,
          failed: findings.failed,
          versions: PatchedMap.of(basis.versions).patched(versions),
          content,
        },
        release: () => holding.release(),
      },
    }
  } catch (error) {
    compilation.abandon()
    throw error
  }
}

/** What has changed since; `undefined` where that is not known, or is more than deployments that only this layer declares. */
function changesIn(
  layers: readonly Layer[],
  last: Layer,
  { basis }: Prepared,
  inputsAt: number | undefined,
): Changed | undefined {
  const before = basis.layers.at(-1)
  if (inputsAt === undefined || basis.inputsAt !== inputsAt || before === undefined) return undefined
  if (last.acceptance !== 'rows' || layers.length !== basis.layers.length) return undefined
  const others = layers.slice(0, -1)
  if (others.some((layer, index) => layer !== basis.layers[index])) return undefined
  const changes = last.changesSince?.(before)
  if (changes === undefined || changes.length > mostChanges) return undefined
  const changed = new Map<string, Resource | undefined>()
  // What could not be compiled is tried again in each turn.
  for (const { kind, name, source } of basis.failed) {
    if (kind !== 'deployment' || source !== last.source) return undefined
    changed.set(name, basis.declared.deployment.get(name)?.resource)
  }
  for (const { kind, name, resource } of changes) {
    if (kind !== 'deployment' || others.some((layer) => deploymentsOf(layer).has(name))) return undefined
    changed.set(name, resource)
  }
  return changed
}

const deployments = new WeakMap<Layer, ReadonlySet<string>>()

function deploymentsOf(layer: Layer): ReadonlySet<string> {
  const known = deployments.get(layer)
  if (known !== undefined) return known
  const names = new Set(layer.resources.filter(({ kind }) => kind === 'deployment').map(({ name }) => name))
  deployments.set(layer, names)
  return names
}

async function entryOf(
  declared: Declared,
  known: Entry<'deployment'> | undefined,
  compilation: Compilation,
): Promise<Entry<'deployment'> | undefined> {
  for (const { uri } of known?.inputs ?? []) await compilation.context.inputs.observe(uri)
  if (known !== undefined && compilation.reuses(known, declared)) return known
  return compilation.compile(deploymentKind, declared, known)
}

/** The same set where nothing is added: it may be large. */
function withAll(known: ReadonlySet<InputUri>, more: ReadonlySet<InputUri>): ReadonlySet<InputUri> {
  return more.isSubsetOf(known) ? known : new Set([...known, ...more])
}

function* everyEntry(entries: Entries): Generator<Entry> {
  for (const table of Object.values(entries)) yield* table.values()
}

function count(entries: Entries): number {
  return Object.values(entries).reduce((sum, table) => sum + table.size, 0)
}
