import type { Actor, Alteration } from '../core/change.ts'
import type { Problem } from '../core/problem.ts'
import type { RecordId, RecordKind, StoredRecord } from '../core/record.ts'
import type { KindName } from '../core/resource.ts'
import type { Head, StoredResource, Transaction } from '../core/store.ts'
import type { JsonObject } from '../lib/json.ts'
import { keepOutcome } from './claims.ts'
import { prune, writeChanges } from './feed.ts'
import { type LockedHead, writeHead } from './head.ts'
import { appendEntry } from './journal.ts'
import { assertStorable, findRecords, readRecord, removeRecord, writeRecord } from './records.ts'
import { readResource, writeResource } from './resources.ts'
import type { Seal } from './seal.ts'
import type { SqlSession } from './sql.ts'

export interface OpenChange extends Transaction {
  readonly alterations: readonly Alteration[]
  /** Writes journal, feed and head. @param token by which the commit is found again. @returns the head from then on, or `undefined` when there was nothing to write */
  finish(token: string): Promise<Head | undefined>
}

/** One change, on a session that holds the lock of the head. */
export function beginChange(session: SqlSession, seal: Seal, locked: LockedHead, actor: Actor): OpenChange {
  const { head, revision, entry, now } = locked
  const altered = new Map<string, Alteration>()
  const changedRecords = new Map<string, RecordId>()
  let changesResources = false
  let problems: readonly Problem[] = []
  let reverts: number | undefined

  /** Several writes of one thing are one alteration: from what was there before the first to what is there after the last. */
  function note(
    kind: KindName | RecordKind,
    name: string,
    before: JsonObject | undefined,
    after: JsonObject | undefined,
  ) {
    const key = JSON.stringify([kind, name])
    const earlier = altered.get(key)
    const first = earlier === undefined ? before : earlier.before
    if (first === undefined && after === undefined) {
      altered.delete(key)
      return
    }
    const action = first === undefined ? 'create' : after === undefined ? 'delete' : 'update'
    altered.set(key, {
      kind,
      name,
      action,
      ...(first === undefined ? {} : { before: first }),
      ...(after === undefined ? {} : { after }),
    })
  }

  function noteRecord(id: RecordId, before: JsonObject | undefined, after: JsonObject | undefined): void {
    changedRecords.set(JSON.stringify([id.kind, id.id]), { kind: id.kind, id: id.id })
    note(id.kind, id.id, before, after)
  }

  /** Whose write it is, and when; who made what was there before stays its maker. */
  const stampOver = (before: Pick<StoredRecord, 'createdAt' | 'createdBy'> | undefined) => ({
    revision,
    createdAt: before?.createdAt ?? now,
    createdBy: before?.createdBy ?? actor.id,
    updatedAt: now,
    updatedBy: actor.id,
  })

  const record = (kind: RecordKind, id: string) => readRecord(session, seal, kind, id)

  async function resource(kind: KindName, name: string): Promise<StoredResource | undefined> {
    const found = await readResource(session, seal, kind, name)
    return found?.deleted === true ? undefined : found
  }

  return {
    head: { revision: head.revision, resourceRevision: head.resourceRevision },
    revision,
    now,
    record,
    records: (query) => findRecords(session, seal, query),
    resource,
    async putRecord(kind, id, body) {
      assertStorable(`The id of a ${kind}`, id)
      const before = await record(kind, id)
      const after: StoredRecord = { kind, id, body, ...stampOver(before) }
      await writeRecord(session, seal, after)
      noteRecord(after, before?.body, body)
      return after
    },
    async deleteRecord(kind, id) {
      const before = await record(kind, id)
      if (before === undefined) return undefined
      await removeRecord(session, before)
      noteRecord(before, before.body, undefined)
      return before
    },
    async putResource(kind, name, spec) {
      assertStorable(`The name of a ${kind}`, name)
      const before = await resource(kind, name)
      const after: StoredResource = { kind, name, spec, deleted: false, ...stampOver(before) }
      await writeResource(session, seal, after)
      changesResources = true
      note(kind, name, before?.spec, spec)
      return after
    },
    async deleteResource(kind, name) {
      const before = await resource(kind, name)
      if (before === undefined) return undefined
      await writeResource(session, seal, { ...before, spec: {}, deleted: true, ...stampOver(before) })
      changesResources = true
      note(kind, name, before.spec, undefined)
      return before
    },
    note(facts) {
      problems = facts.problems ?? problems
      reverts = facts.reverts ?? reverts
    },
    keep: (change, result) => keepOutcome(session, seal, change, { revision, result }),
    get alterations() {
      return [...altered.values()]
    },
    async finish(token) {
      if (changedRecords.size === 0 && !changesResources) return undefined
      const recordFloor = await writeChanges(session, revision, [...changedRecords.values()], head.recordFloor)
      const next = await prune(session, {
        revision,
        resourceRevision: changesResources ? revision : head.resourceRevision,
        recordFloor,
        resourceFloor: head.resourceFloor,
      })
      const alterations = [...altered.values()]
      await appendEntry(session, seal, { id: entry, revision, at: now, actor, alterations, problems, reverts }, token)
      await writeHead(session, entry, now, next)
      await session.notify('head', revision)
      return { revision, resourceRevision: next.resourceRevision, ageMs: 0 }
    },
  }
}
