import {
  type Claim,
  type ClaimedChange,
  type Claims,
  inProgress,
  type KeptAnswer,
  type Outcome,
} from '../core/claim.ts'
import { isObject } from '../lib/json.ts'
import { dialects } from './dialect.ts'
import { number, text } from './row.ts'
import type { Seal } from './seal.ts'
import type { SqlDatabase, SqlSession } from './sql.ts'

/**
 * `midflight_answer` has a row for each idempotency key, from the claim (status 0) to the answer, and until that is there one for each
 * change that was committed under it, `<key>:<number>`. Bodies may show a new key, so they are sealed.
 */
const underWay = 0

/** One answer in so many also removes what has expired. */
const pruneEvery = 100

export function createClaims(database: SqlDatabase, seal: Seal): Claims {
  const { now } = dialects[database.dialect]
  let answers = 0

  /** @returns whether it is this try's */
  async function insert({ key, fingerprint, owner }: Claim, holdMs: number, keepMs: number): Promise<boolean> {
    const rows = await database.query(
      `INSERT INTO midflight_answer (key, fingerprint, status, body, seal_key, owner, held_until, expires_at)
       VALUES ($1, $2, ${underWay}, '', '', $3, ${now} + CAST($4 AS BIGINT), ${now} + CAST($5 AS BIGINT))
       ON CONFLICT (key) DO UPDATE SET
         fingerprint = excluded.fingerprint, status = excluded.status, body = '', seal_key = '',
         owner = excluded.owner, held_until = excluded.held_until, expires_at = excluded.expires_at
       WHERE midflight_answer.expires_at <= ${now}
         OR (midflight_answer.status = ${underWay} AND midflight_answer.held_until <= ${now}
           AND midflight_answer.fingerprint = excluded.fingerprint)
       RETURNING key`,
      [key, fingerprint, owner, Math.ceil(holdMs), Math.ceil(keepMs)],
    )
    return rows.length > 0
  }

  async function outcomes({ key, fingerprint }: Claim): Promise<ReadonlyMap<number, Outcome>> {
    const rows = await database.query(
      `SELECT key, body FROM midflight_answer
       WHERE key > $1 AND key < $2 AND fingerprint = $3 AND expires_at > ${now}`,
      [...changesOf(key), fingerprint],
    )
    const made = new Map<number, Outcome>()
    for (const row of rows) {
      const place = text(row, 'key')
      const outcome = outcomeOf(open(seal, place, text(row, 'body')))
      if (outcome !== undefined) made.set(Number(place.slice(key.length + 1)), outcome)
    }
    return made
  }

  return {
    async take(claim, { holdMs, keepMs }) {
      if (await insert(claim, holdMs, keepMs)) return { state: 'won', made: await outcomes(claim) }
      const [row] = await database.query(
        `SELECT fingerprint, status, body FROM midflight_answer WHERE key = $1 AND expires_at > ${now}`,
        [claim.key],
      )
      if (row === undefined) return { state: 'held' }
      if (text(row, 'fingerprint') !== claim.fingerprint) return { state: 'mismatch' }
      const status = number(row, 'status')
      if (status === underWay) return { state: 'held' }
      const sealed = text(row, 'body')
      const body = open(seal, claim.key, sealed)
      if (typeof body === 'string') return { state: 'answered', answer: { status, body } }
      // An answer that cannot be opened counts as none: the request is then made again.
      await database.query('DELETE FROM midflight_answer WHERE key = $1 AND body = $2', [claim.key, sealed])
      return { state: 'held' }
    },
    async hold({ key, owner }, holdMs) {
      await database.query(
        `UPDATE midflight_answer SET held_until = ${now} + CAST($3 AS BIGINT)
         WHERE key = $1 AND owner = $2 AND status = ${underWay}`,
        [key, owner, Math.ceil(holdMs)],
      )
    },
    async answer({ key, owner }, { status, body }: KeptAnswer, keepMs) {
      const kept = await database.query(
        `UPDATE midflight_answer SET status = $3, body = $4, seal_key = $5, owner = NULL, held_until = NULL,
           expires_at = ${now} + CAST($6 AS BIGINT)
         WHERE key = $1 AND owner = $2 AND status = ${underWay} RETURNING key`,
        [key, owner, status, seal.seal(body, placeOf(key)), seal.keyId, Math.ceil(keepMs)],
      )
      if (kept.length > 0) {
        await database.query('DELETE FROM midflight_answer WHERE key > $1 AND key < $2', changesOf(key))
      }
      answers += 1
      if (answers % pruneEvery === 1) {
        await database.query(`DELETE FROM midflight_answer WHERE expires_at <= ${now}`)
      }
    },
    async release({ key, owner }) {
      await database.query(
        `DELETE FROM midflight_answer WHERE key = $1 AND owner = $2 AND status = ${underWay}
           AND NOT EXISTS (SELECT 1 FROM midflight_answer made WHERE made.key > $3 AND made.key < $4)`,
        [key, owner, ...changesOf(key)],
      )
      await database.query(
        `UPDATE midflight_answer SET held_until = 0 WHERE key = $1 AND owner = $2 AND status = ${underWay}`,
        [key, owner],
      )
    },
  }
}

/** `Transaction.keep`: the claim's row is locked until the commit, so that nobody takes it over in between. */
export async function keepOutcome(
  session: SqlSession,
  seal: Seal,
  { claim, number: place }: ClaimedChange,
  outcome: { readonly revision: number; readonly result: unknown },
): Promise<void> {
  const [row] = await session.query(
    `UPDATE midflight_answer SET owner = owner WHERE key = $1 AND owner = $2 AND status = ${underWay}
     RETURNING expires_at`,
    [claim.key, claim.owner],
  )
  if (row === undefined) throw inProgress()
  const key = `${claim.key}:${place}`
  await session.query(
    `INSERT INTO midflight_answer (key, fingerprint, status, body, seal_key, expires_at)
     VALUES ($1, $2, ${underWay}, $3, $4, $5)
     ON CONFLICT (key) DO UPDATE SET
       fingerprint = excluded.fingerprint, body = excluded.body, seal_key = excluded.seal_key,
       expires_at = excluded.expires_at`,
    // It ends with its claim, or the next request of that key would find it.
    [key, claim.fingerprint, seal.seal(JSON.stringify(outcome), placeOf(key)), seal.keyId, number(row, 'expires_at')],
  )
}

/** What the sealed body of a row belongs to. */
export function placeOf(key: string): string {
  return JSON.stringify(['answer', key])
}

/** Between which keys those of a claim's changes lie: `;` follows `:`. */
function changesOf(key: string): readonly [string, string] {
  return [`${key}:`, `${key};`]
}

function open(seal: Seal, key: string, body: string): string | undefined {
  const opened = seal.open(body, placeOf(key))
  return 'value' in opened && typeof opened.value === 'string' ? opened.value : undefined
}

function outcomeOf(body: string | undefined): Outcome | undefined {
  const value: unknown = body === undefined ? undefined : JSON.parse(body)
  if (!isObject(value) || typeof value.revision !== 'number') return undefined
  const { revision, result } = value
  return { revision, ...(result === undefined ? {} : { result }) }
}
