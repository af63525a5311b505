import type { ChangeOptions, ChangeResult } from '../core/change.ts'
import type { Changes, ResourceDraft } from '../core/changes.ts'
import type { PriceBook } from '../core/cost/price-book.ts'
import { GatewayError } from '../core/errors.ts'
import type { Clock } from '../lib/clock.ts'
import { Sequence } from '../lib/sequence.ts'
import { shownUrl } from '../lib/shown-url.ts'
import type { Guards, MapChange } from './compare.ts'
import type { Fetched, Validators } from './fetch.ts'
import type { PriceMaps } from './maps.ts'
import type { MapOrigin } from './origin.ts'
import { fromSpec, type MapRecord, nextRunAt, recordKind, recordName, toSpec } from './record.ts'
import { MapRefused } from './refusal.ts'

export interface UpdatesOptions {
  readonly changes: Pick<Changes, 'resources'>
  readonly maps: PriceMaps
  readonly origin: MapOrigin
  /** What serves in this process. */
  readonly current: () => { readonly book: PriceBook; readonly record: MapRecord }
  /** @throws MapRefused */
  readonly fetch: (url: string, known: Validators) => Promise<Fetched>
  readonly clock: Clock
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>, cause: unknown) => void
}

/** What came of looking for a new map. */
export interface Reloaded {
  readonly models: number
  /** What served before, and what was found. */
  readonly before: PriceBook
  readonly after: PriceBook
  readonly record: MapRecord
  /** `undefined`: it is the map that already served. */
  readonly change: MapChange | undefined
  readonly made: ChangeResult<unknown>
}

const anySize: Pick<Guards, 'smallestRest' | 'largestFactor'> = { smallestRest: 0, largestFactor: 0 }

/**
 * Looks for a new price map and puts it into service on every replica: fetched once, kept by its hash, and named by the one
 * resource that all replicas read. Whatever goes wrong, the prices that serve stay.
 */
export class PriceUpdates {
  readonly #options: UpdatesOptions
  /** One after the other: two that compare with the same map would each think the other's change its own. */
  readonly #reloads = new Sequence()

  constructor(options: UpdatesOptions) {
    this.#options = options
  }

  get origin(): MapOrigin {
    return this.#options.origin
  }

  get current(): { readonly book: PriceBook; readonly record: MapRecord } {
    return this.#options.current()
  }

  /** Unix ms of the schedule's next run; `undefined` without one. */
  get nextRunAt(): number | undefined {
    return nextRunAt(this.current.record)
  }

  /**
   * @param how.force take over a map that has shrunk or whose prices moved far
   * @throws GatewayError `price_map_refused` with the reason, whose cause is a MapRefused; `store_unavailable`
   */
  reload(how: ChangeOptions & { readonly force?: boolean }): Promise<Reloaded> {
    return this.#reloads.run(() => this.#reload(how))
  }

  /** @param hours `undefined` ends the schedule */
  schedule(how: ChangeOptions, hours: number | undefined): Promise<ChangeResult<MapRecord>> {
    const now = this.#options.clock.wall()
    return this.edit(how, (record) => ({
      ...record,
      intervalHours: hours,
      // A schedule begins when it is made; what ran before it does not count as late.
      lastRunAt: hours === undefined ? record.lastRunAt : now,
      lastFailure: undefined,
    }))
  }

  /** Changes the resource, on its newest state. @param change `undefined` leaves it as it is */
  edit(how: ChangeOptions, change: (record: MapRecord) => MapRecord | undefined): Promise<ChangeResult<MapRecord>> {
    return this.#options.changes.resources(how, (draft) => {
      const before = recordOf(draft)
      const after = change(before)
      if (after !== undefined) draft.put(recordKind, recordName, toSpec(after))
      return { result: after ?? before }
    })
  }

  async #reload(how: ChangeOptions & { readonly force?: boolean }): Promise<Reloaded> {
    const { clock, current, fetch, maps, origin, report } = this.#options
    const { book, record } = current()
    const { force = false, ...options } = how
    if (origin.forcedLocal) return this.#useBundled(options)
    maps.prepare()
    try {
      const fetched = await fetch(origin.url, record.url === origin.url ? validatorsOf(record) : {})
      if (fetched.type === 'unchanged') return await this.#stay(options, book, {})
      const guards = force ? { ...origin.guards, ...anySize } : origin.guards
      const reviewed = await maps.review(fetched.bytes, book, guards)
      const found = { url: origin.url, ...fetched.validators, sourceRevision: reviewed.sourceRevision }
      if (reviewed.book === book && record.content === book.hash) return await this.#stay(options, book, found)
      maps.expect(reviewed.book)
      if (options.dryRun !== true) await maps.keep(reviewed.book)
      const now = clock.wall()
      const made = await this.edit(options, (before) => ({
        ...settled(before, now),
        url: origin.url,
        etag: fetched.validators.etag,
        lastModified: fetched.validators.lastModified,
        sourceRevision: reviewed.sourceRevision,
        content: reviewed.book.hash,
        loadedAt: now,
      }))
      return reloaded(book, reviewed.book, made, reviewed.change)
    } catch (error) {
      if (!(error instanceof MapRefused)) throw error
      report('prices.map.refused', { url: shownUrl(origin.url) }, error)
      const message = `Failed to reload model cost map: ${error.message}. Current pricing data was kept.`
      throw new GatewayError('price_map_refused', message, { detail: message, cause: error })
    }
  }

  async #stay(how: ChangeOptions, book: PriceBook, found: Partial<MapRecord>): Promise<Reloaded> {
    const now = this.#options.clock.wall()
    const made = await this.edit(how, (before) => ({ ...settled(before, now), ...found }))
    return reloaded(book, book, made, undefined)
  }

  async #useBundled(how: ChangeOptions): Promise<Reloaded> {
    const { clock, maps } = this.#options
    const book = await maps.bundled()
    const now = clock.wall()
    const made = await this.edit(how, (before) => ({
      ...settled(before, now),
      content: undefined,
      url: undefined,
      etag: undefined,
      lastModified: undefined,
      sourceRevision: undefined,
      loadedAt: now,
    }))
    return reloaded(this.current.book, book, made, undefined)
  }
}

function reloaded(
  before: PriceBook,
  after: PriceBook,
  made: ChangeResult<MapRecord>,
  change: MapChange | undefined,
): Reloaded {
  return { models: after.size, before, after, record: made.result, change, made }
}

function recordOf(draft: Pick<ResourceDraft, 'stored'>): MapRecord {
  return fromSpec(draft.stored(recordKind, recordName)?.spec)
}

/** A run has ended well. */
function settled(record: MapRecord, now: number): MapRecord {
  return { ...record, lastRunAt: now, claimedUntil: undefined, lastFailure: undefined }
}

function validatorsOf({ etag, lastModified, content }: MapRecord): Validators {
  // Without the content "unchanged" would leave nothing to serve.
  if (content === undefined) return {}
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) }
}
