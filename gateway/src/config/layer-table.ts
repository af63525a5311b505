import type { InputUri } from '../core/input.ts'
import type { Problem } from '../core/problem.ts'
import type { Layer } from '../core/resource.ts'
import type { SourceStatus } from './status.ts'

interface Row {
  newest: { readonly layer: Layer; readonly at: number } | undefined
  accepted: { readonly layer: Layer; readonly at: number; readonly fromDisk: boolean } | undefined
  refused: Refusal | undefined
  /** Of a source that has not spoken: what was accepted of it before the start. */
  presumed: Layer | undefined
}

interface Refusal {
  readonly layer: Layer
  /** Count of changes when it was refused: after the next one it may be acceptable. */
  readonly epoch: number
  readonly problems: readonly Problem[]
  /** Inputs that were read for it. */
  readonly uris: ReadonlySet<InputUri>
}

/** Of each source: what it offered last, what of it serves, what of it was refused. Times are Unix milliseconds. */
export class LayerTable {
  readonly #rows: ReadonlyMap<string, Row>

  /** @param sources lowest precedence first */
  constructor(sources: readonly string[]) {
    const empty = (): Row => ({ newest: undefined, accepted: undefined, refused: undefined, presumed: undefined })
    this.#rows = new Map(sources.map((source) => [source, empty()]))
  }

  /** @returns whether it is another one than the last that was observed */
  observe(layer: Layer, at: number): boolean {
    const row = this.#row(layer.source)
    // Read before a change was committed, and told of after it: the newer one is known already.
    if (layer.revision !== undefined && layer.revision < (row.newest?.layer.revision ?? 0)) return false
    // The same version is the same layer: the object that was built from stays the one to compare with.
    const known = row.newest?.layer.version === layer.version ? row.newest.layer : layer
    row.newest = { layer: known, at }
    return known === layer
  }

  /** Goes on with what was accepted before the start, until the source speaks. */
  presume(layer: Layer): void {
    const row = this.#row(layer.source)
    if (row.newest === undefined) row.presumed = layer
  }

  /** The accepted layers, with this one in place of its source's. */
  acceptedWith(layer: Layer): readonly Layer[] {
    return Array.from(this.#rows, ([source, { accepted }]) =>
      source === layer.source ? layer : accepted?.layer,
    ).filter((found) => found !== undefined)
  }

  /**
   * The layers to build from: the newest of each source. One that was refused already gives way to the accepted one until
   * something changes: an input it reads may come, or a model it names may be declared elsewhere.
   */
  wanted(epoch: number, retry: boolean): readonly Layer[] {
    const layers: Layer[] = []
    for (const { newest, accepted, refused, presumed } of this.#rows.values()) {
      const stillRefused = !retry && refused !== undefined && refused.layer === newest?.layer && refused.epoch === epoch
      const layer = stillRefused ? accepted?.layer : (newest?.layer ?? presumed)
      if (layer !== undefined) layers.push(layer)
    }
    return layers
  }

  /** The same layers with the accepted ones in place of refused ones; `undefined` when that is not another set. */
  withoutRefused(layers: readonly Layer[], refused: ReadonlySet<string>): readonly Layer[] | undefined {
    let differs = false
    const next = layers.flatMap((layer) => {
      if (!refused.has(layer.source)) return [layer]
      const accepted = this.#row(layer.source).accepted?.layer
      if (accepted !== layer) differs = true
      return accepted === undefined ? [] : [accepted]
    })
    return differs ? next : undefined
  }

  /** Whether exactly these layers are the ones that serve, as their sources offered them. */
  serves(layers: readonly Layer[]): boolean {
    const accepted = Array.from(this.#rows.values()).filter((row) => row.accepted !== undefined)
    if (accepted.length !== layers.length) return false
    return layers.every(({ source, version }) => {
      const { accepted, presumed, newest } = this.#row(source)
      if (accepted === undefined) return false
      if (accepted.fromDisk && (accepted.layer !== presumed || newest !== undefined)) return false
      return accepted.layer.version === version
    })
  }

  /** Whether these very layers were the last to be accepted. */
  isAccepted(layers: readonly Layer[]): boolean {
    return layers.every((layer) => this.#row(layer.source).accepted?.layer === layer)
  }

  acceptedOf(source: string): Layer | undefined {
    return this.#row(source).accepted?.layer
  }

  /**
   * @param fromDisk whether the layers are the last-good copy's; one that is stays so until its source confirms it
   * @param stillRefused sources of which something is tolerated but not accepted
   */
  accept(layers: readonly Layer[], at: number, fromDisk: boolean, stillRefused: ReadonlySet<string> = new Set()): void {
    const bySource = new Map(layers.map((layer) => [layer.source, layer]))
    for (const [source, row] of this.#rows) {
      const layer = bySource.get(source)
      if (layer === undefined) row.accepted = undefined
      else if (row.accepted?.layer !== layer) {
        row.accepted = { layer, at, fromDisk: fromDisk || layer === row.presumed }
      }
      if (row.refused !== undefined && row.newest?.layer === layer && !stillRefused.has(source)) row.refused = undefined
    }
  }

  refuse(refusal: Refusal): void {
    this.#row(refusal.layer.source).refused = refusal
  }

  /** Inputs of the newest layers that were refused. */
  get refusedUris(): ReadonlySet<InputUri> {
    const uris = new Set<InputUri>()
    for (const { newest, refused } of this.#rows.values()) {
      if (refused === undefined || refused.layer !== newest?.layer) continue
      for (const uri of refused.uris) uris.add(uri)
    }
    return uris
  }

  /** Sources whose newest layer does not serve because it was refused, with all that is wrong with it. */
  get outstanding(): ReadonlyMap<string, readonly Problem[]> {
    const found = new Map<string, readonly Problem[]>()
    for (const [source, { newest, refused }] of this.#rows) {
      if (refused !== undefined && refused.layer === newest?.layer) found.set(source, refused.problems)
    }
    return found
  }

  /** Whether a layer serves that came from the last-good copy although its source has spoken since. */
  get servesFromDisk(): boolean {
    return Array.from(this.#rows.values()).some(
      ({ accepted, presumed }) => accepted?.fromDisk === true && accepted.layer !== presumed,
    )
  }

  /** Whether a layer serves whose source has not spoken yet. */
  get servesPresumed(): boolean {
    return Array.from(this.#rows.values()).some(
      ({ accepted, presumed }) => accepted !== undefined && accepted.layer === presumed,
    )
  }

  /** @param warnings of what serves, by source */
  statuses(warnings: ReadonlyMap<string, readonly Problem[]>): readonly SourceStatus[] {
    const { outstanding } = this
    return Array.from(this.#rows, ([name, { newest, accepted }]) => ({
      name,
      version: newest?.layer.version,
      observedAt: newest?.at,
      appliedVersion: accepted?.layer.version,
      appliedAt: accepted?.at,
      problems: outstanding.get(name) ?? warnings.get(name) ?? [],
    }))
  }

  #row(source: string): Row {
    const row = this.#rows.get(source)
    if (row === undefined) throw new RangeError(`a layer of the unknown source ${source}`)
    return row
  }
}
