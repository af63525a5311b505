import type { Alteration } from '../core/change.ts'
import type { Declared, ResourceDraft } from '../core/changes.ts'
import type { KindName } from '../core/resource.ts'
import type { StoredResource } from '../core/store.ts'
import type { JsonObject } from '../lib/json.ts'
import type { DeclaredIndex } from './snapshot.ts'

/** What a draft does to one row; without a spec it is deleted. */
export interface Write {
  readonly kind: KindName
  readonly name: string
  readonly spec: JsonObject | undefined
}

/** The stored resources that a draft starts from. */
export interface DraftBase {
  readonly head: { readonly resourceRevision: number }
  stored(kind: KindName, name: string): StoredResource | undefined
  storedOf(kind: KindName): readonly StoredResource[]
}

/** The writes of one edit over the stored resources; reads see them. */
export class DraftOfRows implements ResourceDraft {
  readonly revision: number
  readonly #base: DraftBase
  readonly #declared: DeclaredIndex | undefined
  readonly #writes = new Map<string, Write>()

  /** @param declared what counts today, of all sources */
  constructor(base: DraftBase, declared: DeclaredIndex | undefined) {
    this.revision = base.head.resourceRevision
    this.#base = base
    this.#declared = declared
  }

  get writes(): readonly Write[] {
    return [...this.#writes.values()]
  }

  get alterations(): readonly Alteration[] {
    return this.writes.flatMap(({ kind, name, spec }): Alteration[] => {
      const before = this.#base.stored(kind, name)?.spec
      if (spec === undefined) return before === undefined ? [] : [{ kind, name, action: 'delete', before }]
      if (before === undefined) return [{ kind, name, action: 'create', after: spec }]
      return [{ kind, name, action: 'update', before, after: spec }]
    })
  }

  stored(kind: KindName, name: string): StoredResource | undefined {
    const write = this.#writes.get(keyOf(kind, name))
    const before = this.#base.stored(kind, name)
    if (write === undefined) return before
    return write.spec === undefined ? undefined : drafted(write.kind, write.name, write.spec, before)
  }

  storedOf(kind: KindName): readonly StoredResource[] {
    const before = this.#base.storedOf(kind)
    if (this.#writes.size === 0) return before
    const found = new Map(before.map((stored) => [stored.name, stored]))
    for (const write of this.#writes.values()) {
      if (write.kind !== kind) continue
      if (write.spec === undefined) found.delete(write.name)
      else found.set(write.name, drafted(kind, write.name, write.spec, found.get(write.name)))
    }
    return [...found.values()]
  }

  declared(kind: KindName, name: string): Declared | undefined {
    const write = this.#writes.get(keyOf(kind, name))
    if (write?.spec !== undefined) return declaredHere(write.spec)
    const found = this.#declared?.get(kind, name)
    return write !== undefined && found?.source === 'database' ? undefined : found
  }

  put(kind: KindName, name: string, spec: JsonObject): void {
    this.#writes.set(keyOf(kind, name), { kind, name, spec })
  }

  delete(kind: KindName, name: string): void {
    const key = keyOf(kind, name)
    if (this.#base.stored(kind, name) === undefined) this.#writes.delete(key)
    else this.#writes.set(key, { kind, name, spec: undefined })
  }
}

/** A row as it is drafted; when and by whom is told by the commit. */
function drafted(kind: KindName, name: string, spec: JsonObject, before: StoredResource | undefined): StoredResource {
  return {
    kind,
    name,
    spec,
    revision: before?.revision ?? 0,
    deleted: false,
    createdAt: before?.createdAt ?? 0,
    updatedAt: before?.updatedAt ?? 0,
    createdBy: before?.createdBy ?? '',
    updatedBy: before?.updatedBy ?? '',
  }
}

function declaredHere(spec: JsonObject): Declared {
  const source = 'database'
  return { source, origin: source, spec, sourceOf: () => source, originOf: () => source }
}

function keyOf(kind: KindName, name: string): string {
  return `${kind} ${name}`
}
