import type { Pool, PoolClient, QueryConfig } from 'pg'
import { pgPackage } from '../../lib/late-package.ts'
import { DatabaseFailure, type SqlDriver } from '../driver.ts'
import { longestRestMs, runOnSession } from '../session-time.ts'
import type { SqlRow, SqlSession, SqlValue, Topic, TransactionMode, Weight } from '../sql.ts'
import { answerMs, connectionConfig, largeAnswerMs } from './connection.ts'
import { failureOf } from './failure.ts'
import { channelOf, listen } from './listener.ts'
import { readAddress } from './url.ts'

export interface PostgresOptions {
  readonly url: string
  /** Connections; one more listens. */
  readonly connections?: number
  /** `false`: nobody is told of commits, nor tells. */
  readonly hints?: boolean
}

interface Times {
  readonly statementMs: number
  readonly lockMs: number
  readonly restMs: number
}

/**
 * The server's limits end before the client stops waiting, so that a lock is told from a database that is away; and a lock is waited for
 * longer than whoever holds it may rest. A transaction can afford it: its BEGIN was answered.
 */
const usualTimes: Times = { statementMs: longestRestMs + 800, lockMs: longestRestMs + 600, restMs: longestRestMs }
const migrationTimes: Times = { statementMs: 600_000, lockMs: 1_500, restMs: 60_000 }

export function createPostgresDriver({ url, connections = 10, hints = true }: PostgresOptions): SqlDriver {
  const address = readAddress(url)
  let pool: Pool | undefined

  function openPool(): Pool {
    const { Pool } = pgPackage()
    const opened = new Pool({
      ...connectionConfig(address),
      max: connections,
      idleTimeoutMillis: 60_000,
      allowExitOnIdle: true,
    })
    // Connections that break while they are idle are replaced; what they were for is asked again by whoever wants it.
    opened.on('error', () => undefined)
    return opened
  }

  /** @param work calls `discard` when the connection must not be used again */
  async function withClient<Result>(
    work: (client: PoolClient, discard: () => void) => Promise<Result>,
  ): Promise<Result> {
    if (pool === undefined) throw new DatabaseFailure('away', 'it is not open')
    let client: PoolClient
    try {
      client = await pool.connect()
    } catch (error) {
      if (pool !== undefined && isExhausted(pool)) {
        throw new DatabaseFailure('busy', `all ${connections} connections are in use`, { cause: error })
      }
      throw failureOf(error)
    }
    // A broken connection says so between statements too; without somebody listening that would end the process.
    const ignore = () => undefined
    client.on('error', ignore)
    let broken = false
    try {
      return await work(client, () => {
        broken = true
      })
    } catch (error) {
      broken ||= isAway(error)
      throw error
    } finally {
      client.off('error', ignore)
      client.release(broken)
    }
  }

  async function transact<Result>(
    client: PoolClient,
    discard: () => void,
    mode: TransactionMode,
    work: (session: SqlSession) => Promise<Result>,
  ): Promise<Result> {
    const times = mode === 'migration' ? migrationTimes : usualTimes
    const start = mode === 'read' ? 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY' : 'BEGIN'
    // For this transaction only: behind a pooler the connection may be somebody else's next.
    const limits = [
      `statement_timeout = ${times.statementMs}`,
      `lock_timeout = ${times.lockMs}`,
      `idle_in_transaction_session_timeout = ${times.restMs}`,
      ...(mode === 'fleeting' ? ['synchronous_commit = off'] : []),
    ]
    try {
      await send(client, `${start}; ${limits.map((limit) => `SET LOCAL ${limit}`).join('; ')}`)
      const session = sessionOf((text, values) => ask(client, text, values, times.statementMs + 200))
      const result = await runOnSession(session, times.restMs, work)
      await commit(client)
      return result
    } catch (error) {
      // What is away cannot be asked; the transaction ends with its connection.
      if (isAway(error)) discard()
      else await client.query('ROLLBACK').catch(discard)
      throw error
    }
  }

  function sessionOf(
    query: (text: string, values: readonly SqlValue[], weight?: Weight) => Promise<readonly SqlRow[]>,
  ): SqlSession {
    return {
      dialect: 'postgres',
      query: (text, parameters = [], weight) => query(text, parameters, weight),
      async notify(topic: Topic, number: number) {
        if (hints) await query('SELECT pg_notify($1, $2)', [channelOf(topic), String(number)])
      },
    }
  }

  return {
    ...sessionOf((text, values, weight) =>
      withClient((client) => ask(client, text, values, weight === 'large' ? largeAnswerMs : answerMs)),
    ),
    label: address.label,
    async connect() {
      pool ??= openPool()
      await withClient((client) => send(client, 'SELECT 1'))
    },
    disconnect() {
      const left = pool
      pool = undefined
      // What is under way on these may still be answered: perhaps only one of them was lost.
      left?.end().catch(() => undefined)
    },
    async close() {
      const left = pool
      pool = undefined
      // Connections that hang are not waited for.
      await Promise.race([left?.end(), new Promise((resolve) => setTimeout(resolve, answerMs).unref())])
    },
    transaction: (mode, work) => withClient((client, discard) => transact(client, discard, mode, work)),
    listen(onHint, onDoubt) {
      return hints ? listen({ address, onHint, onDoubt }) : () => undefined
    },
  }
}

async function ask(
  client: PoolClient,
  text: string,
  values: readonly SqlValue[],
  timeoutMs: number,
): Promise<readonly SqlRow[]> {
  // `pg` reads the time per query, its types do not say so.
  const question: QueryConfig & { readonly query_timeout: number } = {
    text,
    values: [...values],
    query_timeout: timeoutMs,
  }
  try {
    return (await client.query<SqlRow>(question)).rows
  } catch (error) {
    throw failureOf(error)
  }
}

/** @returns what the last statement did, as PostgreSQL names it */
async function send(client: PoolClient, text: string): Promise<string> {
  try {
    return (await client.query(text)).command
  } catch (error) {
    throw failureOf(error)
  }
}

async function commit(client: PoolClient): Promise<void> {
  let did: string
  try {
    did = await send(client, 'COMMIT')
  } catch (error) {
    if (!isAway(error)) throw error
    throw new DatabaseFailure('away', error.message, { cause: error, uncertain: true })
  }
  if (did !== 'COMMIT') throw new Error('the transaction was rolled back: one of its statements had failed')
}

function isAway(error: unknown): error is DatabaseFailure {
  return error instanceof DatabaseFailure && error.kind === 'away'
}

function isExhausted(pool: Pool): boolean {
  return pool.totalCount >= (pool.options.max ?? 0) && pool.idleCount === 0
}
