import { dialects } from './dialect.ts'
import { number, text } from './row.ts'
import type { Seal } from './seal.ts'
import type { SqlSession } from './sql.ts'

/** What was answered to a request with an idempotency key. The body may show a new key, so it is sealed. */
export interface Answer {
  readonly fingerprint: string
  readonly status: number
  readonly body: string
}

/** One that cannot be opened counts as none: the request is then made again. */
export async function readAnswer(session: SqlSession, seal: Seal, key: string): Promise<Answer | undefined> {
  const { now } = dialects[session.dialect]
  const [row] = await session.query(
    `SELECT fingerprint, status, body FROM midflight_answer WHERE key = $1 AND expires_at > ${now}`,
    [key],
  )
  if (row === undefined) return undefined
  const opened = seal.open(text(row, 'body'), placeOf(key))
  if (!('value' in opened) || typeof opened.value !== 'string') return undefined
  return { fingerprint: text(row, 'fingerprint'), status: number(row, 'status'), body: opened.value }
}

/** The first answer stays until it expires. */
export async function writeAnswer(
  session: SqlSession,
  seal: Seal,
  key: string,
  answer: Answer,
  keepMs: number,
): Promise<void> {
  const { now } = dialects[session.dialect]
  await session.query(
    `INSERT INTO midflight_answer (key, fingerprint, status, body, seal_key, expires_at)
     VALUES ($1, $2, $3, $4, $5, ${now} + CAST($6 AS BIGINT))
     ON CONFLICT (key) DO UPDATE SET
       fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
       seal_key = excluded.seal_key, expires_at = excluded.expires_at
     WHERE midflight_answer.expires_at <= ${now}`,
    [key, answer.fingerprint, answer.status, seal.seal(answer.body, placeOf(key)), seal.keyId, Math.ceil(keepMs)],
  )
}

export async function pruneAnswers(session: SqlSession): Promise<void> {
  await session.query(`DELETE FROM midflight_answer WHERE expires_at <= ${dialects[session.dialect].now}`)
}

export function placeOf(key: string): string {
  return JSON.stringify(['answer', key])
}
