import type { Deployment, ModelGroup } from '../core/deployment.ts'
import { PatchedMap } from '../lib/patched-map.ts'
import { Recent } from '../lib/recent.ts'
import type { Alias } from './kinds/alias.ts'
import type { CompiledDeployment } from './kinds/deployment.ts'
import type { Pacer } from './pacer.ts'
import type { ModelIndex, Resolution } from './snapshot.ts'

/** Names beyond the exact ones that are remembered; the names are the callers', so there may be any number. */
const rememberedNames = 1_024

/** What a public name stands for, and the deployments it was made from, as they were declared. */
export interface Named {
  readonly declared: readonly Deployment[]
  readonly group: ModelGroup
  /** Of a name that is one look-up; a pattern has none. */
  readonly resolution: Resolution | undefined
  readonly pattern: Pattern | undefined
}

export interface Pattern {
  readonly name: string
  readonly prefix: string
  readonly suffix: string
  readonly group: ModelGroup
}

/**
 * Names to model groups, in LiteLLM's order (contract 4.2): aliases of `model_alias_map`, exact names and ids, aliases of
 * `model_group_alias`, wildcards (most specific first), and at last the provider's own model names.
 */
export class NameIndex implements ModelIndex {
  readonly wildcards: readonly string[]
  /** Aliases whose model does not exist. */
  readonly dangling: readonly Alias[]
  /** Aliases without effect, because a model has their name. */
  readonly shadowed: readonly Alias[]
  /** All deployments by id, in declaration order. */
  readonly deployments: PatchedMap<string, Deployment>
  /** For the next generation's index: the same deployments make the same object. In no order. */
  readonly named: PatchedMap<string, Named>
  readonly patterns: readonly Pattern[]
  readonly #aliases = new Map<string, Resolution>()
  /** Aliases that are listed. */
  readonly #visible: readonly string[]
  readonly #compiled: () => Iterable<CompiledDeployment>
  /** Made when they are first asked for: to call a model needs neither. */
  #names: readonly string[] | undefined
  #upstreamNames: ReadonlyMap<string, readonly Deployment[]> | undefined
  readonly #remembered = new Recent<string, Resolution>(rememberedNames / 2)

  /** @param parts.compiled the deployments in declaration order, whenever it is called */
  constructor(parts: {
    readonly named: PatchedMap<string, Named>
    readonly patterns: readonly Pattern[]
    readonly deployments: PatchedMap<string, Deployment>
    readonly compiled: () => Iterable<CompiledDeployment>
    readonly aliases: readonly Alias[]
  }) {
    this.named = parts.named
    this.patterns = [...parts.patterns].sort(bySpecificity)
    this.deployments = parts.deployments
    this.#compiled = parts.compiled
    this.wildcards = Object.freeze(this.patterns.map((pattern) => pattern.name))
    const { dangling, shadowed, visible } = this.#addAliases(parts.aliases)
    this.dangling = dangling
    this.shadowed = shadowed
    this.#visible = visible
  }

  get names(): readonly string[] {
    this.#names ??= this.#listNames()
    return this.#names
  }

  resolve(name: string): Resolution | undefined {
    const known = this.#exact(name) ?? this.#remembered.get(name)
    if (known !== undefined) return known
    const found = this.#search(name)
    if (found !== undefined) this.#remembered.set(name, found)
    return found
  }

  /** The group of that very public name, wildcard patterns included. */
  groupNamed(name: string): ModelGroup | undefined {
    return this.named.get(name)?.group
  }

  /**
   * What differs from the deployments of this index, when all others are where they were.
   * @returns `undefined` when one has gone or has another id
   */
  changesTo(compiled: readonly CompiledDeployment[]): readonly DeploymentChange[] | undefined {
    const before = [...this.#compiled()]
    if (compiled.length < before.length) return undefined
    const changes: DeploymentChange[] = []
    for (const [index, known] of before.entries()) {
      const next = compiled[index]
      if (next === known) continue
      if (next?.deployment.id !== known.deployment.id) return undefined
      changes.push({ before: known, after: next })
    }
    for (const added of compiled.slice(before.length)) changes.push({ before: undefined, after: added })
    return changes
  }

  #listNames(): readonly string[] {
    const exact = new Set<string>()
    const patterns = new Set<string>()
    for (const { deployment } of this.#compiled()) {
      const { modelName } = deployment
      if (modelName.includes('*')) patterns.add(modelName)
      else exact.add(modelName)
    }
    return Object.freeze([...exact, ...this.#visible, ...patterns])
  }

  /** Everything that is one look-up. An alias that is here was found to count before a model of its name. */
  #exact(name: string): Resolution | undefined {
    return this.#aliases.get(name) ?? this.named.get(name)?.resolution
  }

  #search(name: string): Resolution | undefined {
    const single = this.deployments.get(name)
    // A wildcard deployment has no model of its own, so its id cannot be called.
    if (single !== undefined && !single.upstreamModel.includes('*')) {
      return { group: groupOf(single.modelName, [single]), wildcard: undefined }
    }
    for (const { prefix, suffix, group } of this.patterns) {
      if (name.length < prefix.length + suffix.length || !name.startsWith(prefix) || !name.endsWith(suffix)) continue
      return { group, wildcard: name.slice(prefix.length, name.length - suffix.length) }
    }
    this.#upstreamNames ??= byUpstreamName(this.#compiled())
    const deployments = this.#upstreamNames.get(name)
    return deployments === undefined ? undefined : { group: groupOf(name, deployments), wildcard: undefined }
  }

  #addAliases(aliases: readonly Alias[]): {
    readonly dangling: readonly Alias[]
    readonly shadowed: readonly Alias[]
    readonly visible: readonly string[]
  } {
    const byName = new Map(aliases.map((alias) => [alias.name, alias]))
    // Targets are looked up in an index that has no alias yet, so the outcome does not depend on the order of aliases.
    const targets = aliases.map((alias) => [alias, this.#targetOf(alias, byName)] as const)
    const dangling: Alias[] = []
    const shadowed: Alias[] = []
    const visible: string[] = []
    for (const [alias, target] of targets) {
      if (target === undefined) {
        dangling.push(alias)
        continue
      }
      const taken = this.#exact(alias.name) !== undefined || this.deployments.has(alias.name)
      if (taken && !alias.first) {
        shadowed.push(alias)
        continue
      }
      if (!alias.hidden && !this.named.has(alias.name)) visible.push(alias.name)
      this.#aliases.set(alias.name, target)
    }
    return { dangling, shadowed, visible }
  }

  /** What the alias stands for, through other aliases where it must; `undefined` when that ends nowhere or in a circle. */
  #targetOf(alias: Alias, byName: ReadonlyMap<string, Alias>): Resolution | undefined {
    const passed = new Set([alias.name])
    let current = alias
    for (;;) {
      const exact = this.#exact(current.model)
      if (exact !== undefined) return exact
      const next = byName.get(current.model)
      if (next === undefined || passed.has(next.name)) return this.#search(current.model)
      passed.add(next.name)
      current = next
    }
  }
}

/**
 * Builds the index of a generation. Groups in which no deployment changed are the previous generation's objects.
 * @param deployments in declaration order
 */
export async function buildModelIndex(
  deployments: readonly CompiledDeployment[],
  aliases: readonly Alias[],
  previous: NameIndex | undefined,
  pacer: Pacer,
): Promise<NameIndex> {
  const changes = previous?.changesTo(deployments)
  if (previous !== undefined && changes !== undefined) {
    return amendModelIndex(previous, changes, () => deployments, aliases)
  }
  const members = new Map<string, Deployment[]>()
  const byId = new Map<string, Deployment>()
  for (const { deployment } of deployments) {
    append(members, deployment.modelName, deployment)
    byId.set(deployment.id, deployment)
    if (pacer.due()) await pacer.pause()
  }
  const named = new Map<string, Named>()
  for (const [name, declared] of members) {
    const before = previous?.named.get(name)
    named.set(
      name,
      before !== undefined && isSameList(before.declared, declared) ? before : namedOf(name, declared, before),
    )
    if (pacer.due()) await pacer.pause()
  }
  return new NameIndex({
    named: PatchedMap.of(named),
    patterns: Array.from(named.values(), ({ pattern }) => pattern).filter((pattern) => pattern !== undefined),
    deployments: PatchedMap.of(byId),
    compiled: () => deployments,
    aliases,
  })
}

/** One deployment before and after; `undefined`: there is none. */
export interface DeploymentChange {
  readonly before: CompiledDeployment | undefined
  readonly after: CompiledDeployment | undefined
}

/**
 * The index after changes of a few deployments: of ten thousand groups it touches theirs alone.
 * @param compiled all deployments in declaration order: changed ones where they were, new ones at the end
 */
export function amendModelIndex(
  previous: NameIndex,
  changes: readonly DeploymentChange[],
  compiled: () => Iterable<CompiledDeployment>,
  aliases: readonly Alias[],
): NameIndex {
  const changed = new Map<string, Deployment | undefined>()
  const names = new Set<string>()
  for (const { before, after } of changes) {
    for (const each of [before, after]) {
      if (each === undefined) continue
      changed.set(each.deployment.id, after?.deployment)
      names.add(each.deployment.modelName)
    }
  }
  const named = Array.from(names, (name): [string, Named | undefined] => {
    const before = previous.named.get(name)
    const members = membersAfter(name, before?.declared ?? [], changed)
    return [name, members.length === 0 ? undefined : namedOf(name, members, before)]
  })
  const patterns = named.map(([, group]) => group?.pattern).filter((pattern) => pattern !== undefined)
  return new NameIndex({
    named: previous.named.patched(named),
    patterns: [...previous.patterns.filter(({ name }) => !names.has(name)), ...patterns],
    deployments: previous.deployments.patched(changed),
    compiled,
    aliases,
  })
}

function membersAfter(
  name: string,
  before: readonly Deployment[],
  changed: ReadonlyMap<string, Deployment | undefined>,
): readonly Deployment[] {
  const members = new Map<string, Deployment>(before.map((deployment) => [deployment.id, deployment]))
  for (const [id, after] of changed) {
    if (after?.modelName === name) members.set(after.id, after)
    else members.delete(id)
  }
  return [...members.values()]
}

function namedOf(name: string, declared: readonly Deployment[], before: Named | undefined): Named {
  const next = groupOf(name, declared)
  const group = before !== undefined && isSameGroup(before.group, next) ? before.group : next
  const pattern = patternOf(group)
  const resolution = pattern === undefined ? Object.freeze({ group, wildcard: undefined }) : undefined
  return { declared, group, resolution, pattern }
}

function byUpstreamName(compiled: Iterable<CompiledDeployment>): ReadonlyMap<string, readonly Deployment[]> {
  const names = new Map<string, Deployment[]>()
  for (const { deployment, declaredModel } of compiled) {
    if (!deployment.upstreamModel.includes('*')) append(names, declaredModel, deployment)
  }
  return names
}

function append(map: Map<string, Deployment[]>, key: string, deployment: Deployment): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [deployment])
  else list.push(deployment)
}

function groupOf(name: string, deployments: readonly Deployment[]): ModelGroup {
  const open = deployments.filter((deployment) => !deployment.blocked)
  const [first] = deployments
  const blocked = open.length === 0
  const ofOneTeam = deployments.every(({ teamId }) => teamId === first?.teamId)
  return Object.freeze({
    name,
    deployments: Object.freeze([...(blocked ? deployments : open)].sort(byOrder)),
    blocked,
    teamId: ofOneTeam ? first?.teamId : undefined,
    mixed: !ofOneTeam,
  })
}

function byOrder(left: Deployment, right: Deployment): number {
  if (left.order !== right.order) return left.order - right.order
  return left.id < right.id ? -1 : left.id > right.id ? 1 : 0
}

function isSameGroup(left: ModelGroup, right: ModelGroup): boolean {
  return left.teamId === right.teamId && isSameList(left.deployments, right.deployments)
}

function isSameList(left: readonly Deployment[], right: readonly Deployment[]): boolean {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false
  return true
}

function patternOf(group: ModelGroup): Pattern | undefined {
  const star = group.name.indexOf('*')
  if (star === -1) return undefined
  return { name: group.name, prefix: group.name.slice(0, star), suffix: group.name.slice(star + 1), group }
}

/** Longest literal prefix first, then the longest pattern, then by name so that the order never depends on the file. */
function bySpecificity(left: Pattern, right: Pattern): number {
  if (left.prefix.length !== right.prefix.length) return right.prefix.length - left.prefix.length
  if (left.suffix.length !== right.suffix.length) return right.suffix.length - left.suffix.length
  return left.name < right.name ? -1 : 1
}
