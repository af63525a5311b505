import type { PriceLoader } from '../core/cost/price-loader.ts'
import type { InputContent, InputUri } from '../core/input.ts'
import type { Problem } from '../core/problem.ts'
import type { KindName, Resource } from '../core/resource.ts'
import type { UpstreamPool } from '../lib/http-client.ts'
import { suggest } from '../lib/suggest.ts'
import type { Entry, EntryReference, InputVersion } from './entry.ts'
import type { Build, CompiledKinds, Kind, Report, Where } from './kinds/kind.ts'
import { pathInDocument } from './schema/path.ts'
import type { TurnInputs } from './turn-inputs.ts'
import type { Share, UsagePool } from './usage-pool.ts'

/** What compiling needs of the process and of the turn. */
export interface CompileContext {
  readonly inputs: TurnInputs
  readonly pool: UsagePool
  readonly openPool: (origin: string) => UpstreamPool
  readonly prices: PriceLoader
  /** The entry of this generation, of a kind that is compiled already. */
  entryOf<Name extends KindName>(kind: Name, name: string): Entry<Name> | undefined
  namesOf(kind: KindName): Iterable<string>
  /** Suggestions that may still be looked for: each compares a name with all others. */
  suggestionsLeft: number
}

export type CompileResult<Name extends KindName> =
  | { readonly entry: Entry<Name> }
  | { readonly entry: undefined; readonly reports: readonly Report[] }

/** Compiles one resource and remembers what it read. Holds nothing when it fails. */
export async function compileResource<Name extends KindName>(
  kind: Kind<Name>,
  resource: Resource,
  context: CompileContext,
): Promise<CompileResult<Name>> {
  const build = new TracingBuild(context)
  try {
    const value = await kind.compile(resource, build)
    if (value === undefined || build.reports.some(isError)) {
      build.close()
      return { entry: undefined, reports: build.reports }
    }
    return { entry: build.entry(kind.name, resource, value) }
  } catch (error) {
    build.close()
    throw error
  }
}

/** Whether everything that an entry was compiled from is still the same. The turn must have read its inputs before. */
export function isCurrent(entry: Entry, resource: Resource, context: CompileContext): boolean {
  if (entry.hash !== resource.hash) return false
  for (const { kind, name, entry: referred } of entry.references) {
    if (context.entryOf(kind, name) !== referred) return false
  }
  for (const { uri, version } of entry.inputs) {
    if (context.inputs.known(uri)?.version !== version) return false
  }
  return true
}

/** A report as a problem, at the place where its resource stands now. */
export function problemOf(report: Report, resource: Resource): Problem {
  return report.make(whereOf(report.path, resource))
}

function whereOf(path: string, resource: Resource): Where {
  return {
    origin: path === '' ? resource.origin : resource.originOf(path),
    path: pathInDocument(resource.path, path),
  }
}

function isError({ make }: Report): boolean {
  return make({ origin: '', path: '' }).severity === 'error'
}

class TracingBuild implements Build {
  readonly #context: CompileContext
  readonly #references: EntryReference[] = []
  readonly #inputs: InputVersion[] = []
  readonly #shares: Share<unknown>[] = []
  readonly reports: Report[] = []

  constructor(context: CompileContext) {
    this.#context = context
  }

  ref<Name extends KindName>(kind: Name, name: string): CompiledKinds[Name] | undefined {
    const entry = this.#context.entryOf(kind, name)
    this.#references.push({ kind, name, entry })
    return entry?.value
  }

  nearest(kind: KindName, name: string): string | undefined {
    if (this.#context.suggestionsLeft === 0) return undefined
    this.#context.suggestionsLeft -= 1
    return suggest(name, this.#context.namesOf(kind))
  }

  environment(name: string): Promise<InputContent> {
    return this.input(`env:${name}`)
  }

  async input(uri: InputUri): Promise<InputContent> {
    const content = await this.#context.inputs.read(uri)
    this.#inputs.push({ uri, version: content.version })
    return content
  }

  async share<Value>(
    key: string,
    open: () => Value | Promise<Value>,
    close: (value: Value) => void | Promise<void>,
  ): Promise<Value> {
    const share = await this.#context.pool.share(key, open, close)
    this.#shares.push(share)
    return share.value
  }

  openPool(origin: string): UpstreamPool {
    return this.#context.openPool(origin)
  }

  get prices(): PriceLoader {
    return this.#context.prices
  }

  report(path: string, make: (where: Where) => Problem): void {
    this.reports.push({ path, make })
  }

  entry<Name extends KindName>(kind: Name, resource: Resource, value: CompiledKinds[Name]): Entry<Name> {
    return {
      kind,
      name: resource.name,
      hash: resource.hash,
      value,
      references: this.#references,
      inputs: this.#inputs,
      reports: this.reports,
      shares: this.#shares,
      digest: undefined,
      holds: 0,
    }
  }

  close(): void {
    for (const share of this.#shares) share.release()
  }
}
