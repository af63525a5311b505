import type { Deployment, ModelGroup } from '../core/deployment.ts'
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

interface Pattern {
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
  readonly names: readonly string[]
  readonly wildcards: readonly string[]
  /** Aliases whose model does not exist. */
  readonly dangling: readonly Alias[]
  /** Aliases without effect, because a model has their name. */
  readonly shadowed: readonly Alias[]
  /** All deployments by id. */
  readonly deployments: ReadonlyMap<string, Deployment>
  /** For the next generation's index: the same deployments make the same object. */
  readonly named: ReadonlyMap<string, Named>
  readonly #aliases = new Map<string, Resolution>()
  readonly #patterns: readonly Pattern[]
  readonly #compiled: readonly CompiledDeployment[]
  /** Made when it is first asked for: few callers use the providers' own names. */
  #upstreamNames: ReadonlyMap<string, readonly Deployment[]> | undefined
  readonly #remembered = new Recent<string, Resolution>(rememberedNames / 2)

  constructor(parts: {
    readonly named: ReadonlyMap<string, Named>
    readonly deployments: ReadonlyMap<string, Deployment>
    readonly compiled: readonly CompiledDeployment[]
    readonly aliases: readonly Alias[]
  }) {
    this.named = parts.named
    this.deployments = parts.deployments
    this.#compiled = parts.compiled
    const patterns: Pattern[] = []
    const names: string[] = []
    for (const [name, { pattern }] of parts.named) {
      if (pattern === undefined) names.push(name)
      else patterns.push(pattern)
    }
    const declaredPatterns = patterns.map((pattern) => pattern.name)
    this.#patterns = patterns.sort(bySpecificity)
    this.wildcards = Object.freeze(this.#patterns.map((pattern) => pattern.name))
    const { dangling, shadowed, visible } = this.#addAliases(parts.aliases)
    this.dangling = dangling
    this.shadowed = shadowed
    this.names = Object.freeze([...names, ...visible, ...declaredPatterns])
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
   * Public names of the deployments that differ from those of this index, when all others are where they were.
   * @returns `undefined` when one has gone, or has another name or place: then the order of names may be another
   */
  changedNames(compiled: readonly CompiledDeployment[]): ReadonlySet<string> | undefined {
    const before = this.#compiled
    if (compiled.length < before.length) return undefined
    const names = new Set<string>()
    for (const [index, known] of before.entries()) {
      const next = compiled[index]
      if (next === known) continue
      const { id, modelName } = known.deployment
      if (next?.deployment.id !== id || next.deployment.modelName !== modelName) return undefined
      names.add(modelName)
    }
    for (const { deployment } of compiled.slice(before.length)) names.add(deployment.modelName)
    return names
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
    for (const { prefix, suffix, group } of this.#patterns) {
      if (name.length < prefix.length + suffix.length || !name.startsWith(prefix) || !name.endsWith(suffix)) continue
      return { group, wildcard: name.slice(prefix.length, name.length - suffix.length) }
    }
    this.#upstreamNames ??= byUpstreamName(this.#compiled)
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
  const changed = previous?.changedNames(deployments)
  if (previous !== undefined && changed !== undefined) return indexAfter(previous, deployments, changed, aliases)
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
  return new NameIndex({ named, deployments: byId, compiled: deployments, aliases })
}

/** The index when deployments were only added at the end or replaced in their place: of ten thousand groups it touches those alone. */
function indexAfter(
  previous: NameIndex,
  compiled: readonly CompiledDeployment[],
  changed: ReadonlySet<string>,
  aliases: readonly Alias[],
): NameIndex {
  const members = new Map<string, Deployment[]>()
  const deployments = new Map(previous.deployments)
  for (const { deployment } of compiled) {
    if (!changed.has(deployment.modelName)) continue
    append(members, deployment.modelName, deployment)
    deployments.set(deployment.id, deployment)
  }
  const named = new Map(previous.named)
  for (const [name, declared] of members) named.set(name, namedOf(name, declared, named.get(name)))
  return new NameIndex({ named, deployments, compiled, aliases })
}

function namedOf(name: string, declared: readonly Deployment[], before: Named | undefined): Named {
  const next = groupOf(name, declared)
  const group = before !== undefined && isSameGroup(before.group, next) ? before.group : next
  const pattern = patternOf(group)
  const resolution = pattern === undefined ? Object.freeze({ group, wildcard: undefined }) : undefined
  return { declared, group, resolution, pattern }
}

function byUpstreamName(compiled: readonly CompiledDeployment[]): ReadonlyMap<string, readonly Deployment[]> {
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
