import { hash as digest } from 'node:crypto'
import type { Layer } from '../core/resource.ts'
import { layersHash } from './content-hash.ts'
import { layerDifference } from './layer-difference.ts'
import type { NumberedContent, Numbering } from './numbering.ts'
import type { Prepared } from './prepared.ts'

export interface Unnumbered {
  readonly prepared: Prepared
  readonly layers: readonly Layer[]
  /** Counts the changes of inputs; what was prepared has seen all up to it. */
  readonly inputsEpoch: number
  /** What serves; `undefined` while nothing does. */
  readonly served: { readonly revision: number } | undefined
  /** The number has to be greater. */
  readonly floor: number
}

interface Numbered {
  readonly content: Omit<NumberedContent, 'stored' | 'floor'>
  readonly layers: readonly Layer[]
  readonly inputsEpoch: number
  readonly inputs: string
}

/**
 * The number of what is published next. What came from the store has one; what came from a file, or from a secret that was
 * rotated, gets one from the store, so that replicas count together. While the store is away the process counts on by itself.
 */
export class RevisionCount {
  readonly #numbering: Numbering | undefined
  #last: Numbered | undefined

  constructor(numbering: Numbering | undefined) {
    this.#numbering = numbering
  }

  /** Never rejects. `undefined`: what was prepared is what serves already. */
  async next({ prepared, layers, inputsEpoch, served, floor }: Unnumbered): Promise<number | undefined> {
    const stored = Math.max(0, ...layers.map((layer) => layer.revision ?? 0))
    if (served !== undefined && !prepared.changed && stored <= served.revision) return undefined
    if (this.#numbering === undefined) return Math.max(stored, floor + 1)
    const before = this.#last
    const now = numberedOf(prepared, layers, inputsEpoch, before)
    this.#last = now
    if (served !== undefined && stored > floor && before !== undefined && isSame(before, now)) return stored
    return (await this.#numbering.revisionOf({ ...now.content, stored, floor })) ?? floor + 1
  }

  /** Moves the store's count on to what was counted here while it was away. Never rejects. */
  async catchUp(revision: number): Promise<void> {
    if (this.#last === undefined) return
    await this.#numbering?.revisionOf({ ...this.#last.content, stored: 0, floor: revision - 1 })
  }
}

function numberedOf(
  prepared: Prepared,
  all: readonly Layer[],
  inputsEpoch: number,
  before: Numbered | undefined,
): Numbered {
  const layers = all.filter(({ acceptance }) => acceptance !== 'rows')
  const source = layers.map((layer) => layer.source).join(' ')
  const hash = layersHash(layers)
  const difference = hash === before?.content.hash ? undefined : layerDifference(before?.layers, layers)
  // Inputs that were looked at again are mostly the same; only a change of the count makes it worth looking.
  const inputs = before !== undefined && before.inputsEpoch === inputsEpoch ? before.inputs : inputsHash(prepared)
  return { content: { source, hash, ...(difference === undefined ? {} : { difference }) }, layers, inputsEpoch, inputs }
}

function isSame(before: Numbered, now: Numbered): boolean {
  return before.content.hash === now.content.hash && before.inputs === now.inputs
}

/** Over what was read of the outside; stays in this process. */
function inputsHash({ entries }: Prepared): string {
  const versions = new Set<string>()
  for (const table of Object.values(entries)) {
    for (const entry of table.values()) for (const { uri, version } of entry.inputs) versions.add(`${uri} ${version}`)
  }
  return digest('sha256', [...versions].sort().join('\n'))
}
