import { type Problem, problem } from '../../core/problem.ts'
import type { KindName, Layer, Resource, Source } from '../../core/resource.ts'
import type { Head, ResourceDelta, Store, StoredResource } from '../../core/store.ts'
import type { JsonObject } from '../../lib/json.ts'
import { reasonOf } from '../../lib/reason.ts'
import { toResource } from './row.ts'

/** What a draft does to one row; `undefined`: it is deleted. */
export interface Write {
  readonly kind: KindName
  readonly name: string
  readonly spec: JsonObject | undefined
}

export interface DatabaseSourceOptions {
  readonly store: Pick<Store, 'readResources' | 'health'>
  /** Tells this database from another one, without secrets. */
  readonly identity: string
  /** The kinds that this build knows; a newer replica may write others. */
  readonly kinds: ReadonlySet<string>
}

interface Row {
  readonly stored: StoredResource
  /** As it was last readable: it may be sealed under another key now, or be of a kind that is not known here. */
  readonly resource: Resource | undefined
}

/**
 * The stored resources as a layer, kept in memory and read on from where it was last. It looks when it is asked to: the feed
 * knows when there is something new. While the store is away it offers nothing, so what it offered last goes on serving.
 */
export class DatabaseSource implements Source {
  readonly name = 'database'
  readonly identity: string
  readonly #options: DatabaseSourceOptions
  readonly #rows = new Map<string, Row>()
  /** The same rows in the order of the layer; `undefined`: to be sorted anew. */
  #ordered: readonly Row[] | undefined
  #head: Head = { revision: 0, resourceRevision: 0 }
  #layer: Layer | undefined
  #trouble: Problem | undefined
  /** Reads follow one another: each goes on where the one before ended. */
  #reading: Promise<unknown> = Promise.resolve()

  constructor(options: DatabaseSourceOptions) {
    this.identity = options.identity
    this.#options = options
  }

  /** Up to which revision the rows are known; 0 before the first read. */
  get head(): Head {
    return this.#head
  }

  get trouble(): Problem | undefined {
    const { up, reason } = this.#options.store.health
    if (!up) return troubleOf(reason ?? 'it does not answer')
    return this.#trouble
  }

  async start(offer: (layer: Layer) => void): Promise<void> {
    const layer = await this.refresh()
    if (layer !== undefined) offer(layer)
  }

  async refresh(): Promise<Layer | undefined> {
    await this.read().catch(() => undefined)
    return this.#layer
  }

  async stop(): Promise<void> {
    await this.#reading
  }

  /** Reads what is new. Rejects with GatewayError `store_unavailable`; what is known stays. */
  read(): Promise<Layer> {
    const reading = this.#reading.then(() => this.#read())
    this.#reading = reading.catch(() => undefined)
    return reading
  }

  stored(kind: KindName, name: string): StoredResource | undefined {
    return this.#rows.get(keyOf(kind, name))?.stored
  }

  storedOf(kind: KindName): readonly StoredResource[] {
    return Array.from(this.#rows.values(), ({ stored }) => stored).filter((stored) => stored.kind === kind)
  }

  /** The layer as it would be with these writes. Thousands of rows are neither copied by key nor sorted for one of them. */
  draft(writes: readonly Write[]): Layer {
    const written = new Map<Row, Row | undefined>()
    const made: Row[] = []
    for (const { kind, name, spec } of writes) {
      const known = this.#rows.get(keyOf(kind, name))
      const row = spec === undefined ? undefined : draftRow(kind, name, spec, known)
      if (known !== undefined) written.set(known, row)
      else if (row !== undefined) made.push(row)
    }
    const rows: Row[] = []
    for (const row of this.#inOrder()) {
      const next = written.has(row) ? written.get(row) : row
      if (next !== undefined) rows.push(next)
    }
    return layerOf([...rows, ...made.sort(byAge)], 'draft', this.#head.resourceRevision)
  }

  /** Takes over what was just committed on exactly the rows that are known here. @returns the layer, as the store has it now */
  committed(rows: readonly StoredResource[], head: Head): Layer {
    // Read again between commit and here: it is all known already, and more perhaps.
    if (this.#layer === undefined || head.resourceRevision > this.#head.resourceRevision) {
      this.#apply({ head, resources: rows })
    }
    const known = this.#layer
    if (known?.revision === head.resourceRevision) return known
    return layerOf(this.#inOrder(), String(head.resourceRevision), head.resourceRevision)
  }

  async #read(): Promise<Layer> {
    try {
      const delta = await this.#options.store.readResources(this.#head.resourceRevision)
      this.#trouble = undefined
      return this.#apply(delta)
    } catch (error) {
      this.#trouble = troubleOf(reasonOf(error))
      throw error
    }
  }

  #apply({ head, resources, whole }: ResourceDelta): Layer {
    if (whole === true) this.#forgetGone(resources)
    if (whole === true || resources.length > 0) this.#ordered = undefined
    for (const stored of resources) {
      const key = keyOf(stored.kind, stored.name)
      const known = this.#rows.get(key)
      if (known !== undefined && known.stored.revision >= stored.revision) continue
      if (stored.deleted) this.#rows.delete(key)
      else this.#rows.set(key, this.#rowOf(stored, known))
    }
    const restored = whole === true && head.resourceRevision < this.#head.resourceRevision
    const isNewer = this.#layer === undefined || restored || head.resourceRevision > this.#head.resourceRevision
    // A change of our own may have told of a later head while this was under way.
    if (isNewer || head.revision > this.#head.revision) this.#head = head
    if (isNewer || this.#layer === undefined) {
      const version = String(head.resourceRevision)
      // A restored backup counts from where it was; it is the newest all the same.
      if (restored) this.#layer = layerOf(this.#inOrder(), `${version} restored`, undefined)
      else this.#layer = layerOf(this.#inOrder(), version, head.resourceRevision)
    }
    return this.#layer
  }

  /** In the order in which the rows were made, so that every replica lists models alike. */
  #inOrder(): readonly Row[] {
    this.#ordered ??= Array.from(this.#rows.values()).sort(byAge)
    return this.#ordered
  }

  #forgetGone(resources: readonly StoredResource[]): void {
    const there = new Map(resources.map((stored) => [keyOf(stored.kind, stored.name), stored.revision]))
    for (const [key, { stored }] of this.#rows) {
      const revision = there.get(key)
      if (revision === undefined || revision < stored.revision) this.#rows.delete(key)
    }
  }

  #isReadable({ unreadable, kind }: StoredResource): boolean {
    return unreadable === undefined && this.#options.kinds.has(kind)
  }

  #rowOf(stored: StoredResource, known: Row | undefined): Row {
    if (!this.#isReadable(stored)) return { stored, resource: known?.resource }
    const resource = toResource(stored)
    return { stored, resource: known?.resource?.hash === resource.hash ? known.resource : resource }
  }
}

function draftRow(kind: KindName, name: string, spec: JsonObject, known: Row | undefined): Row {
  const before = known?.stored
  const stored: StoredResource = {
    kind,
    name,
    spec,
    revision: before?.revision ?? 0,
    deleted: false,
    createdAt: before?.createdAt ?? Number.MAX_SAFE_INTEGER,
    updatedAt: 0,
    createdBy: before?.createdBy ?? '',
    updatedBy: '',
  }
  const resource = toResource(stored)
  return { stored, resource: known?.resource?.hash === resource.hash ? known.resource : resource }
}

/** @param ordered by age */
function layerOf(ordered: readonly Row[], version: string, revision: number | undefined): Layer {
  const resources: Resource[] = []
  const problems: Problem[] = []
  for (const { stored, resource } of ordered) {
    if (resource !== undefined) resources.push(resource)
    if (stored.unreadable !== undefined || resource === undefined) problems.push(rowProblem(stored))
  }
  const layer: Layer = { source: 'database', version, resources, problems, acceptance: 'rows' }
  return revision === undefined ? layer : { ...layer, revision }
}

function byAge({ stored: one }: Row, { stored: other }: Row): number {
  if (one.createdAt !== other.createdAt) return one.createdAt - other.createdAt
  return one.name < other.name ? -1 : 1
}

function rowProblem({ kind, name, unreadable }: StoredResource): Problem {
  const reason = unreadable ?? `this version knows no kind \`${kind}\``
  return problem('row_unreadable', { origin: 'database', path: `${kind}[${name}]` }, { kind, name, reason })
}

function troubleOf(reason: string): Problem {
  return problem('store_away', { origin: 'database', path: '' }, { reason })
}

function keyOf(kind: string, name: string): string {
  return `${kind} ${name}`
}
