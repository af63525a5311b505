import { dialects } from '../dialect.ts'
import type { Migration } from './migration.ts'

/** Large contents under their SHA-256, base64 of what may be compressed. */
export const contents: Migration = {
  number: 4,
  name: 'contents',
  minimumReader: 1,
  async step(session) {
    const { text } = dialects[session.dialect]
    await session.query(
      `CREATE TABLE IF NOT EXISTS midflight_content (
        hash ${text} PRIMARY KEY,
        body ${text} NOT NULL,
        used_at BIGINT NOT NULL
      )`,
    )
    return 'done'
  },
}
