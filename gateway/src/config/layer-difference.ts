import type { Layer } from '../core/resource.ts'

/** What another version of a file has more, less, and otherwise: `deployment gpt-4o`. Names only; values may be secrets. */
export interface LayerDifference {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  /** How many of each there are beyond those that are named. */
  readonly more: number
}

/** A file may have thousands of models; the journal names the first. */
const named = 50

/** @param before `undefined`: nothing is known of before, so nothing can be told */
export function layerDifference(
  before: readonly Layer[] | undefined,
  after: readonly Layer[],
): LayerDifference | undefined {
  if (before === undefined) return undefined
  const had = hashes(before)
  const has = hashes(after)
  const added = [...has.keys()].filter((name) => !had.has(name))
  const removed = [...had.keys()].filter((name) => !has.has(name))
  const changed = [...has].filter(([name, hash]) => had.has(name) && had.get(name) !== hash).map(([name]) => name)
  const all = added.length + changed.length + removed.length
  const shown = [added, changed, removed].map((list) => list.slice(0, named))
  const [shownAdded = [], shownChanged = [], shownRemoved = []] = shown
  const more = all - shownAdded.length - shownChanged.length - shownRemoved.length
  return { added: shownAdded, changed: shownChanged, removed: shownRemoved, more }
}

function hashes(layers: readonly Layer[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { resources } of layers) {
    for (const { kind, name, hash, spec } of resources) {
      // A deployment of a file is named by the hash of what it is; people know it by its model.
      const shown = kind === 'deployment' && typeof spec.model_name === 'string' ? `${spec.model_name} (${name})` : name
      found.set(`${kind} ${shown}`, hash)
    }
  }
  return found
}
