import { GatewayError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { memberId, type RecordId } from '../core/record.ts'
import type { Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'
import { Cell, Cells } from './cells.ts'
import { compilers } from './compile.ts'
import { Emptiness } from './emptiness.ts'
import type { CompiledKey } from './key.ts'
import { isNounKind, type NounKind, type Nouns } from './nouns.ts'
import { composePrincipal } from './principal.ts'
import { RecordReader } from './record-reader.ts'
import type { ReportOddity } from './row.ts'

/** Answered at once from memory, or when the store has. */
export type Found<Value> = Value | undefined | Promise<Value | undefined>

export interface DirectoryOptions {
  readonly store: Pick<Store, 'record' | 'records'>
  readonly clock: Clock
  /** Whether the last word of the store was an answer. While it is not, what is known goes on counting past its time. */
  readonly reachable: () => boolean
  /** Told of each value that could not be read. */
  readonly report: ReportOddity
  /** Records kept in memory; measured: 600 bytes for a key (`bench/micro/callers.ts`). */
  readonly capacity?: number
  /** How long a record is believed without asking again, ms; changes are told by `invalidate` long before. */
  readonly believedMs?: number
}

/** With what the limits keep of a caller, about 2.5 kB each; a key beyond costs a read of half a millisecond. */
const usualCapacity = 50_000
/** Names that belong to nobody, of keys, end users and tags: whoever calls may invent any number of them. */
const absentCapacity = 20_000
const usuallyBelievedMs = 600_000
const absentBelievedMs = 60_000
/** How long a record whose time is over goes on counting when the store did not answer. */
const graceMs = 2_000
/** A record that is changed again whenever it was read is not waited for longer. */
const mostReads = 5
/** Regenerations in a row that a key's old names are followed through. */
const mostSuccessions = 8

interface Flight {
  readonly promise: Promise<Cell>
  /** The record was changed after it was read. */
  stale: boolean
}

/**
 * Who may call, read through from the store and kept compiled. What is in memory is told to be outdated by `invalidate`; whoever
 * refuses a caller asks for a confirmation first (`api/authenticate.ts`), so that a change on another replica is never missed.
 */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #reader: RecordReader
  readonly #known: Cells
  readonly #absent = new Cells(absentCapacity)
  readonly #flights = new Map<string, Flight>()
  /** Of kinds that most gateways have no record of, though callers name them. */
  readonly #empty: ReadonlyMap<NounKind, Emptiness>

  constructor(options: DirectoryOptions) {
    this.#options = options
    this.#reader = new RecordReader(options.store, options.clock)
    this.#known = new Cells(options.capacity ?? usualCapacity)
    const { store, clock } = options
    const kinds = ['customer', 'tag'] as const
    this.#empty = new Map(kinds.map((kind) => [kind, new Emptiness(kind, store, clock)]))
  }

  /** A record's noun. A promise rejects with `store_unavailable` when nothing is known and the store does not answer. */
  find<Kind extends NounKind>(kind: Kind, id: string): Found<Nouns[Kind]> {
    if (this.#empty.get(kind)?.isKnown === true) return undefined
    const cell = this.#cell(kind, id)
    return cell instanceof Promise ? cell.then(({ noun }) => noun) : cell.noun
  }

  /**
   * Who calls with the key of that hash; a retired key counts as its successor until its grace period ends.
   * The same object for as long as nothing that it was made of has changed.
   */
  principalOf(hash: string): Found<Principal> {
    const now = this.#seconds()
    const cell = this.#current('key', hash, now)
    if (cell?.principal !== undefined && this.#allKept(cell.principalNeeds, now)) return cell.principal
    return this.#principal(hash)
  }

  /** Forgets records that have changed, or all. What is being read at this moment is read again. */
  invalidate(changed: readonly RecordId[] | 'all'): void {
    if (changed === 'all') {
      for (const empty of this.#empty.values()) empty.forget()
      this.#known.clear()
      this.#absent.clear()
      for (const flight of this.#flights.values()) flight.stale = true
      return
    }
    for (const { kind, id } of changed) {
      if (!isNounKind(kind)) continue
      this.#empty.get(kind)?.forget()
      this.#known.delete(kind, id)
      this.#absent.delete(kind, id)
      const flight = this.#flights.get(flightName(kind, id))
      if (flight !== undefined) flight.stale = true
    }
  }

  /** Records in memory, those that are known not to exist included. */
  get size(): number {
    return this.#known.size + this.#absent.size
  }

  async #principal(hash: string): Promise<Principal | undefined> {
    for (let tries = 1; ; tries += 1) {
      const owner = await this.#ownerOf(hash)
      if (owner === undefined) return undefined
      const principal = await this.#compose(owner.cell, owner.key)
      // What was forgotten meanwhile may have been revoked, and its revocation been answered.
      const now = this.#seconds()
      if (this.#kept('key', owner.cell.id) === owner.cell && this.#allKept(owner.cell.principalNeeds, now))
        return principal
      if (tries >= mostReads) return principal
    }
  }

  async #compose(cell: Cell<'key'>, key: CompiledKey): Promise<Principal> {
    const [user, team, direct] = await Promise.all([
      this.#optional('user', key.userId),
      this.#optional('team', key.teamId),
      this.#optional('organization', key.organizationId),
    ])
    const isMember = key.userId !== undefined && key.teamId !== undefined
    const teamGroups = team?.noun?.accessGroups ?? []
    const [member, organization, ...groups] = await Promise.all([
      this.#optional('team-member', isMember ? memberId(key.teamId ?? '', key.userId ?? '') : undefined),
      direct ?? this.#optional('organization', team?.noun?.organizationId),
      ...[...key.accessGroups, ...teamGroups].map((id) => this.#cell('access-group', id)),
    ])
    const needs = flattened([user, team, member, organization, ...groups])
    // Others may have waited for the same records; all get the same object.
    if (cell.principal !== undefined && sameCells(needs, cell.principalNeeds)) return cell.principal
    const principal = composePrincipal(key, { user, team, member, organization, groups })
    cell.principalNeeds = needs
    cell.principal = principal
    return principal
  }

  /** The key itself, or the one that took its place and still lends it its rights. */
  async #ownerOf(hash: string): Promise<{ readonly cell: Cell<'key'>; readonly key: CompiledKey } | undefined> {
    let name = hash
    for (let successions = 0; successions <= mostSuccessions; successions += 1) {
      const cell = await this.#cell('key', name)
      if (cell.noun !== undefined) return { cell, key: cell.noun }
      const retired = (await this.#cell('retired-key', name)).noun
      if (retired === undefined || retired.until <= this.#options.clock.wall()) return undefined
      name = retired.successor
    }
    return undefined
  }

  #optional<Kind extends NounKind>(kind: Kind, id: string | undefined): Cell<Kind> | Promise<Cell<Kind>> | undefined {
    return id === undefined ? undefined : this.#cell(kind, id)
  }

  #cell<Kind extends NounKind>(kind: Kind, id: string): Cell<Kind> | Promise<Cell<Kind>> {
    return this.#current(kind, id, this.#seconds()) ?? this.#load(kind, id)
  }

  #current<Kind extends NounKind>(kind: Kind, id: string, now: number): Cell<Kind> | undefined {
    const cell = this.#kept(kind, id)
    if (cell === undefined || !this.#believed(cell, now)) return undefined
    return this.#allKept(cell.needs, now) ? cell : undefined
  }

  #kept<Kind extends NounKind>(kind: Kind, id: string): Cell<Kind> | undefined {
    return this.#known.get(kind, id) ?? this.#absent.get(kind, id)
  }

  #believed(cell: Cell, now: number): boolean {
    return cell.until > now || !this.#options.reachable()
  }

  #allKept(cells: readonly Cell[], now: number): boolean {
    for (const cell of cells) {
      if (this.#kept(cell.kind, cell.id) !== cell || !this.#believed(cell, now)) return false
    }
    return true
  }

  /** One read for all who ask at the same time. */
  #load<Kind extends NounKind>(kind: Kind, id: string): Promise<Cell<Kind>> {
    const name = flightName(kind, id)
    const under = this.#flights.get(name)
    // The name says the kind, so the flight's cell is of that kind.
    if (under !== undefined) return under.promise as Promise<Cell<Kind>>
    const flight: Flight = {
      promise: this.#read(kind, id, () => flight).finally(() => this.#landed(name, flight)),
      stale: false,
    }
    this.#flights.set(name, flight)
    return flight.promise as Promise<Cell<Kind>>
  }

  #landed(name: string, flight: Flight): void {
    if (this.#flights.get(name) === flight) this.#flights.delete(name)
  }

  async #read<Kind extends NounKind>(kind: Kind, id: string, flightOf: () => Flight): Promise<Cell<Kind>> {
    const { clock, report } = this.#options
    const before = this.#kept(kind, id)
    // Until here nothing has waited: the flight exists from the first wait on.
    for (let reads = 1; ; reads += 1) {
      try {
        const record = await this.#reader.read(kind, id)
        // Only saves reads, so nobody waits for it; a store that is away is asked again.
        if (record === undefined)
          this.#empty
            .get(kind)
            ?.ask()
            .catch(() => undefined)
        const wall = clock.wall()
        const { noun, needs, changeAt } = await compilers[kind](id, record, {
          cell: (other, otherId) => this.#cell(other, otherId),
          report,
          now: wall,
        })
        const believedMs = this.#believedMs(noun === undefined, changeAt, wall)
        const cell = new Cell<Kind>(kind, id, noun, needs, this.#seconds() + Math.ceil(believedMs / 1000))
        const flight = flightOf()
        if (!flight.stale) {
          this.#keep(cell)
          return cell
        }
        // What was read may be from before the change. It is not kept; who waits gets what is read after it.
        if (reads >= mostReads) return cell
        flight.stale = false
      } catch (cause) {
        const known = this.#whileAway(before, cause)
        if (known !== undefined) return known
        throw cause
      }
    }
  }

  #believedMs(absent: boolean, changeAt: number | undefined, wall: number): number {
    // Not all at the same moment: what was read together would be read again together.
    const usual = absent ? absentBelievedMs : (this.#options.believedMs ?? usuallyBelievedMs)
    const believedMs = usual * (0.75 + (wall % 97) / 388)
    return changeAt === undefined ? believedMs : Math.min(believedMs, changeAt - wall)
  }

  #keep<Kind extends NounKind>(cell: Cell<Kind>): void {
    const { kind, id } = cell
    const invented = cell.noun === undefined && isInvented(kind)
    const [place, other] = invented ? [this.#absent, this.#known] : [this.#known, this.#absent]
    other.delete(kind, id)
    place.set(cell)
  }

  /** Known keys serve while the store is away; what was told to have changed is no longer known. */
  #whileAway<Kind extends NounKind>(before: Cell<Kind> | undefined, cause: unknown): Cell<Kind> | undefined {
    if (!(cause instanceof GatewayError && cause.code === 'store_unavailable')) return undefined
    if (before?.noun === undefined || this.#kept(before.kind, before.id) !== before) return undefined
    before.until = this.#seconds() + graceMs / 1000
    return before
  }

  #seconds(): number {
    return Math.floor(this.#options.clock.now() / 1000)
  }
}

/** Whether callers choose the ids. */
function isInvented(kind: NounKind): boolean {
  return kind === 'key' || kind === 'retired-key' || kind === 'customer' || kind === 'tag'
}

function flightName(kind: NounKind, id: string): string {
  return `${kind} ${id}`
}

/** The cells and those that they were made of. */
function flattened(cells: readonly (Cell | undefined)[]): readonly Cell[] {
  const all = new Set<Cell>()
  for (const cell of cells) {
    if (cell === undefined) continue
    all.add(cell)
    for (const need of cell.needs) all.add(need)
  }
  return [...all]
}

function sameCells(left: readonly Cell[], right: readonly Cell[]): boolean {
  return left.length === right.length && left.every((cell, index) => cell === right[index])
}
