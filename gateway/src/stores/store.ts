import type { Store } from '../core/store.ts'
import { makeChange } from './change.ts'
import { createClaims } from './claims.ts'
import { readChanges } from './feed.ts'
import { headOnly, readHead, takeEntry } from './head.ts'
import { appendEntry, readEntries, readEntryOf } from './journal.ts'
import { findRecords, readRecord } from './records.ts'
import { pruneReplicas, readReplicas, removeReplica, writeReport } from './replicas.ts'
import { openResources, readAllResources, readResourcesAfter } from './resources.ts'
import type { Seal } from './seal.ts'
import type { SqlDatabase } from './sql.ts'
import { Turns } from './turns.ts'

/** One report in so many also removes what has expired. */
const pruneEvery = 100

/** How long a change waits for others of this process. */
const longestTurnMs = 10_000

export function createStore(database: SqlDatabase, seal: Seal): Store {
  // The lock of the head is waited for here, where waiting costs nothing, and not in a connection.
  const changes = new Turns(longestTurnMs)
  let reports = 0

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
    async readResources(after) {
      const { head, whole, rows } = await database.transaction('read', async (session) => {
        const head = await readHead(session)
        const whole = after <= 0 || after < head.resourceFloor || after > head.revision
        const rows = whole ? await readAllResources(session) : await readResourcesAfter(session, after)
        return { head, whole, rows }
      })
      return { head: headOnly(head), whole, resources: await openResources(rows, seal) }
    },
    readChangedRecords(after) {
      return database.transaction('read', async (session) => {
        const head = await readHead(session)
        return { head: headOnly(head), changed: await readChanges(session, head, after) }
      })
    },
    record: (kind, id) => readRecord(database, seal, kind, id),
    records: (query) => findRecords(database, seal, query),
    change: (options, work) => changes.take(() => makeChange(database, seal, options, work)),
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
      // Changes are answered when this is seen. After a power cut no replica runs, so nothing is lost with it.
      await database.transaction('fleeting', async (session) => {
        await writeReport(session, replica)
        await session.notify('replica', replica.revision)
      })
      reports += 1
      if (reports % pruneEvery === 1) await pruneReplicas(database)
    },
    async forget(replica) {
      await removeReplica(database, replica)
      await database.notify('replica', 0)
    },
    replicas: () => readReplicas(database),
    watch: (onHint) => database.watch(onHint),
    claims: createClaims(database, seal),
  }
}
