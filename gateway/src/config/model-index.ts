import type { Deployment, ModelGroup } from '../core/deployment.ts'
import type { Alias } from './kinds/alias.ts'
import type { CompiledDeployment } from './kinds/deployment.ts'
import type { Pacer } from './pacer.ts'
import type { ModelIndex, Resolution } from './snapshot.ts'

/** Names beyond the exact ones that are remembered; the names are the callers', so there may be any number. */
const rememberedNames = 1024

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
  readonly #groups: ReadonlyMap<string, ModelGroup>
  /** Everything that is one look-up: groups and aliases. */
  readonly #exact = new Map<string, Resolution>()
  readonly #ids: ReadonlyMap<string, Deployment>
  readonly #patterns: readonly Pattern[]
  readonly #upstreamNames: ReadonlyMap<string, readonly Deployment[]>
  readonly #remembered = new Map<string, Resolution>()

  constructor(parts: {
    readonly groups: ReadonlyMap<string, ModelGroup>
    readonly ids: ReadonlyMap<string, Deployment>
    readonly upstreamNames: ReadonlyMap<string, readonly Deployment[]>
    readonly aliases: readonly Alias[]
  }) {
    this.#groups = parts.groups
    this.#ids = parts.ids
    this.#upstreamNames = parts.upstreamNames
    const patterns: Pattern[] = []
    const names: string[] = []
    for (const group of parts.groups.values()) {
      const pattern = patternOf(group)
      if (pattern === undefined) {
        this.#exact.set(group.name, Object.freeze({ group, wildcard: undefined }))
        names.push(group.name)
      } else {
        patterns.push(pattern)
      }
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
    const known = this.#exact.get(name) ?? this.#remembered.get(name)
    if (known !== undefined) return known
    const found = this.#search(name)
    if (found !== undefined) this.#remember(name, found)
    return found
  }

  /** The group of that very public name, wildcard patterns included. */
  groupNamed(name: string): ModelGroup | undefined {
    return this.#groups.get(name)
  }

  #search(name: string): Resolution | undefined {
    const single = this.#ids.get(name)
    // A wildcard deployment has no model of its own, so its id cannot be called.
    if (single !== undefined && !single.upstreamModel.includes('*')) {
      return { group: groupOf(single.modelName, [single]), wildcard: undefined }
    }
    for (const { prefix, suffix, group } of this.#patterns) {
      if (name.length < prefix.length + suffix.length || !name.startsWith(prefix) || !name.endsWith(suffix)) continue
      return { group, wildcard: name.slice(prefix.length, name.length - suffix.length) }
    }
    const deployments = this.#upstreamNames.get(name)
    return deployments === undefined ? undefined : { group: groupOf(name, deployments), wildcard: undefined }
  }

  #remember(name: string, resolution: Resolution): void {
    if (this.#remembered.size >= rememberedNames) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest)
        break
      }
    }
    this.#remembered.set(name, resolution)
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
      const taken = this.#exact.has(alias.name) || this.#ids.has(alias.name)
      if (taken && !alias.first) {
        shadowed.push(alias)
        continue
      }
      if (!alias.hidden && !this.#groups.has(alias.name)) visible.push(alias.name)
      this.#exact.set(alias.name, target)
    }
    return { dangling, shadowed, visible }
  }

  /** What the alias stands for, through other aliases where it must; `undefined` when that ends nowhere or in a circle. */
  #targetOf(alias: Alias, byName: ReadonlyMap<string, Alias>): Resolution | undefined {
    const passed = new Set([alias.name])
    let current = alias
    for (;;) {
      const exact = this.#exact.get(current.model)
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
  const members = new Map<string, Deployment[]>()
  const ids = new Map<string, Deployment>()
  const upstreamNames = new Map<string, Deployment[]>()
  for (const { deployment, declaredModel } of deployments) {
    append(members, deployment.modelName, deployment)
    ids.set(deployment.id, deployment)
    if (!deployment.upstreamModel.includes('*')) append(upstreamNames, declaredModel, deployment)
    if (pacer.due()) await pacer.pause()
  }
  const groups = new Map<string, ModelGroup>()
  for (const [name, group] of members) {
    const next = groupOf(name, group)
    const before = previous?.groupNamed(name)
    groups.set(name, before !== undefined && isSameGroup(before, next) ? before : next)
    if (pacer.due()) await pacer.pause()
  }
  return new NameIndex({ groups, ids, upstreamNames, aliases })
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
  if (left.deployments.length !== right.deployments.length || left.teamId !== right.teamId) return false
  return left.deployments.every((deployment, index) => deployment === right.deployments[index])
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
