import { dialects } from '../dialect.ts'
import type { Migration } from './migration.ts'

/** Who is at work on the request of an idempotency key, and until when (Unix ms) he may be silent; null where it was answered. */
export const claims: Migration = {
  number: 5,
  name: 'claims',
  minimumReader: 1,
  async step(session) {
    const { text } = dialects[session.dialect]
    await session.query(`ALTER TABLE midflight_answer ADD COLUMN owner ${text}`)
    await session.query('ALTER TABLE midflight_answer ADD COLUMN held_until BIGINT')
    return 'done'
  },
}
