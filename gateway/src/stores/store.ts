import type { Store } from '../core/store.ts'
import { pruneAnswers, readAnswer, writeAnswer } from './answers.ts'
import { readChanges } from './feed.ts'
import { lockHead, readHead, type StoredHead, takeEntry } from './head.ts'
import { appendEntry, readEntries, readEntryOf } from './journal.ts'
import { findRecords, readRecord } from './records.ts'
import { pruneReplicas, readReplicas, removeReplica, writeReport } from './replicas.ts'
import { readAllResources, readResourcesAfter } from './resources.ts'
import type { Seal } from './seal.ts'
import type { SqlDatabase } from './sql.ts'
import { beginChange } from './transaction.ts'
import { Turns } from './turns.ts'

/** One write in so many also removes what has expired. */
const pruneEvery = 100

/** How long a change waits for others of this process. */
const longestTurnMs = 10_000

/** Ends a transaction without keeping what it did. */
class Rollback<Result> extends Error {
  readonly result: Result

  constructor(result: Result) {
    super('rolled back as asked')
    this.result = result
  }
}

export function createStore(database: SqlDatabase, seal: Seal): Store {
  // The lock of the head is waited for here, where waiting costs nothing, and not in a connection.
  const changes = new Turns(longestTurnMs)
  let reports = 0
  let answers = 0

  return {
    dialect: database.dialect,
    get health() {
      return database.health
    },
    start: () => database.open(),
    stop: () => database.close(),
    async head() {
      return headOnly(await readHead(database))
    },
    readResources(after) {
      return database.transaction('read', async (session) => {
        const head = await readHead(session)
        const whole = after <= 0 || after < head.resourceFloor || after > head.revision
        const resources = whole ? await readAllResources(session, seal) : await readResourcesAfter(session, seal, after)
        return { head: headOnly(head), whole, resources }
      })
    },
    readChangedRecords(after) {
      return database.transaction('read', async (session) => {
        const head = await readHead(session)
        return { head: headOnly(head), changed: await readChanges(session, head, after) }
      })
    },
    record: (kind, id) => readRecord(database, seal, kind, id),
    records: (query) => findRecords(database, seal, query),
    change: ({ actor, dryRun = false, above = 0 }, work) =>
      changes.take(async () => {
        try {
          return await database.transaction('write', async (session) => {
            const locked = await lockHead(session, above)
            const change = beginChange(session, seal, locked, actor)
            const result = await work(change)
            const { alterations } = change
            const unchanged = { result, head: headOnly(locked.head), alterations }
            if (dryRun) throw new Rollback(unchanged)
            const head = await change.finish()
            if (head === undefined) throw new Rollback(unchanged)
            return { result, head, alterations }
          })
        } catch (error) {
          // Thrown only just above, with this call's own type of result.
          if (error instanceof Rollback) return error.result
          throw error
        }
      }),
    journal: (query) => readEntries(database, seal, query),
    journalOf: (revision) => readEntryOf(database, seal, revision),
    recordRefusal(actor, alterations, problems) {
      return changes.take(() =>
        database.transaction('write', async (session) => {
          const { entry, now } = await takeEntry(session)
          const facts = { revision: undefined, reverts: undefined, at: now, actor, alterations, problems }
          await appendEntry(session, seal, { id: entry, ...facts })
        }),
      )
    },
    async report(replica) {
      await writeReport(database, replica)
      await database.notify('replica', replica.revision)
      reports += 1
      if (reports % pruneEvery === 1) await pruneReplicas(database)
    },
    async forget(replica) {
      await removeReplica(database, replica)
      await database.notify('replica', 0)
    },
    replicas: () => readReplicas(database),
    watch: (onHint) => database.watch(onHint),
    remembered: (key) => readAnswer(database, seal, key),
    async remember(key, answer, keepMs) {
      await writeAnswer(database, seal, key, answer, keepMs)
      answers += 1
      if (answers % pruneEvery === 1) await pruneAnswers(database)
    },
  }
}

function headOnly({ revision, resourceRevision, ageMs }: StoredHead) {
  return { revision, resourceRevision, ...(ageMs === undefined ? {} : { ageMs }) }
}
