import { type Problem, problem } from '../../core/problem.ts'
import type { Layer, LayerChange, Resource } from '../../core/resource.ts'
import type { StoredResource } from '../../core/store.ts'
import type { PatchedMap } from '../../lib/patched-map.ts'
import type { ChangeLog } from './change-log.ts'

export interface Row {
  readonly stored: StoredResource
  /** As it was last readable: it may be sealed under another key now, or be of a kind that is not known here. */
  readonly resource: Resource | undefined
}

/** By `keyOf`. */
export type Rows = PatchedMap<string, Row>

interface Parts {
  readonly version: string
  readonly revision: number | undefined
  /** In the order of the layer. */
  readonly rows: Rows
  readonly problems: readonly Problem[]
  /** Of the source: layers of one source can be compared. */
  readonly log: ChangeLog
  /** Rows that are written in a draft only. */
  readonly drafted?: readonly string[]
}

/** The rows as they were at one moment. Ten thousand are neither copied nor listed for a change of one. */
export class RowsLayer implements Layer {
  readonly source = 'database'
  readonly acceptance = 'rows'
  readonly version: string
  readonly problems: readonly Problem[]
  declare readonly revision?: number
  readonly #rows: Rows
  readonly #log: ChangeLog
  readonly #position: number
  readonly #drafted: readonly string[]
  #resources: readonly Resource[] | undefined

  constructor({ version, revision, rows, problems, log, drafted = [] }: Parts) {
    this.version = version
    this.problems = problems
    if (revision !== undefined) this.revision = revision
    this.#rows = rows
    this.#log = log
    this.#position = log.position
    this.#drafted = drafted
  }

  get resources(): readonly Resource[] {
    this.#resources ??= Array.from(this.#rows.values(), ({ resource }) => resource).filter(
      (resource) => resource !== undefined,
    )
    return this.#resources
  }

  changesSince(earlier: Layer): readonly LayerChange[] | undefined {
    if (!(earlier instanceof RowsLayer) || earlier.#log !== this.#log) return undefined
    const changed = this.#log.between(earlier.#position, this.#position)
    if (changed === undefined) return undefined
    // Deleted and made again: it stands elsewhere now. What was drafted is at the end already.
    const moved = changed.some(({ key, added }) => added && earlier.#rows.has(key) && !earlier.#drafted.includes(key))
    if (moved) return undefined
    const keys = new Set(earlier.#drafted)
    for (const { key, added } of changed) {
      // In the order in which they came to the end.
      if (added) keys.delete(key)
      keys.add(key)
    }
    for (const key of this.#drafted) keys.add(key)
    return Array.from(keys, (key) => ({ ...placeOf(key), resource: this.#rows.get(key)?.resource }))
  }
}

export function rowProblem({ kind, name, unreadable }: StoredResource): Problem {
  const reason = unreadable ?? `this version knows no kind \`${kind}\``
  return problem('row_unreadable', { origin: 'database', path: `${kind}[${name}]` }, { kind, name, reason })
}

export function keyOf(kind: string, name: string): string {
  return `${kind} ${name}`
}

function placeOf(key: string): Pick<LayerChange, 'kind' | 'name'> {
  const space = key.indexOf(' ')
  // A kind has no space, and `keyOf` has put it first.
  return { kind: key.slice(0, space) as LayerChange['kind'], name: key.slice(space + 1) }
}
