import { setTimeout as sleep } from 'node:timers/promises'
import type { Alteration, ChangeOptions, ChangeResult, ReplicaConfirmation } from '../core/change.ts'
import type { Changes, Edited, ResourceDraft } from '../core/changes.ts'
import type { ClaimedChange, Outcome } from '../core/claim.ts'
import { GatewayError } from '../core/errors.ts'
import { type Problem, problemToSentence } from '../core/problem.ts'
import { type RecordId, recordKinds } from '../core/record.ts'
import type { KindName, Layer, Verdict } from '../core/resource.ts'
import type { Head, Store, StoredResource, Transaction } from '../core/store.ts'
import type { JsonObject } from '../lib/json.ts'
import { DraftOfRows, type Write } from './draft.ts'
import type { Candidate, Desk, Reconciler } from './reconciler.ts'

/** The layer of the stored resources: what is known of them, as it would be, and as it was committed. */
export interface StoredLayer {
  readonly head: Head
  /** What is stored now. Rejects with GatewayError `store_unavailable`. */
  read(): Promise<Layer>
  stored(kind: KindName, name: string): StoredResource | undefined
  storedOf(kind: KindName): readonly StoredResource[]
  draft(writes: readonly Write[]): Layer
  committed(rows: readonly StoredResource[], head: Head): Layer
}

export interface ChangesOptions {
  readonly store: Pick<Store, 'change' | 'recordRefusal' | 'head' | 'journalOf'>
  /** The source of that name is the reconciler's. */
  readonly layer: StoredLayer & { readonly name: string }
  readonly reconciler: Pick<Reconciler, 'turn' | 'pull' | 'status'>
  /** Records that are not what they were: whoever remembers them forgets them before the change is answered. */
  readonly onRecords: (records: readonly RecordId[]) => void
  /** A change of this process has this head, and is in force here. */
  readonly onCommitted: (head: Head) => void
  /** Resolves when the replicas have confirmed the revision, or their leases or the time have run out. */
  readonly confirmations: (
    revision: number,
    options: { readonly waitMs: number | undefined; readonly revocation: boolean },
  ) => Promise<readonly ReplicaConfirmation[]>
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>, cause: unknown) => void
  /** 0 to 1 */
  readonly random: () => number
}

/** The first and three more. */
const tries = 4
/** Replicas that met each other's changes do not come back at the same moment. */
const longestPauseMs = 15

/** The head moved between draft and commit. */
class Moved extends Error {}

export function createChanges(options: ChangesOptions): Changes {
  const { store, layer, reconciler, onRecords } = options

  async function resources<Result>(
    how: ChangeOptions,
    edit: (draft: ResourceDraft) => Edited<Result> | Promise<Edited<Result>>,
  ): Promise<ChangeResult<Result>> {
    const claimed = claimedChange(how)
    if (claimed?.made !== undefined) return madeBefore(how, claimed.made)
    for (let attempt = 1; ; attempt += 1) {
      // The edit has to see what other replicas have committed, so a store that is away is told here.
      const newest = await layer.read()
      try {
        const done = await reconciler.turn(newest, (desk) => attemptOn(desk, how, claimed, edit))
        return await confirmed(how, done)
      } catch (error) {
        if (!(error instanceof Moved)) throw error
        if (attempt === tries) {
          throw new GatewayError(
            'change_conflict',
            `Others changed the configuration ${tries} times while this change was prepared; nothing was written. Try again.`,
          )
        }
        await sleep(options.random() * longestPauseMs * attempt)
      }
    }
  }

  async function attemptOn<Result>(
    desk: Desk,
    how: ChangeOptions,
    claimed: ClaimedChange | undefined,
    edit: (draft: ResourceDraft) => Edited<Result> | Promise<Edited<Result>>,
  ): Promise<ChangeResult<Result>> {
    const base = layer.head
    checkIfMatch(how.ifMatch, { from: base.resourceRevision, to: base.revision })
    const draft = new DraftOfRows(layer, desk.served?.declared)
    const { result, alongside } = await edit(draft)
    const { writes } = draft
    if (writes.length === 0 && alongside === undefined) {
      return { ...desk.verdict, problems: [], result, alterations: [] }
    }
    if (writes.length === 0) {
      const written = await store.change(changeOptions(how), async (transaction) => {
        await runAlongside(transaction, alongside)
        await keep(transaction, claimed, result)
      })
      return afterRecords(how, result, written, desk.verdict)
    }
    const drafted = layer.draft(writes)
    const candidate = await desk.prepare(drafted)
    if (!candidate.accepted) return refuse(how, draft.alterations, candidate.problems)
    try {
      return await commit(desk, how, { base, draft, candidate, claimed, result, alongside })
    } catch (error) {
      candidate.release()
      throw error
    }
  }

  async function commit<Result>(
    desk: Desk,
    how: ChangeOptions,
    drafted: {
      readonly base: Head
      readonly draft: DraftOfRows
      readonly candidate: Extract<Candidate, { accepted: true }>
      readonly claimed: ClaimedChange | undefined
      readonly result: Result
      readonly alongside: Edited<unknown>['alongside']
    },
  ): Promise<ChangeResult<Result>> {
    const { base, draft, candidate, claimed, result, alongside } = drafted
    const written = await store.change(changeOptions(how, desk.verdict.revision), async (transaction) => {
      if (transaction.head.resourceRevision !== base.resourceRevision) throw new Moved()
      const rows: StoredResource[] = []
      for (const write of draft.writes) rows.push(...(await writeRow(transaction, write)))
      await runAlongside(transaction, alongside)
      await keep(transaction, claimed, result)
      if (candidate.problems.length > 0) transaction.note({ problems: candidate.problems })
      return rows
    })
    const { alterations } = written
    if (how.dryRun === true) {
      const effect = effectOf(desk.served?.models.names ?? [], candidate.models)
      candidate.release()
      return { ...desk.verdict, problems: candidate.problems, result, alterations, effect }
    }
    forget(alterations)
    const { generation } = candidate.publish(layer.committed(written.result, written.head), written.head.revision)
    options.onCommitted(written.head)
    return {
      applied: true,
      revision: written.head.revision,
      generation,
      problems: candidate.problems,
      result,
      alterations,
    }
  }

  async function records<Result>(
    how: ChangeOptions,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<ChangeResult<Result>> {
    const claimed = claimedChange(how)
    if (claimed?.made !== undefined) return madeBefore(how, claimed.made)
    const written = await store.change(changeOptions(how), async (transaction) => {
      const { revision } = transaction.head
      checkIfMatch(how.ifMatch, { from: revision, to: revision })
      const result = await work(transaction)
      await keep(transaction, claimed, result)
      return result
    })
    // A change of records may write a resource that was checked elsewhere.
    if (written.alterations.some(({ kind }) => !isRecord(kind)) && how.dryRun !== true)
      await reconciler.pull(layer.name)
    return confirmed(how, afterRecords(how, written.result, written, verdictOf(reconciler)))
  }

  /** What is promised of an answer holds for one that is given late: in force here, then confirmed by the others. */
  async function madeBefore<Result>(how: ChangeOptions, { revision, result }: Outcome): Promise<ChangeResult<Result>> {
    const entry = await store.journalOf(revision)
    const alterations = entry?.alterations ?? []
    forget(alterations)
    if (alterations.some(({ kind }) => !isRecord(kind))) await reconciler.pull(layer.name)
    return confirmed(how, {
      applied: true,
      revision,
      generation: reconciler.status().generation,
      problems: entry?.problems ?? [],
      // The same route kept it for the same request, and results are JSON (see `Changes`).
      result: result as Result,
      alterations,
    })
  }

  function afterRecords<Result>(
    how: ChangeOptions,
    result: Result,
    { alterations, head }: { readonly alterations: readonly Alteration[]; readonly head: Head },
    { generation }: Pick<Verdict, 'generation'>,
  ): ChangeResult<Result> {
    if (how.dryRun !== true) {
      forget(alterations)
      options.onCommitted(head)
    }
    return { applied: true, revision: head.revision, generation, problems: [], result, alterations }
  }

  function forget(alterations: readonly Alteration[]): void {
    const altered = alterations.flatMap(({ kind, name }) => (isRecord(kind) ? [{ kind, id: name }] : []))
    if (altered.length > 0) onRecords(altered)
  }

  async function refuse(
    how: ChangeOptions,
    alterations: readonly Alteration[],
    problems: readonly Problem[],
  ): Promise<never> {
    if (how.dryRun !== true) {
      await store
        .recordRefusal(how.actor, alterations, problems)
        // The refusal stands; that the journal lacks it is for the operator.
        .catch((error: unknown) => options.report('config.journal.failed', { via: how.actor.via }, error))
    }
    throw new GatewayError('config_refused', `The change was refused: ${problems.map(problemToSentence).join('; ')}`, {
      problems,
    })
  }

  async function confirmed<Result>(how: ChangeOptions, done: ChangeResult<Result>): Promise<ChangeResult<Result>> {
    if (how.dryRun === true || (how.waitMs === undefined && how.revocation !== true)) return done
    const replicas = await options.confirmations(done.revision, {
      waitMs: how.waitMs,
      revocation: how.revocation === true,
    })
    return { ...done, replicas }
  }

  return { resources, records }
}

/** A dry run changes nothing that could be kept. */
function claimedChange({ claimed, dryRun }: ChangeOptions): ClaimedChange | undefined {
  return dryRun === true ? undefined : claimed?.()
}

async function keep(transaction: Transaction, claimed: ClaimedChange | undefined, result: unknown): Promise<void> {
  if (claimed !== undefined) await transaction.keep(claimed, result)
}

function changeOptions({ actor, dryRun }: ChangeOptions, above?: number) {
  return {
    actor,
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(above === undefined ? {} : { above }),
  }
}

async function runAlongside(transaction: Transaction, alongside: Edited<unknown>['alongside']): Promise<void> {
  await alongside?.(transaction)
}

async function writeRow(transaction: Transaction, { kind, name, spec }: Write): Promise<StoredResource[]> {
  if (spec !== undefined) return [await transaction.putResource(kind, name, spec)]
  const before = await transaction.deleteResource(kind, name)
  if (before === undefined) return []
  const gone: JsonObject = {}
  return [{ ...before, spec: gone, deleted: true, revision: transaction.revision }]
}

function effectOf(before: readonly string[], after: readonly string[]): NonNullable<ChangeResult<unknown>['effect']> {
  const [had, has] = [new Set(before), new Set(after)]
  return {
    modelsAdded: after.filter((name) => !had.has(name)),
    modelsRemoved: before.filter((name) => !has.has(name)),
  }
}

/** What the caller saw must still be what is there: any of these revisions shows the same. */
function checkIfMatch(ifMatch: number | undefined, same: { readonly from: number; readonly to: number }): void {
  if (ifMatch === undefined || (ifMatch >= same.from && ifMatch <= same.to)) return
  throw new GatewayError(
    'revision_conflict',
    `If-Match names revision ${ifMatch}, but the head is ${same.to}, last changed at ${same.from}; read again and redo the change.`,
    { param: 'If-Match' },
  )
}

function verdictOf(reconciler: Pick<Reconciler, 'status'>): Pick<Verdict, 'generation'> {
  return reconciler.status()
}

const isRecordKind = new Set<string>(recordKinds)

function isRecord(kind: Alteration['kind']): kind is RecordId['kind'] {
  return isRecordKind.has(kind)
}
