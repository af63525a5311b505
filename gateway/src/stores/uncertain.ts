import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../core/errors.ts'
import { DatabaseFailure } from './driver.ts'
import { lockHead } from './head.ts'
import { hasEntry } from './journal.ts'
import type { SqlDatabase } from './sql.ts'

/** A database that restarts is back within this time; one that fails over is not. */
const longestWaitMs = 3_000
const pollMs = 25

/** Whether the connection was lost between asking for the commit and its answer. */
export function isUncertain(error: unknown): boolean {
  return error instanceof GatewayError && error.cause instanceof DatabaseFailure && error.cause.uncertain
}

/**
 * Finds out whether a change was committed whose answer was lost, so that what is told is true.
 * @throws GatewayError `store_unavailable` when the database stays away: the journal tells later
 */
export async function wasCommitted(database: SqlDatabase, revision: number, token: string): Promise<boolean> {
  const until = performance.now() + longestWaitMs
  while (!database.health.up && performance.now() < until) await sleep(pollMs)
  try {
    // The lost transaction may still be about to commit. It holds the head, so its end is waited for.
    return await database.transaction('write', async (session) => {
      await lockHead(session, 0)
      return hasEntry(session, revision, token)
    })
  } catch (cause) {
    throw new GatewayError(
      'store_unavailable',
      `The database went away while the change was committed, so it may be in force. If it is, GET /config/journal shows it as revision ${revision}.`,
      { cause },
    )
  }
}
