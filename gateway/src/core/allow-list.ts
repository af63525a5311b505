import { globMatches } from '../lib/glob.ts'

/** What a list of models allows, made ready for asking (contract 3.5). */
export interface AllowList {
  /** Everything: an empty list, `*` or `all-proxy-models`. */
  readonly all: boolean
  /** `all-team-models`: whatever the team allows. */
  readonly asTeam: boolean
  /** Whether the list names this model, or a group to which the model belongs. */
  allows(name: string, groups: readonly string[]): boolean
}

/** Lists are shared by many keys and never change, so each is made ready once, for as long as somebody has it. */
const ready = new WeakMap<readonly string[], AllowList>()

export function allowListOf(models: readonly string[]): AllowList {
  const known = ready.get(models)
  if (known !== undefined) return known
  const made = new NamedModels(models)
  ready.set(models, made)
  return made
}

class NamedModels implements AllowList {
  readonly all: boolean
  readonly asTeam: boolean
  readonly #names: ReadonlySet<string>
  readonly #patterns: readonly string[]

  constructor(models: readonly string[]) {
    this.#names = new Set(models)
    this.#patterns = models.filter((name) => name.includes('*'))
    this.all = models.length === 0 || this.#names.has('*') || this.#names.has('all-proxy-models')
    this.asTeam = this.#names.has('all-team-models')
  }

  allows(name: string, groups: readonly string[]): boolean {
    if (this.all || this.#names.has(name)) return true
    for (const group of groups) if (this.#names.has(group)) return true
    for (const pattern of this.#patterns) if (globMatches(pattern, name)) return true
    return false
  }
}
