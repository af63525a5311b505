import { type Problem, problem } from '../../core/problem.ts'
import type { KindName, Layer, Source } from '../../core/resource.ts'
import type { Head, ResourceDelta, Store, StoredResource } from '../../core/store.ts'
import type { JsonObject } from '../../lib/json.ts'
import { PatchedMap } from '../../lib/patched-map.ts'
import { reasonOf } from '../../lib/reason.ts'
import { ChangeLog } from './change-log.ts'
import { toResource } from './row.ts'
import { keyOf, type Row, type Rows, RowsLayer, rowProblem } from './rows-layer.ts'

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

/**
 * The stored resources as a layer, kept in memory and read on from where it was last. It looks when it is asked to: the feed
 * knows when there is something new. While the store is away it offers nothing, so what it offered last goes on serving.
 */
export class DatabaseSource implements Source {
  readonly name = 'database'
  readonly identity: string
  readonly #options: DatabaseSourceOptions
  /** In the order in which they were made, so that every replica lists models alike. */
  #rows: Rows = PatchedMap.of(new Map())
  /** At least as young as every row. */
  #youngest: [string, Row] | undefined
  /** Rows that are not served as they are stored, in the order of all rows. */
  #faults: ReadonlyMap<string, Row> = new Map()
  readonly #log = new ChangeLog()
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

  /** The layer as it would be with these writes. */
  draft(writes: readonly Write[]): Layer {
    const replaced: [string, Row | undefined][] = []
    const made: [string, Row][] = []
    for (const { kind, name, spec } of writes) {
      const key = keyOf(kind, name)
      const known = this.#rows.get(key)
      if (spec === undefined) replaced.push([key, undefined])
      else if (known !== undefined) replaced.push([key, draftRow(kind, name, spec, known)])
      else made.push([key, draftRow(kind, name, spec, undefined)])
    }
    const drafted = [...replaced, ...made.sort(byAge)]
    const keys = drafted.map(([key]) => key)
    return new RowsLayer({
      version: 'draft',
      revision: this.#head.resourceRevision,
      rows: this.#rows.patched(drafted),
      problems: problemsOf(without(this.#faults, keys)),
      log: this.#log,
      drafted: keys,
    })
  }

  /** Takes over what was just committed on exactly the rows that are known here. @returns the layer, as the store has it now */
  committed(rows: readonly StoredResource[], head: Head): Layer {
    // Read again between commit and here: it is all known already, and more perhaps.
    if (this.#layer === undefined || head.resourceRevision > this.#head.resourceRevision) {
      this.#apply({ head, resources: rows })
    }
    const known = this.#layer
    if (known?.revision === head.resourceRevision) return known
    return this.#layerOf(String(head.resourceRevision), head.resourceRevision)
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
    if (whole === true) this.#applyAll(resources)
    else this.#applySome(resources)
    const restored = whole === true && head.resourceRevision < this.#head.resourceRevision
    const isNewer = this.#layer === undefined || restored || head.resourceRevision > this.#head.resourceRevision
    // A change of our own may have told of a later head while this was under way.
    if (isNewer || head.revision > this.#head.revision) this.#head = head
    if (isNewer || this.#layer === undefined) {
      const version = String(head.resourceRevision)
      // A restored backup counts from where it was; it is the newest all the same.
      if (restored) this.#layer = this.#layerOf(`${version} restored`, undefined)
      else this.#layer = this.#layerOf(version, head.resourceRevision)
    }
    return this.#layer
  }

  #applyAll(resources: readonly StoredResource[]): void {
    const present = resources.filter(({ deleted }) => !deleted)
    const there = new Map(present.map((stored) => [keyOf(stored.kind, stored.name), stored]))
    // What is newer here than there is of a time that a restored backup has undone.
    const kept = Array.from(this.#rows).filter(
      ([key, { stored }]) => (there.get(key)?.revision ?? 0) >= stored.revision,
    )
    const rows = new Map(kept)
    for (const [key, stored] of there) {
      const known = rows.get(key)
      if (known === undefined || known.stored.revision < stored.revision) rows.set(key, this.#rowOf(stored, known))
    }
    this.#inOrder(rows)
  }

  #applySome(resources: readonly StoredResource[]): void {
    const replaced: [string, Row | undefined][] = []
    const made: [string, Row][] = []
    for (const stored of resources) {
      const key = keyOf(stored.kind, stored.name)
      const known = this.#rows.get(key)
      if (known !== undefined && known.stored.revision >= stored.revision) continue
      if (stored.deleted && known === undefined) continue
      if (stored.deleted) replaced.push([key, undefined])
      else if (known?.stored.createdAt === stored.createdAt) replaced.push([key, this.#rowOf(stored, known)])
      else made.push([key, this.#rowOf(stored, known)])
    }
    const changes = [...replaced, ...made.sort(byAge)]
    if (changes.length === 0) return
    const rows = this.#rows.patched(changes)
    if (made.some((change) => this.#isOutOfOrder(change))) {
      this.#inOrder(rows)
      return
    }
    this.#rows = rows
    this.#youngest = made.at(-1) ?? this.#youngest
    const keys = changes.map(([key]) => key)
    this.#log.add(
      replaced.map(([key]) => key),
      made.map(([key]) => key),
    )
    const faults = changes.filter((change): change is [string, Row] => change[1] !== undefined && isAtFault(change[1]))
    this.#faults = new Map([...without(this.#faults, keys), ...faults].sort(byAge))
  }

  /** Of a row that was made: whether it does not come last. Known already, it was deleted and made again in between. */
  #isOutOfOrder(made: [string, Row]): boolean {
    return this.#rows.has(made[0]) || (this.#youngest !== undefined && byAge(this.#youngest, made) > 0)
  }

  #inOrder(rows: Iterable<[string, Row]>): void {
    const ordered = [...rows].sort(byAge)
    this.#rows = PatchedMap.of(new Map(ordered))
    this.#youngest = ordered.at(-1)
    this.#faults = new Map(ordered.filter(([, row]) => isAtFault(row)))
    this.#log.startOver()
  }

  #layerOf(version: string, revision: number | undefined): Layer {
    return new RowsLayer({ version, revision, rows: this.#rows, problems: problemsOf(this.#faults), log: this.#log })
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

/** Not served as it is stored: it does not open, or this build does not know its kind. */
function isAtFault({ stored, resource }: Row): boolean {
  return stored.unreadable !== undefined || resource === undefined
}

function problemsOf(faults: ReadonlyMap<string, Row>): readonly Problem[] {
  return Array.from(faults.values(), ({ stored }) => rowProblem(stored))
}

function without<Value>(map: ReadonlyMap<string, Value>, keys: readonly string[]): Map<string, Value> {
  const left = new Map(map)
  for (const key of keys) left.delete(key)
  return left
}

function byAge([, { stored: one }]: [string, Row], [, { stored: other }]: [string, Row]): number {
  if (one.createdAt !== other.createdAt) return one.createdAt - other.createdAt
  return one.name < other.name ? -1 : 1
}

function troubleOf(reason: string): Problem {
  return problem('store_away', { origin: 'database', path: '' }, { reason })
}
