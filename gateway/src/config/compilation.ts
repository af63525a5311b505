import { unpriced } from '../core/cost/price-loader.ts'
import type { InputUri } from '../core/input.ts'
import type { KindName } from '../core/resource.ts'
import { type CompileContext, compileResource, isCurrent } from './compile.ts'
import type { DeclaredKinds } from './declared.ts'
import { closeEntry, type Entry } from './entry.ts'
import type { Findings } from './findings.ts'
import type { Kind } from './kinds/kind.ts'
import type { Declared } from './merge.ts'
import type { Entries, Workshop } from './prepared.ts'
import type { TurnInputs } from './turn-inputs.ts'

/** Compiles what has changed, and knows what it opened for that. */
export class Compilation {
  readonly context: CompileContext
  readonly #findings: Findings
  readonly #fresh: Entry[] = []

  /** @param entries of this generation, as far as they are there yet */
  constructor(workshop: Workshop, inputs: TurnInputs, entries: Entries, declared: DeclaredKinds, findings: Findings) {
    this.#findings = findings
    this.context = {
      inputs,
      pool: workshop.pool,
      openPool: workshop.openPool,
      prices: workshop.prices ?? unpriced,
      entryOf: (kind, name) => entries[kind].get(name),
      namesOf: (kind) => declared[kind].keys(),
      suggestionsLeft: 50,
    }
  }

  /** What was compiled here, and is held by nobody yet. */
  get fresh(): readonly Entry[] {
    return this.#fresh
  }

  /** Whether an entry serves on as it is. */
  reuses(known: Entry, declared: Declared): boolean {
    if (!isCurrent(known, declared.resource, this.context)) return false
    this.#findings.addReports(known.reports, declared)
    return true
  }

  /** The new entry; where it cannot be had and its source's rows stand alone, what was accepted last. */
  async compile<Name extends KindName>(
    kind: Kind<Name>,
    declared: Declared,
    known: Entry<Name> | undefined,
  ): Promise<Entry<Name> | undefined> {
    const findings = this.#findings
    const result = await compileResource(kind, declared.resource, this.context)
    if (result.entry !== undefined) {
      this.#fresh.push(result.entry)
      findings.addReports(result.entry.reports, declared)
      return result.entry
    }
    findings.addReports(result.reports, declared)
    findings.addFailed(declared)
    if (findings.refused) return undefined
    const { parts } = declared
    if (parts === undefined) return known === undefined ? undefined : this.#keep(known)
    // Of settings the part that is at fault is left out; the other may have changed, so the last version of both will not do.
    const sound = parts.find(({ source }) => !findings.isTolerant(source))
    return sound === undefined ? undefined : this.compile(kind, sound, known)
  }

  /** What nobody declares stands in for what cannot be had. Its problems are nobody's. */
  async compileDefault<Name extends KindName>(
    kind: Kind<Name>,
    { resource }: Declared,
  ): Promise<Entry<Name> | undefined> {
    const { entry } = await compileResource(kind, resource, this.context)
    if (entry !== undefined) this.#fresh.push(entry)
    return entry
  }

  /** Whether what was compiled here has read something that what was compiled before has read otherwise. */
  hasRead(otherThan: ReadonlyMap<InputUri, string>): boolean {
    return this.#fresh.some(({ inputs }) =>
      inputs.some(({ uri, version }) => (otherThan.get(uri) ?? version) !== version),
    )
  }

  /** Gives up what was opened for nothing. */
  abandon(): void {
    for (const entry of this.#fresh) closeEntry(entry)
    this.#fresh.length = 0
  }

  /** Goes on with an entry although what it was made from has changed. Its inputs are still watched. */
  #keep<Name extends KindName>(entry: Entry<Name>): Entry<Name> {
    for (const { uri } of entry.inputs) this.context.inputs.known(uri)
    return entry
  }
}
