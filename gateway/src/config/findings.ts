import { type Problem, problem } from '../core/problem.ts'
import type { KindName, Layer, Resource } from '../core/resource.ts'
import { problemOf } from './compile.ts'
import type { DeclaredKinds } from './declared.ts'
import type { Report } from './kinds/kind.ts'
import { settingsName } from './kinds/settings.ts'
import type { LinkReport } from './link.ts'
import type { Declared, Merged } from './merge.ts'

/** What was reported of a resource, whether it serves or not. */
export interface Remark {
  readonly declared: Declared
  readonly reports: readonly Report[]
}

/** A resource that could not be compiled. */
export interface Failed {
  readonly kind: KindName
  readonly name: string
  readonly source: string
}

/** Everything that is wrong with what is prepared, and whether it can serve all the same. */
export class Findings {
  /** At today's places. */
  readonly bySource = new Map<string, Problem[]>()
  /** Errors of single resources: each of them serves as it was last accepted, or is left out. */
  readonly tolerated: Problem[] = []
  readonly remarks: Remark[] = []
  readonly failed: Failed[] = []
  /** Public names whose declaration has an error. */
  readonly broken = new Set<string>()
  readonly #tolerant: ReadonlySet<string>
  #refused = false

  /** @param tolerant sources whose resources are accepted one by one this time, besides those that always are */
  constructor(layers: readonly Layer[], tolerant: ReadonlySet<string>) {
    this.#tolerant = new Set([...rowSources(layers), ...tolerant])
    for (const { source, problems } of layers) for (const found of problems) this.add(source, found)
  }

  /** An error of a source whose resources are accepted all or not at all. */
  get refused(): boolean {
    return this.#refused
  }

  isTolerant(source: string): boolean {
    return this.#tolerant.has(source)
  }

  addShadowed(shadowed: Merged['shadowed']): void {
    for (const { declared, by } of shadowed) {
      const { kind, name, origin, path } = declared.resource
      this.add(declared.source, problem('declared_twice', { origin, path }, { kind, name, by: by.origin }))
    }
  }

  addReports(reports: readonly Report[], declared: Declared): void {
    if (reports.length === 0) return
    this.remarks.push({ declared, reports })
    for (const report of reports) this.#addReport(report, declared)
  }

  addLinks(links: readonly LinkReport[], declared: DeclaredKinds): void {
    for (const { alias, report } of links) {
      const owner = alias === undefined ? declared.settings.get(settingsName) : declared.alias.get(alias)
      if (owner !== undefined) this.#addReport(report, owner)
    }
  }

  #addReport(report: Report, { resource, source, sourceOf }: Declared): void {
    this.add(sourceOf?.(report.path) ?? source, problemOf(report, resource))
  }

  addFailed({ resource, source }: Declared): void {
    this.failed.push({ kind: resource.kind, name: resource.name, source })
    this.broken.add(publicName(resource))
  }

  add(source: string, found: Problem): void {
    const list = this.bySource.get(source)
    if (list === undefined) this.bySource.set(source, [found])
    else list.push(found)
    if (found.severity !== 'error') return
    if (this.#tolerant.has(source)) this.tolerated.push(found)
    else this.#refused = true
  }
}

/** What callers would call it. */
function publicName({ kind, name, spec }: Resource): string {
  const { model_name: declared } = spec
  return kind === 'deployment' && typeof declared === 'string' ? declared : name
}

/** Sources of rows, whose order means nothing. */
export function rowSources(layers: readonly Layer[]): ReadonlySet<string> {
  return new Set(layers.filter(({ acceptance }) => acceptance === 'rows').map(({ source }) => source))
}
