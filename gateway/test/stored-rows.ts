import type { KindName, Layer } from '../src/core/resource.ts'
import type { ResourceDelta, StoredResource } from '../src/core/store.ts'
import type { JsonObject } from '../src/lib/json.ts'
import { DatabaseSource } from '../src/sources/database/source.ts'

const by = { createdBy: 'somebody', updatedBy: 'somebody' }

/** The rows of a store that the test writes, and a source that reads them on. */
export class StoredRows {
  readonly #rows = new Map<string, StoredResource>()
  #revision = 0
  readonly source = new DatabaseSource({
    identity: 'test',
    kinds: new Set(['credential', 'deployment', 'alias', 'settings']),
    store: {
      health: { up: true, since: 0, reason: undefined },
      readResources: async (after) => this.#delta(after),
    },
  })

  /** @param spec without it the row is deleted */
  write(kind: KindName, name: string, spec: JsonObject | undefined, createdAt?: number): StoredResource {
    this.#revision += 1
    const key = `${kind} ${name}`
    const before = this.#rows.get(key)
    const known = before === undefined || before.deleted ? undefined : before
    const row: StoredResource = {
      kind,
      name,
      spec: spec ?? {},
      deleted: spec === undefined,
      revision: this.#revision,
      createdAt: known?.createdAt ?? createdAt ?? this.#revision,
      updatedAt: this.#revision,
      ...by,
    }
    this.#rows.set(key, row)
    return row
  }

  get head() {
    return { revision: this.#revision, resourceRevision: this.#revision }
  }

  /** Reads on. */
  layer(): Promise<Layer> {
    return this.source.read()
  }

  #delta(after: number): ResourceDelta {
    const rows = [...this.#rows.values()].sort((one, other) => one.revision - other.revision)
    if (after === 0) return { head: this.head, whole: true, resources: rows.filter(({ deleted }) => !deleted) }
    return { head: this.head, whole: false, resources: rows.filter(({ revision }) => revision > after) }
  }
}
