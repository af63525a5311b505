import type { Problem } from '../core/problem.ts'
import type { Layer } from '../core/resource.ts'

/** What is wrong with the layers of one preparation, and whether that refuses them. */
export class Findings {
  readonly #bySource = new Map<string, Problem[]>()
  readonly #tolerated: Problem[] = []
  /** Sources whose resources are accepted one by one. */
  readonly #tolerant: ReadonlySet<string>
  #refused = false

  /** @param tolerant sources whose resources are accepted one by one this time, besides those that always are */
  constructor(layers: readonly Layer[], tolerant: ReadonlySet<string>) {
    this.#tolerant = new Set([...rowSources(layers), ...tolerant])
    for (const { source, problems } of layers) for (const found of problems) this.add(source, found)
  }

  add(source: string, found: Problem): void {
    const list = this.#bySource.get(source)
    if (list === undefined) this.#bySource.set(source, [found])
    else list.push(found)
    if (found.severity !== 'error') return
    if (this.#tolerant.has(source)) this.#tolerated.push(found)
    else this.#refused = true
  }

  isTolerant(source: string): boolean {
    return this.#tolerant.has(source)
  }

  /** An error of a source whose resources are accepted all or not at all. */
  get refused(): boolean {
    return this.#refused
  }

  get bySource(): ReadonlyMap<string, readonly Problem[]> {
    return this.#bySource
  }

  /** Errors of resources that were left out, while the rest is accepted. */
  get tolerated(): readonly Problem[] {
    return this.#tolerated
  }
}

/** Sources of rows, whose order means nothing. */
export function rowSources(layers: readonly Layer[]): ReadonlySet<string> {
  return new Set(layers.filter(({ acceptance }) => acceptance === 'rows').map(({ source }) => source))
}
