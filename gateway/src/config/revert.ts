import { isDeepStrictEqual } from 'node:util'
import type { Alteration, ChangeOptions, ChangeResult } from '../core/change.ts'
import type { Changes, ResourceDraft } from '../core/changes.ts'
import { GatewayError } from '../core/errors.ts'
import { type RecordKind, recordKinds } from '../core/record.ts'
import type { KindName } from '../core/resource.ts'
import type { Store, Transaction } from '../core/store.ts'
import { isObject, type JsonObject, type JsonValue } from '../lib/json.ts'

/** What stands in the way: it was changed again since. */
interface Conflict {
  readonly kind: string
  readonly name: string
  readonly revision: number | undefined
}

/**
 * Undoes one change and keeps the later ones: what it created is deleted, what it deleted is created, and of what it altered only
 * the fields that it altered are put back. It is a change like any other, so it is checked as a whole, journalled, and can itself be undone.
 * @throws GatewayError `record_not_found` for a revision the journal does not have, `bad_request` for one that was made by a file,
 *   `change_conflict` naming the later revisions that altered the same
 */
export async function revertChange(
  parts: { readonly changes: Changes; readonly store: Pick<Store, 'journalOf'> },
  revision: number,
  how: ChangeOptions,
): Promise<ChangeResult<readonly Alteration[]>> {
  const entry = await parts.store.journalOf(revision)
  if (entry === undefined) {
    throw new GatewayError('record_not_found', `The journal has no change of revision ${revision}.`)
  }
  const { alterations } = entry
  if (alterations.some(({ kind }) => kind === 'source')) {
    throw new GatewayError('bad_request', `Revision ${revision} was made by ${entry.actor.via}; undo it there.`)
  }
  for (const { kind, name, unreadable } of alterations) {
    if (unreadable === undefined) continue
    // What is left of it is not what was there.
    throw new GatewayError('bad_request', `Revision ${revision} cannot be undone: ${kind} \`${name}\`: ${unreadable}.`)
  }
  // It may block a key again, or take away one that was made.
  return parts.changes.resources({ ...how, revocation: true }, (draft) => {
    const conflicts: Conflict[] = []
    for (const alteration of alterations) {
      if (!isRecordKind(alteration.kind)) conflicts.push(...revertResource(draft, alteration.kind, alteration))
    }
    if (conflicts.length > 0) throw conflict(revision, conflicts)
    return {
      result: alterations,
      async alongside(transaction) {
        const found: Conflict[] = []
        for (const alteration of alterations) {
          if (isRecordKind(alteration.kind))
            found.push(...(await revertRecord(transaction, alteration.kind, alteration)))
        }
        if (found.length > 0) throw conflict(revision, found)
        transaction.note({ reverts: revision })
      },
    }
  })
}

function revertResource(
  draft: ResourceDraft,
  kind: KindName,
  { name, before, after }: Alteration,
): readonly Conflict[] {
  const stored = draft.stored(kind, name)
  const undone = undo({ before, after, now: stored?.spec })
  if (undone === 'conflict') return [{ kind, name, revision: stored?.revision }]
  if (undone === undefined) draft.delete(kind, name)
  else draft.put(kind, name, undone)
  return []
}

async function revertRecord(
  transaction: Transaction,
  kind: RecordKind,
  { name, before, after }: Alteration,
): Promise<readonly Conflict[]> {
  const stored = await transaction.record(kind, name)
  const undone = undo({ before, after, now: stored?.body })
  if (undone === 'conflict') return [{ kind, name, revision: stored?.revision }]
  if (undone === undefined) await transaction.deleteRecord(kind, name)
  else await transaction.putRecord(kind, name, undone)
  return []
}

interface Versions<Value> {
  readonly before: Value | undefined
  readonly after: Value | undefined
  readonly now: Value | undefined
}

/** What it is to be: `undefined` means gone. */
function undo({ before, after, now }: Versions<JsonObject>): JsonObject | undefined | 'conflict' {
  if (before !== undefined && after !== undefined && now !== undefined) return undoFields({ before, after, now })
  return isDeepStrictEqual(after, now) ? before : 'conflict'
}

/** Only the fields that differ between before and after are put back, and only where they still are as they were after. */
function undoFields({
  before,
  after,
  now,
}: {
  readonly before: JsonObject
  readonly after: JsonObject
  readonly now: JsonObject
}): JsonObject | 'conflict' {
  const result: { [field: string]: JsonValue | undefined } = { ...now }
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, became, is] = [before[field], after[field], now[field]]
    if (isDeepStrictEqual(was, became)) continue
    if (isDeepStrictEqual(became, is)) {
      if (was === undefined) delete result[field]
      else result[field] = was
      continue
    }
    if (!isObject(was) || !isObject(became) || !isObject(is)) return 'conflict'
    const inner = undoFields({ before: was, after: became, now: is })
    if (inner === 'conflict') return 'conflict'
    result[field] = inner
  }
  return result
}

function conflict(revision: number, conflicts: readonly Conflict[]): GatewayError {
  const named = conflicts.map(({ kind, name, revision: later }) =>
    later === undefined ? `${kind} \`${name}\` is gone` : `${kind} \`${name}\` was changed again by revision ${later}`,
  )
  return new GatewayError('change_conflict', `Revision ${revision} cannot be undone: ${named.join('; ')}.`)
}

const recordKindNames: ReadonlySet<string> = new Set(recordKinds)

function isRecordKind(kind: Alteration['kind']): kind is RecordKind {
  return recordKindNames.has(kind)
}
