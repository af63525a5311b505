import type { NanoUsd } from '../../core/money.ts'
import type { SpendEntry, Spent } from '../../core/spend.ts'

type Value = string | number | null
type Row = Readonly<Record<string, unknown>>

interface Session {
  query(text: string, parameters?: readonly Value[]): Promise<readonly Row[]>
}

export interface SpendSession extends Session {
  readonly dialect: 'sqlite' | 'postgres'
}

/** What sums of spending need of a database; the `SqlDatabase` of `stores/sql.ts` has it. */
export interface SpendDatabase extends SpendSession {
  transaction<Result>(mode: 'read' | 'write', work: (session: Session) => Promise<Result>): Promise<Result>
}

/** What the store says of a spender after a batch. */
export interface StoredSpend extends Spent {
  readonly spender: string
}

/** The entries in the order in which they are to be written: a statement can change a row once, and earlier windows go first. */
export function roundsOf(entries: Iterable<SpendEntry>): readonly (readonly SpendEntry[])[] {
  const rounds: Map<string, SpendEntry>[] = []
  const inOrder = [...entries].sort((one, other) => (one.window?.end ?? 0) - (other.window?.end ?? 0))
  for (const entry of inOrder) {
    let round = rounds.find((each) => !each.has(entry.spender))
    if (round === undefined) {
      round = new Map()
      rounds.push(round)
    }
    round.set(entry.spender, entry)
  }
  return rounds.map((round) => [...round.values()])
}

/** Adds what calls cost, in a transaction of somebody else. @returns the spenders' sums */
export async function addEntries(
  session: SpendSession,
  entries: Iterable<SpendEntry>,
): Promise<readonly StoredSpend[]> {
  const sums = new Map<string, StoredSpend>()
  for (const round of roundsOf(entries)) {
    const written = await session.query(upserts[session.dialect], [JSON.stringify(round.map(valuesOf))])
    for (const sum of written.map(storedSpend)) sums.set(sum.spender, sum)
  }
  return [...sums.values()]
}

function valuesOf({ spender, amount, window, at }: SpendEntry) {
  return [spender, amount, window?.start ?? null, window?.end ?? null, Math.round(at)]
}

const listOf = {
  sqlite: (columns: string) => `SELECT ${columns} FROM jsonb_each(jsonb($1)) AS entry WHERE true`,
  postgres: (columns: string) => `SELECT ${columns} FROM jsonb_array_elements(CAST($1 AS jsonb)) AS entry`,
} as const

const entryColumns = {
  sqlite: [0, 1, 1, 2, 3, 4].map((index) => `entry.value ->> ${index}`).join(', '),
  postgres: [0, 1, 1, 2, 3, 4]
    .map((index) => (index === 0 ? 'entry.value->>0' : `CAST(entry.value->>${index} AS BIGINT)`))
    .join(', '),
} as const

/** A window begins where the entry's does; without one, with its last call. */
const begins = 'COALESCE(excluded.window_start, excluded.updated_at)'
const movedOn = `midflight_spend.window_end IS NOT NULL AND ${begins} >= midflight_spend.window_end`
const late = 'midflight_spend.window_start IS NOT NULL AND excluded.window_end <= midflight_spend.window_start'

/**
 * A call of an earlier window than the row's counts in the total only; one of a later window starts the sum again; one of a window
 * that overlaps belongs to a duration that was changed, and what was spent stays.
 */
const upsert = (dialect: SpendDatabase['dialect']) => `
  INSERT INTO midflight_spend (spender, amount, total, window_start, window_end, updated_at)
  ${listOf[dialect](entryColumns[dialect])} ORDER BY 1
  ON CONFLICT (spender) DO UPDATE SET
    amount = CASE
      WHEN ${movedOn} THEN excluded.amount
      WHEN ${late} THEN midflight_spend.amount
      ELSE midflight_spend.amount + excluded.amount END,
    total = midflight_spend.total + excluded.total,
    window_start = CASE WHEN ${late} THEN midflight_spend.window_start ELSE excluded.window_start END,
    window_end = CASE WHEN ${late} THEN midflight_spend.window_end ELSE excluded.window_end END,
    updated_at = excluded.updated_at
  RETURNING spender, amount, total, window_end`

const upserts = { sqlite: upsert('sqlite'), postgres: upsert('postgres') } as const

const selects = {
  sqlite: `SELECT spender, amount, total, window_end FROM midflight_spend
    WHERE spender IN (SELECT value FROM json_each($1))`,
  postgres: `SELECT spender, amount, total, window_end FROM midflight_spend
    WHERE spender = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST($1 AS jsonb))))`,
} as const

/** Ids of batches are needed only while an answer may be missing. */
const keepBatchesMs = 3_600_000

/**
 * Adds a batch, once: a second time with the same id it changes nothing.
 * @returns the spenders' sums
 */
export function writeBatch(
  database: SpendDatabase,
  id: string,
  entries: readonly SpendEntry[],
  now: number,
): Promise<readonly StoredSpend[]> {
  const values = entries.map(valuesOf)
  return database.transaction('write', async (session) => {
    const [fresh] = await session.query(
      'INSERT INTO midflight_spend_batch (id, written_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id',
      [id, now],
    )
    if (fresh === undefined) {
      return readIn(
        session,
        database.dialect,
        entries.map(({ spender }) => spender),
      )
    }
    await session.query('DELETE FROM midflight_spend_batch WHERE written_at < $1', [now - keepBatchesMs])
    return (await session.query(upserts[database.dialect], [JSON.stringify(values)])).map(storedSpend)
  })
}

export function readSpends(database: SpendDatabase, spenders: readonly string[]): Promise<readonly StoredSpend[]> {
  return readIn(database, database.dialect, spenders)
}

async function readIn(
  session: Session,
  dialect: SpendDatabase['dialect'],
  spenders: readonly string[],
): Promise<readonly StoredSpend[]> {
  return (await session.query(selects[dialect], [JSON.stringify(spenders)])).map(storedSpend)
}

/** The sum of the running window becomes the amount; a window that is over is forgotten. */
export async function writeAmount(
  database: SpendDatabase,
  spender: string,
  amount: number,
  now: number,
): Promise<void> {
  await database.query(
    `INSERT INTO midflight_spend (spender, amount, total, window_start, window_end, updated_at)
      VALUES ($1, $2, 0, NULL, NULL, $3)
      ON CONFLICT (spender) DO UPDATE SET
        amount = excluded.amount,
        window_start = CASE WHEN midflight_spend.window_end > excluded.updated_at THEN midflight_spend.window_start END,
        window_end = CASE WHEN midflight_spend.window_end > excluded.updated_at THEN midflight_spend.window_end END,
        updated_at = excluded.updated_at`,
    [spender, amount, now],
  )
}

export function moveRow(database: SpendDatabase, from: string, to: string): Promise<void> {
  return database.transaction('write', async (session) => {
    await session.query(
      'DELETE FROM midflight_spend WHERE spender = $2 AND EXISTS (SELECT 1 FROM midflight_spend WHERE spender = $1)',
      [from, to],
    )
    await session.query('UPDATE midflight_spend SET spender = $2 WHERE spender = $1', [from, to])
  })
}

function storedSpend(row: Row): StoredSpend {
  const end = row.window_end
  return {
    spender: String(row.spender),
    // Both columns are whole numbers.
    amount: Number(row.amount) as NanoUsd,
    // As above.
    total: Number(row.total) as NanoUsd,
    resetsAt: end === null || end === undefined ? undefined : Number(end),
  }
}
