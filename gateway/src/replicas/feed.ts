import type { RecordId } from '../core/record.ts'
import type { Head, ReplicaReport, Store } from '../core/store.ts'
import type { Clock } from '../lib/clock.ts'

export interface FeedOptions {
  readonly store: Pick<Store, 'head' | 'readChangedRecords' | 'watch' | 'report' | 'forget'>
  /** The stored resources as this process knows them; `trouble`: their last read failed. */
  readonly resources: { readonly head: Head; readonly trouble?: unknown }
  /** Reads the resources on and puts them into service, as far as they are accepted. */
  readonly pull: () => Promise<unknown>
  /** Whoever remembers these records forgets them. */
  readonly onRecords: (records: readonly RecordId[] | 'all') => void
  /** Told of each head before it is applied: the count of this process may be ahead of it. */
  readonly onHead?: (head: Head) => Promise<void>
  /** Told how long after its commit a change was in force here, ms; `hinted`: a hint had come for it. */
  readonly onApplied?: (delayMs: number, hinted: boolean) => void
  /** What this process says of itself, besides what the feed knows. */
  readonly describe: () => Omit<ReplicaReport, 'revision' | 'leaseMs'>
  readonly clock: Clock
  /** 0 to 1 */
  readonly random: () => number
  readonly onUnexpected: (error: unknown) => void
}

/** A replica may act on what it knows for so long after it has last asked. A revocation waits no longer for a silent one. */
export const leaseMs = 3_000
/** How often it asks without a hint; a lost one costs no more. */
const checkMs = 1_000
const jitter = 0.2
/** Nobody waits for the word that a replica runs its own changes: it is given later, for several at once, out of the way of theirs. */
const ownReportMs = 100

/**
 * Keeps this process in step with the store. Hints make it look at once; a check every second is the truth, because hints get
 * lost. After each look it reports up to where everything is in force here, and that report extends its lease.
 */
export class Feed {
  readonly #options: FeedOptions
  #applied = 0
  /**
   * Up to where the stored resources serve. What is known of them may be ahead: a change of this process reads them for its draft
   * before it has its turn to publish anything.
   */
  #resourcesServed = 0
  /** Up to where changed records were told of; `undefined` before the first look. */
  #recordsSeen: number | undefined
  #reported = -1
  /** Up to here nothing but changes of this process was applied since the last report. */
  #own = -1
  #ownReport: NodeJS.Timeout | undefined
  #leaseUntil = Number.NEGATIVE_INFINITY
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<void> | undefined
  #hinted = false
  #timer: NodeJS.Timeout | undefined
  #unwatch: (() => void) | undefined
  #life: 'new' | 'running' | 'stopped' = 'new'
  readonly #onReplica = new Set<() => void>()

  constructor(options: FeedOptions) {
    this.#options = options
  }

  /** Everything up to this revision is in force here; 0 before the first look. */
  get applied(): number {
    return this.#applied
  }

  /** Whether what is in memory may be acted on without asking. */
  leaseValid(): boolean {
    return this.#options.clock.now() < this.#leaseUntil
  }

  /**
   * Resolves when everything that was committed before the call is in force here. Callers share a look, but never one that began
   * before they asked. Rejects with GatewayError `store_unavailable`.
   */
  confirm(): Promise<void> {
    if (this.#next === undefined) {
      this.#next = this.#running.then(() => {
        this.#next = undefined
        return this.#look()
      })
      this.#running = this.#next.catch(() => undefined)
    }
    return this.#next
  }

  /** Resolves when the store was told of all that is in force here. Rejects with GatewayError `store_unavailable`. */
  async reported(): Promise<void> {
    if (this.#reported >= this.#applied) return
    this.#own = -1
    await this.confirm()
  }

  /** Takes the first look, and goes on looking whether it succeeds or not. */
  async start(): Promise<void> {
    // Subscribed before the first look, so that nothing is missed in between.
    this.#unwatch = this.#options.store.watch((what) => {
      if (what === 'replica') return this.#tellReplica()
      this.#hinted = true
      this.#lookSoon()
    })
    this.#life = 'running'
    await this.confirm().catch(() => undefined)
    this.#schedule()
  }

  /** A replica that leaves holds up nobody's revocation. */
  async stop(): Promise<void> {
    this.#life = 'stopped'
    clearTimeout(this.#timer)
    clearTimeout(this.#ownReport)
    this.#unwatch?.()
    await this.#running
    this.#leaseUntil = Number.NEGATIVE_INFINITY
    await this.#options.store.forget(this.#options.describe().id).catch(() => undefined)
  }

  /** A change of this process is in force here already. Nothing is to be read for it if it is the very next one. */
  committed(head: Head): void {
    if (this.#recordsSeen === undefined || head.revision !== this.#applied + 1) return
    if (this.#options.resources.head.resourceRevision < head.resourceRevision) return
    this.#resourcesServed = Math.max(this.#resourcesServed, head.resourceRevision)
    if (this.#applied === Math.max(this.#reported, this.#own)) this.#own = head.revision
    this.#applied = head.revision
    this.#recordsSeen = head.revision
  }

  /** Calls back when a replica may have reported. */
  onReplica(listener: () => void): () => void {
    this.#onReplica.add(listener)
    return () => this.#onReplica.delete(listener)
  }

  #tellReplica(): void {
    for (const listener of [...this.#onReplica]) listener()
  }

  #lookSoon(): void {
    if (this.#life !== 'running') return
    // A store that is away tells by its own means; the next look is due anyway.
    this.confirm().catch(() => undefined)
  }

  #schedule(): void {
    if (this.#life !== 'running') return
    const delay = checkMs * (1 - jitter + 2 * jitter * this.#options.random())
    this.#timer = setTimeout(() => {
      this.#lookSoon()
      this.#schedule()
    }, delay)
  }

  async #look(): Promise<void> {
    if (this.#life === 'stopped') return
    const { clock, store } = this.#options
    // The lease counts from before the question: what is committed after the answer waits for it to run out.
    const askedAt = clock.now()
    const appliedBefore = this.#applied
    const hinted = this.#hinted
    this.#hinted = false
    const head = await store.head()
    const answeredAt = clock.now()
    await this.#options.onHead?.(head)
    const restored = head.revision < appliedBefore
    const startsOver = this.#recordsSeen === undefined || restored
    if (startsOver) this.#startOver(head)
    const isNew = head.revision > this.#applied
    // Somebody else's read may have failed while the store was away; only another one shows that it is back.
    const isBehind = head.resourceRevision > this.#resourcesServed || this.#options.resources.trouble !== undefined
    // At once: the answer to a change waits for both.
    await Promise.all([
      isBehind || restored ? this.#applyResources(head) : undefined,
      head.revision > (this.#recordsSeen ?? 0) ? this.#applyRecords() : undefined,
    ])
    if (isNew) {
      this.#applied = Math.max(this.#applied, head.revision)
      // What was committed long before the start was not late.
      if (!startsOver) this.#options.onApplied?.((head.ageMs ?? 0) + clock.now() - answeredAt, hinted)
    }
    await this.#report(askedAt)
  }

  /** At the first look, and when a backup was restored: what is remembered may have been changed in any way. */
  #startOver(head: Head): void {
    this.#applied = Math.min(this.#applied, head.revision)
    this.#recordsSeen = head.revision
    this.#options.onRecords('all')
  }

  async #applyResources(head: Head): Promise<void> {
    await this.#options.pull()
    if (this.#options.resources.head.resourceRevision >= head.resourceRevision) {
      this.#resourcesServed = head.resourceRevision
      return
    }
    // The store went away in between; asking again says so.
    await this.#options.store.head()
    throw new Error(`the stored resources could not be read up to revision ${head.resourceRevision}`)
  }

  async #applyRecords(): Promise<void> {
    const delta = await this.#options.store.readChangedRecords(this.#recordsSeen ?? 0)
    this.#options.onRecords(delta.changed ?? 'all')
    this.#recordsSeen = delta.head.revision
  }

  async #report(askedAt: number): Promise<void> {
    const { describe, store } = this.#options
    const revision = this.#applied
    const isDue = askedAt > this.#leaseUntil - leaseMs + checkMs / 2
    if (revision === this.#reported && !isDue) return
    if (revision === this.#own && !isDue && this.#life === 'running') return this.#reportLater()
    await store.report({ ...describe(), revision, leaseMs })
    this.#reported = revision
    clearTimeout(this.#ownReport)
    this.#ownReport = undefined
    if (this.#life === 'running') this.#leaseUntil = Math.max(this.#leaseUntil, askedAt + leaseMs)
  }

  #reportLater(): void {
    this.#ownReport ??= setTimeout(() => {
      this.#ownReport = undefined
      this.#own = -1
      this.#lookSoon()
    }, ownReportMs)
  }
}
